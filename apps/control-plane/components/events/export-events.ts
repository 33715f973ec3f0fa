import type { EventView } from '@sparewheel/protocol';
import { askApi } from '../live-connection/api-client.ts';
import { saveFile } from '../save-file.ts';
import { type EventFilter, eventsCsv, eventsPath, matchesFilter } from './event-filter.ts';

/** The API's largest page, and as many as a spreadsheet is fine with. */
const PAGE = 1_000;
const AT_MOST = 20_000;

/**
 * Hands everything that matches to the person as a file, not only what the page has loaded.
 * @returns how many events it holds
 */
export async function exportEvents(filter: EventFilter, format: 'csv' | 'json'): Promise<number> {
  const all: EventView[] = [];
  for (;;) {
    const page = await askApi<readonly EventView[]>('GET', eventsPath(filter, PAGE, all.at(-1)?.id ?? null));
    all.push(...page);
    if (page.length < PAGE || all.length >= AT_MOST) break;
  }
  const events = all.filter((event) => matchesFilter(event, filter));
  const text = format === 'csv' ? eventsCsv(events) : `${JSON.stringify(events, null, 2)}\n`;
  const type = format === 'csv' ? 'text/csv' : 'application/json';
  saveFile(new Blob([text], { type }), `events.${format}`);
  return events.length;
}
