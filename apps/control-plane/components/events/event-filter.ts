import type { EventLevel, EventView } from '@sparewheel/protocol';
import type { CsvTable } from '../export/csv.ts';

/** Selects events. An empty field matches all events. */
export interface EventFilter {
  readonly level: EventLevel | '';
  /** A device's id. */
  readonly device: string;
  readonly deployment: string;
  readonly text: string;
}

export const ALL_EVENTS: EventFilter = { level: '', device: '', deployment: '', text: '' };

const LEVELS: readonly string[] = ['info', 'warning', 'error'];

/** Reads the filter from an address, so that a filtered view can be shared. */
export function filterFromAddress(parameters: Pick<URLSearchParams, 'get'>): EventFilter {
  const level = parameters.get('level') ?? '';
  return {
    level: LEVELS.includes(level) ? (level as EventLevel) : '',
    device: parameters.get('device') ?? '',
    deployment: parameters.get('deployment') ?? '',
    text: parameters.get('text') ?? '',
  };
}

/** Returns the filter as a query string: "?level=error&device=…", or "" for no filter. */
export function addressOf(filter: EventFilter): string {
  const parameters = new URLSearchParams(Object.entries(filter).filter(([, value]) => value !== ''));
  return parameters.size === 0 ? '' : `?${parameters}`;
}

/** Returns the API path of one page of events. The API does not filter by text; the page does. */
export function eventsPath(filter: EventFilter, limit: number, before: number | null): string {
  const { level, device, deployment } = filter;
  const parameters = new URLSearchParams({ limit: String(limit) });
  if (level !== '') parameters.set('level', level);
  if (device !== '') parameters.set('device', device);
  if (deployment !== '') parameters.set('deployment', deployment);
  if (before !== null) parameters.set('before', String(before));
  return `/api/events?${parameters}`;
}

export function matchesFilter(event: EventView, { level, device, deployment, text }: EventFilter): boolean {
  return (
    (level === '' || event.level === level) &&
    (device === '' || event.device === device) &&
    (deployment === '' || event.deployment === deployment) &&
    `${event.message} ${event.kind}`.toLowerCase().includes(text.trim().toLowerCase())
  );
}

/** Merges fetched and live events without duplicates, newest first. */
export function mergeEvents(
  fetched: readonly EventView[],
  live: readonly EventView[],
  filter: EventFilter,
): readonly EventView[] {
  const oldest = fetched.at(-1)?.id ?? 0;
  const byId = new Map(fetched.map((event) => [event.id, event]));
  // Older live events belong to the next page. Showing them now would leave a gap before them.
  for (const event of live) if (event.id > oldest) byId.set(event.id, event);
  return [...byId.values()].filter((event) => matchesFilter(event, filter)).sort((a, b) => b.id - a.id);
}

const COLUMNS = ['id', 'at', 'level', 'kind', 'message', 'device', 'deployment'] as const;

/** Returns one row per event. */
export function eventsTable(events: readonly EventView[]): CsvTable {
  return { columns: COLUMNS, rows: events.map((event) => COLUMNS.map((column) => event[column])) };
}
