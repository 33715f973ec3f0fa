import { describe, expect, it } from 'vitest';
import { deployment, device } from '../testing/view-fixtures.ts';
import { applyMessage, EVENTS_SHOWN, firstState, NOTHING_YET } from './live-state.ts';

const event = (id: number) => ({
  id,
  at: '2026-01-01T00:00:00Z',
  level: 'info' as const,
  kind: 'device-joined',
  message: `event ${id}`,
  device: null,
  deployment: null,
});
const snapshot = {
  at: '2026-01-01T00:00:00Z',
  devices: [device('d1')],
  deployments: [deployment(1, 1)],
  models: [],
  latency: [],
  events: [event(1), event(3), event(2)],
  startedAt: '2026-01-01T00:00:00Z',
  inferenceUrl: 'http://127.0.0.1:3001',
};

describe('the live state', () => {
  it('starts with the snapshot that the server drew, before there is a connection', () => {
    expect(firstState(snapshot)).toMatchObject({
      connection: 'connecting',
      loaded: true,
      devices: snapshot.devices,
      events: [{ id: 3 }, { id: 2 }, { id: 1 }],
    });
    expect(firstState(null)).toBe(NOTHING_YET);
  });

  it('is the snapshot, with the newest event first', () => {
    const state = applyMessage(NOTHING_YET, { kind: 'snapshot', snapshot });
    expect(state).toMatchObject({ connection: 'live', loaded: true, inferenceUrl: 'http://127.0.0.1:3001' });
    expect(state.events.map(({ id }) => id)).toEqual([3, 2, 1]);
  });

  it('keeps what it knows while the connection is lost, and replaces it after', () => {
    const before = applyMessage(NOTHING_YET, { kind: 'snapshot', snapshot });
    const lost = applyMessage(before, { kind: 'connection', connection: 'lost' });
    expect(lost).toMatchObject({ connection: 'lost', loaded: true, devices: snapshot.devices });
    const again = applyMessage(lost, { kind: 'snapshot', snapshot: { ...snapshot, devices: [] } });
    expect(again).toMatchObject({ connection: 'live', devices: [] });
  });

  it('replaces one list and leaves the others as they were', () => {
    const before = applyMessage(NOTHING_YET, { kind: 'snapshot', snapshot });
    const after = applyMessage(before, { kind: 'devices', list: [] });
    expect(after.devices).toEqual([]);
    expect(after.deployments).toBe(before.deployments);
  });

  it('shows an event once and forgets the oldest', () => {
    let state = applyMessage(NOTHING_YET, { kind: 'snapshot', snapshot });
    state = applyMessage(state, { kind: 'event', event: event(3) });
    expect(state.events.map(({ id }) => id)).toEqual([3, 2, 1]);
    for (let id = 4; id < 4 + EVENTS_SHOWN; id += 1)
      state = applyMessage(state, { kind: 'event', event: event(id) });
    expect(state.events).toHaveLength(EVENTS_SHOWN);
    expect(state.events.at(-1)?.id).toBe(4);
  });
});
