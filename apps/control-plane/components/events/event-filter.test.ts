import type { EventView } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { toCsv } from '../export/csv.ts';
import {
  ALL_EVENTS,
  addressOf,
  eventsPath,
  eventsTable,
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

describe('the event filter', () => {
  it('survives the way through the address', () => {
    const filter = { level: 'error', device: 'a b', deployment: 'net', text: 'killed & gone' } as const;
    expect(filterFromAddress(new URLSearchParams(addressOf(filter)))).toEqual(filter);
    expect(addressOf(ALL_EVENTS)).toBe('');
    expect(filterFromAddress(new URLSearchParams('level=loud'))).toEqual(ALL_EVENTS);
  });

  it('sends everything to the API except the text', () => {
    const filter = { ...ALL_EVENTS, level: 'warning', text: 'lost' } as const;
    expect(eventsPath(filter, 100, 7)).toBe('/api/events?limit=100&level=warning&before=7');
    expect(matchesFilter(event(1, { level: 'warning', message: 'pi-1 LOST' }), filter)).toBe(true);
    expect(matchesFilter(event(1, { level: 'warning', message: 'fine', kind: 'x' }), filter)).toBe(false);
  });

  it('shows each event once, newest first, without a gap before the next page', () => {
    const merged = mergeEvents([event(9), event(7)], [event(10), event(9), event(3)], ALL_EVENTS);
    expect(merged.map(({ id }) => id)).toEqual([10, 9, 7]);
  });
});

describe('events as CSV', () => {
  it('quote special characters and disarm formulas', () => {
    const [, line] = toCsv(eventsTable([event(1, { message: 'a "b", c' })])).split('\n');
    expect(line).toBe('1,2026-01-01T00:00:00Z,info,device-lost,"a ""b"", c",,');
    expect(toCsv(eventsTable([event(1, { message: '=HYPERLINK()' })]))).toContain("'=HYPERLINK()");
  });
});
