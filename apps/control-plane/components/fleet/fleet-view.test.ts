import { describe, expect, it } from 'vitest';
import { deployment, device, seat } from '../testing/view-fixtures.ts';
import { endReason, fleetRows, fleetSummary } from './fleet-view.ts';

const NOTHING_PENDING = new Map();
const names = ['d1', 'd2', 'd3', 'd4', 'p1', 'standby-10', 'standby-9'];
const devices = (dead: readonly string[]) =>
  names.map((name) => device(name, { state: dead.includes(name) ? 'dead' : 'ready' }));

describe('the fleet', () => {
  it('is sorted by seat, with devices without a seat last, by number', () => {
    const rows = fleetRows(devices([]).reverse(), deployment(4, 1), NOTHING_PENDING);
    expect(rows.map((row) => row.device.name)).toEqual([
      'd1',
      'd2',
      'd3',
      'd4',
      'p1',
      'standby-9',
      'standby-10',
    ]);
    expect(rows.map((row) => row.roleLabel)).toEqual([
      'Data 0',
      'Data 1',
      'Data 2',
      'Data 3',
      'Parity 4',
      'Standby',
      'Standby',
    ]);
  });

  it('names the parity device that recovers the shard of a dead device', () => {
    const rows = fleetRows(devices(['d3']), deployment(4, 1), NOTHING_PENDING);
    expect(rows.map((row) => row.cover)).toEqual([
      null,
      null,
      'recovered by parity p1',
      null,
      null,
      null,
      null,
    ]);
    expect(rows[2]?.coveredBy).toEqual(['id-p1']);
  });

  it('reports a rescue when more shards are missing than the code can recover', () => {
    const rows = fleetRows(devices(['d1', 'd3']), deployment(4, 1), NOTHING_PENDING);
    expect(rows.filter((row) => row.cover !== null).map((row) => row.cover)).toEqual([
      'rescued by the data plane',
      'rescued by the data plane',
    ]);
  });

  it('waits for a standby instead, if the data plane may not compute', () => {
    const devicesOnly = deployment(4, 1, { policy: { ...deployment(4, 1).policy, rescue: 'off' } });
    const rows = fleetRows(devices(['d1', 'd3']), devicesOnly, NOTHING_PENDING);
    expect([rows[0], rows[2]]).toMatchObject([
      { cover: 'waiting for another device', waiting: true },
      { cover: 'waiting for another device', waiting: true },
    ]);
    const healing = {
      ...devicesOnly,
      progress: {
        ...devicesOnly.progress,
        seats: devicesOnly.progress.seats.map((old) =>
          old.seat === 2 ? seat(2, 'data', 'standby-9', { state: 'installing' }) : old,
        ),
      },
    };
    expect(fleetRows(devices(['d1', 'd3']), healing, NOTHING_PENDING)[2]).toMatchObject({
      stateLabel: 'Receiving its shard',
      cover: 'requests wait for it',
    });
    const one = fleetRows(devices(['d3']), devicesOnly, NOTHING_PENDING);
    expect(one[2]).toMatchObject({ cover: 'recovered by parity p1', waiting: false });
  });

  it('does not count a dead device without a seat as a standby', () => {
    const rows = fleetRows(devices(['standby-9']), deployment(4, 1), NOTHING_PENDING);
    expect(rows.slice(5).map(({ roleLabel }) => roleLabel)).toEqual(['No seat', 'Standby']);
  });

  it('recovers nothing with a dead parity device', () => {
    const rows = fleetRows(devices(['d1', 'p1']), deployment(4, 1), NOTHING_PENDING);
    expect(rows[0]?.cover).toBe('rescued by the data plane');
    expect(rows[4]?.cover).toBeNull();
  });

  it('recovers the shard of a device that is still receiving it, and shows its progress', () => {
    const healing = deployment(4, 1);
    const seats = healing.progress.seats.map((old) =>
      old.seat === 2 ? seat(2, 'data', 'standby-9', { state: 'installing', sentBytes: 43 }) : old,
    );
    const rows = fleetRows(
      devices(['d3']),
      { ...healing, progress: { ...healing.progress, seats } },
      NOTHING_PENDING,
    );
    expect(rows[2]).toMatchObject({
      roleLabel: 'Data 2',
      installing: 0.43,
      stateLabel: 'Receiving its shard',
      cover: 'recovered by parity p1',
    });
    expect(rows.find((row) => row.device.name === 'd3')).toMatchObject({
      role: 'standby',
      stateLabel: 'Dead',
    });
  });

  it('follows the rescue rule of the policy, and names a substitute', () => {
    const policy = { ...deployment(4, 0).policy, rescue: 'devices' as const };
    const uncoded = deployment(4, 0, { policy });
    const coverOfD1 = (change = uncoded) =>
      fleetRows(devices(['d1']), change, NOTHING_PENDING).find((row) => row.device.name === 'd1')?.cover;
    expect(coverOfD1()).toBe('waiting for another device');
    const substituted = (substituteState: 'loading' | 'computing') => {
      const seats = uncoded.progress.seats.map((old) =>
        old.seat === 0 ? { ...old, substitute: 'id-d2', substituteName: 'd2', substituteState } : old,
      );
      return { ...uncoded, progress: { ...uncoded.progress, seats } };
    };
    expect(coverOfD1(substituted('loading'))).toBe('loaded by d2 as a second task');
    expect(coverOfD1(substituted('computing'))).toBe('computed by d2 as a second task');
  });

  it('counts a shard that a substitute computes as answered, so that parity recovers the other one', () => {
    const policy = { ...deployment(4, 1).policy, rescue: 'devices' as const };
    const coded = deployment(4, 1, { policy });
    const covers = (substituteState: 'loading' | 'computing') => {
      const seats = coded.progress.seats.map((old) =>
        old.seat === 0 ? { ...old, substitute: 'id-d2', substituteName: 'd2', substituteState } : old,
      );
      const changed = { ...coded, progress: { ...coded.progress, seats } };
      const rows = fleetRows(devices(['d1', 'd3']), changed, NOTHING_PENDING);
      return [rows[0]?.cover, rows[2]?.cover, rows[2]?.waiting];
    };
    expect(covers('computing')).toEqual(['computed by d2 as a second task', 'recovered by parity p1', false]);
    // Until then, two shards are missing and one parity shard is not enough.
    expect(covers('loading')).toEqual(['loaded by d2 as a second task', 'waiting for another device', true]);
  });

  it('does not blame a signal for a device in a browser tab', () => {
    const tab = device('phone', {
      state: 'dead',
      platform: 'android, Chrome 143',
      engine: 'wasm',
      reason: 'killed by SIGKILL',
    });
    expect(endReason(tab)).toBe('ended in its browser tab');
    expect(endReason({ ...tab, platform: 'linux arm', reason: 'killed by SIGKILL' })).toBe(
      'killed by SIGKILL',
    );
    expect(endReason({ ...tab, reason: 'its connection broke' })).toBe('its connection broke');
  });

  it('counts devices that do not serve', () => {
    expect(fleetSummary(fleetRows(devices([]), deployment(4, 1), NOTHING_PENDING))).toBe(
      '7 devices, all ready',
    );
    expect(fleetSummary(fleetRows(devices(['d1']), deployment(4, 1), NOTHING_PENDING))).toBe(
      '7 devices, 1 not serving',
    );
  });
});
