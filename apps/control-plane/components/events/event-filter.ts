import type { EventLevel, EventView } from '@sparewheel/protocol';

/** What of the history is looked at. An empty field asks for nothing in particular. */
export interface EventFilter {
  readonly level: EventLevel | '';
  /** A device's id. */
  readonly device: string;
  readonly deployment: string;
  readonly text: string;
}

export const ALL_EVENTS: EventFilter = { level: '', device: '', deployment: '', text: '' };

const LEVELS: readonly string[] = ['info', 'warning', 'error'];

/** The filter that an address asks for, so that a view of the history can be sent to somebody. */
export function filterFromAddress(parameters: Pick<URLSearchParams, 'get'>): EventFilter {
  const level = parameters.get('level') ?? '';
  return {
    level: LEVELS.includes(level) ? (level as EventLevel) : '',
    device: parameters.get('device') ?? '',
    deployment: parameters.get('deployment') ?? '',
    text: parameters.get('text') ?? '',
  };
}

/** "?level=error&device=…", or "" where nothing is filtered. */
export function addressOf(filter: EventFilter): string {
  const parameters = new URLSearchParams(Object.entries(filter).filter(([, value]) => value !== ''));
  return parameters.size === 0 ? '' : `?${parameters}`;
}

/** The path that asks the API for a page of the history. Text is not the API's business: it is sought here. */
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

/** Those that were fetched and those that came since, each once, newest first. */
export function mergeEvents(
  fetched: readonly EventView[],
  live: readonly EventView[],
  filter: EventFilter,
): readonly EventView[] {
  const oldest = fetched.at(-1)?.id ?? 0;
  const byId = new Map(fetched.map((event) => [event.id, event]));
  // What is older than the last page is left to the next page: there would be a gap between the two.
  for (const event of live) if (event.id > oldest) byId.set(event.id, event);
  return [...byId.values()].filter((event) => matchesFilter(event, filter)).sort((a, b) => b.id - a.id);
}

const COLUMNS = ['id', 'at', 'level', 'kind', 'message', 'device', 'deployment'] as const;

/** RFC 4180: a line an event, quoted where it must be. */
export function eventsCsv(events: readonly EventView[]): string {
  const lines = events.map((event) => COLUMNS.map((column) => csvField(event[column])).join(','));
  return [COLUMNS.join(','), ...lines, ''].join('\r\n');
}

function csvField(value: string | number | null): string {
  // A spreadsheet takes a field that begins so for a formula.
  const text = value === null ? '' : String(value).replace(/^[=+\-@\t\r]/, "'$&");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
