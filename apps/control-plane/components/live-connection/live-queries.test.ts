import type { EventView, UiSnapshot } from '@sparewheel/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deployment, device } from '../testing/view-fixtures.ts';
import {
  createQueryClient,
  EMPTY,
  EVENTS_SHOWN,
  hasSnapshot,
  writeEvent,
  writeLive,
  writeSnapshot,
} from './live-queries.ts';

const event = (id: number): EventView => ({
  id,
  at: '2026-01-01T00:00:00Z',
  level: 'info',
  kind: 'device-joined',
  message: `event ${id}`,
  device: null,
  deployment: null,
});
const snapshot: UiSnapshot = {
  ...EMPTY,
  at: '2026-01-01T00:00:00Z',
  devices: [device('d1'), device('d2')],
  deployments: [deployment(1, 1)],
  events: [event(3), event(2), event(1)],
};

function filled() {
  const client = createQueryClient();
  writeSnapshot(client, snapshot);
  const read = <Part extends keyof UiSnapshot>(part: Part) =>
    client.getQueryData<UiSnapshot[Part]>(['live', part]);
  return { client, read };
}

describe('the pushed data in the cache', () => {
  it('exists after the first snapshot', () => {
    expect(hasSnapshot(createQueryClient())).toBe(false);
    expect(hasSnapshot(filled().client)).toBe(true);
  });

  it('keeps the identity of unchanged parts', () => {
    const { client, read } = filled();
    const first = read('devices')?.[0];
    const deployments = read('deployments');
    writeLive(client, 'devices', structuredClone([device('d1'), device('d2', { inFlight: 3 })]));
    expect(read('devices')?.[0]).toBe(first);
    expect(read('devices')?.[1]?.inFlight).toBe(3);
    expect(read('deployments')).toBe(deployments);
  });

  it('is replaced by a later snapshot', () => {
    const { client, read } = filled();
    writeSnapshot(client, { ...snapshot, devices: [] });
    expect(read('devices')).toEqual([]);
  });

  it('contains each event once, newest first, and forgets the oldest', () => {
    const ids = fc.array(fc.integer({ min: 1, max: 600 }), { maxLength: 400 });
    fc.assert(
      fc.property(ids, (pushed) => {
        const { client, read } = filled();
        for (const id of pushed) writeEvent(client, event(id));
        const shown = read('events')?.map(({ id }) => id) ?? [];
        const all = [...new Set([1, 2, 3, ...pushed])].sort((a, b) => b - a);
        expect(shown.length).toBe(Math.min(all.length, EVENTS_SHOWN));
        expect(shown).toEqual([...new Set(shown)].sort((a, b) => b - a));
        expect(shown[0]).toBe(all[0]);
      }),
      { numRuns: 20 },
    );
  });
});
