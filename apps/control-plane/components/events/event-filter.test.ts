import type { EventView } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import {
  ALL_EVENTS,
  addressOf,
  eventsCsv,
  eventsPath,
  filterFromAddress,
  matchesFilter,
  mergeEvents,
} from './event-filter.ts';

const event = (id: number, change: Partial<EventView> = {}): EventView => ({
  id,
  at: '2026-01-01T00:00:00Z',
  level: 'info',
  kind: 'device-lost',
  message: `message ${id}`,
  device: null,
  deployment: null,
  ...change,
});

describe('the filter of the history', () => {
  it('comes out of the address as it went in', () => {
    const filter = { level: 'error', device: 'a b', deployment: 'net', text: 'killed & gone' } as const;
    expect(filterFromAddress(new URLSearchParams(addressOf(filter)))).toEqual(filter);
    expect(addressOf(ALL_EVENTS)).toBe('');
    expect(filterFromAddress(new URLSearchParams('level=loud'))).toEqual(ALL_EVENTS);
  });

  it('asks the API for all but the words, which are sought here', () => {
    const filter = { ...ALL_EVENTS, level: 'warning', text: 'lost' } as const;
    expect(eventsPath(filter, 100, 7)).toBe('/api/events?limit=100&level=warning&before=7');
    expect(matchesFilter(event(1, { level: 'warning', message: 'pi-1 LOST' }), filter)).toBe(true);
    expect(matchesFilter(event(1, { level: 'warning', message: 'fine', kind: 'x' }), filter)).toBe(false);
  });

  it('shows each event once, newest first, and leaves no gap before the page that is fetched next', () => {
    const merged = mergeEvents([event(9), event(7)], [event(10), event(9), event(3)], ALL_EVENTS);
    expect(merged.map(({ id }) => id)).toEqual([10, 9, 7]);
  });
});

describe('the history as CSV', () => {
  it('quotes what would break a line or run as a formula', () => {
    const [, line] = eventsCsv([event(1, { message: 'a "b", c' })]).split('\r\n');
    expect(line).toBe('1,2026-01-01T00:00:00Z,info,device-lost,"a ""b"", c",,');
    expect(eventsCsv([event(1, { message: '=HYPERLINK()' })])).toContain("'=HYPERLINK()");
  });
});
