import { describe, expect, it } from 'vitest';
import { DEFAULT_POLICY } from '../policy.ts';
import { type Rig, readyRig } from '../testing/index.ts';

const seatsOf = (rig: Rig) => rig.coordinator.snapshot().deployments[0]!.seats;
const holders = (rig: Rig) => seatsOf(rig).map(({ device }) => device);
const stateOf = (rig: Rig) => rig.coordinator.snapshot().deployments[0]!.state;
const kinds = (rig: Rig, kind: string) => rig.events.filter((event) => event.kind === kind);

describe('a seat whose device is down', () => {
  it('keeps its device during the grace period, then moves to a standby in one step', async () => {
    const rig = await readyRig({
      k: 2,
      r: 1,
      standbys: 1,
      options: { takeoverAfterMs: 1_500, returnGraceMs: 0 },
    });
    rig.fleet.kill('d1');
    expect(stateOf(rig)).toBe('degraded');
    await rig.clock.advance(1_499);
    expect(seatsOf(rig)[1]).toMatchObject({ device: 'd1', state: 'down', installing: null });
    await rig.clock.advance(5);
    expect(seatsOf(rig)[1]).toMatchObject({ device: 'd1', state: 'down', installing: 'd3' });
    await rig.clock.advance(10);
    expect(seatsOf(rig)[1]).toMatchObject({ device: 'd3', state: 'ready' });
    expect(stateOf(rig)).toBe('ready');
    expect(kinds(rig, 'seat-reassigned')).toEqual([
      {
        kind: 'seat-reassigned',
        deployment: 'net',
        seat: 1,
        from: 'd1',
        to: 'd3',
        seats: ['d0', 'd3', 'd2'],
      },
    ]);
  });

  it('is counted in the reason of its deployment, also while the state stays the same', async () => {
    const rig = await readyRig({ k: 3, r: 2 });
    const reported = () => {
      const { state, reason } = rig.coordinator.snapshot().deployments[0]!;
      return [state, reason];
    };
    expect(reported()).toEqual(['ready', null]);
    rig.fleet.kill('d0');
    expect(reported()).toEqual(['degraded', '4 of 5 seats answer']);
    rig.fleet.kill('d1');
    expect(reported()).toEqual(['degraded', '3 of 5 seats answer']);
  });

  it('returns to the same device without a transfer within the grace period', async () => {
    const rig = await readyRig({ k: 2, r: 1, standbys: 1 });
    const sent = rig.fleet.device('d1').transferredBytes;
    expect(sent).toBeGreaterThan(0);
    rig.fleet.kill('d1');
    await rig.clock.advance(1_000);
    rig.fleet.revive('d1');
    await rig.clock.advance(11);
    expect(holders(rig)).toEqual(['d0', 'd1', 'd2']);
    expect(stateOf(rig)).toBe('ready');
    expect(rig.fleet.device('d1').transferredBytes).toBe(sent);
    expect(rig.fleet.device('d3').installs).toBe(0);
  });

  it('returns to its device during a takeover and aborts the install', async () => {
    const rig = await readyRig({ k: 2, r: 1, standbys: 1, options: { returnGraceMs: 0 } });
    rig.fleet.device('d3').behavior.installMs = 500;
    rig.fleet.kill('d1');
    await rig.clock.advance(1_600);
    expect(seatsOf(rig)[1]!.installing).toBe('d3');
    rig.fleet.revive('d1');
    expect(kinds(rig, 'install-failed')).toMatchObject([{ device: 'd3', seat: 1 }]);
    await rig.clock.advance(2_000);
    expect(holders(rig)).toEqual(['d0', 'd1', 'd2']);
    expect(kinds(rig, 'seat-reassigned')).toEqual([]);
  });

  it('turns a device that returns too late into a standby, which takes the next empty seat', async () => {
    const rig = await readyRig({ k: 2, r: 1, standbys: 1, options: { returnGraceMs: 0 } });
    rig.fleet.kill('d1');
    await rig.clock.advance(2_000);
    rig.fleet.revive('d1');
    await rig.clock.advance(2_000);
    expect(holders(rig)).toEqual(['d0', 'd3', 'd2']);
    expect(rig.coordinator.snapshot().devices.find(({ id }) => id === 'd1')!.seats).toEqual([]);
    rig.fleet.kill('d0');
    await rig.clock.advance(2_000);
    expect(holders(rig)).toEqual(['d1', 'd3', 'd2']);
    expect(stateOf(rig)).toBe('ready');
  });

  it('waits if there is no standby, and takes the first device that joins', async () => {
    const rig = await readyRig({ k: 2, r: 1, options: { returnGraceMs: 0 } });
    rig.fleet.kill('d2');
    await rig.clock.advance(10_000);
    expect(stateOf(rig)).toBe('degraded');
    rig.fleet.add('d7');
    await rig.clock.advance(11);
    expect(holders(rig)).toEqual(['d0', 'd1', 'd7']);
    expect(stateOf(rig)).toBe('ready');
  });
});

describe('the choice of a standby', () => {
  it('skips devices whose memory the weights exceed', async () => {
    const asked: [string, number][] = [];
    const fits = (device: string, weightsBytes: number) => {
      asked.push([device, weightsBytes]);
      return device !== 'd3';
    };
    const rig = await readyRig({ k: 2, r: 1, standbys: 2, options: { returnGraceMs: 0, fits } });
    rig.fleet.kill('d1');
    await rig.clock.advance(5_000);
    expect(holders(rig)).toEqual(['d0', 'd4', 'd2']);
    const files = Object.values(rig.network.artifacts).map((artifacts) => artifacts[1]?.weights?.bytes ?? 0);
    expect(asked).toContainEqual(['d3', files.reduce((sum, bytes) => sum + bytes, 0)]);
  });

  it('prefers a device that holds the blobs, then the one with the fewest seats, then the lowest id', async () => {
    const rig = await readyRig({ k: 2, r: 1, standbys: 3, options: { returnGraceMs: 0 } });
    const other = { ...rig.network, name: 'other', policy: DEFAULT_POLICY };
    rig.coordinator.deploy({ ...other, seats: ['d0', 'd1', 'd3'] });
    await rig.clock.advance(100);
    // d3 has a seat in the other plan; d4 and d5 have none.
    rig.fleet.kill('d0');
    await rig.clock.advance(2_000);
    expect(holders(rig)[0]).toBe('d4');
    for (const blob of rig.fleet.device('d1').blobs) rig.fleet.device('d5').blobs.add(blob);
    rig.fleet.kill('d1');
    await rig.clock.advance(2_000);
    expect(holders(rig)[1]).toBe('d5');
  });

  it('never gives one device two seats of a plan', async () => {
    const rig = await readyRig({ k: 2, r: 1, standbys: 1, options: { returnGraceMs: 0 } });
    rig.fleet.kill('d0');
    rig.fleet.kill('d1');
    await rig.clock.advance(10_000);
    expect(holders(rig)).toEqual(['d3', 'd1', 'd2']);
    expect(stateOf(rig)).toBe('degraded');
  });

  it('tries the next candidate when an install fails, and retries the failed one after its backoff', async () => {
    const rig = await readyRig({ k: 2, r: 1, standbys: 2, options: { returnGraceMs: 0 } });
    rig.fleet.device('d3').behavior.failInstalls = 1;
    rig.fleet.device('d4').behavior.failInstalls = 1;
    rig.fleet.kill('d1');
    await rig.clock.advance(1_530);
    expect(kinds(rig, 'install-failed')).toMatchObject([{ device: 'd3' }, { device: 'd4' }]);
    expect(seatsOf(rig)[1]!.installing).toBe(null);
    await rig.clock.advance(600);
    expect(holders(rig)).toEqual(['d0', 'd3', 'd2']);
  });
});

describe('a connected device that does not answer', () => {
  it('loses its seat at once when it is forgotten, and is new when it joins again', async () => {
    const rig = await readyRig({ k: 2, r: 1, standbys: 1 });
    rig.fleet.kill('d1');
    rig.coordinator.forget('d1');
    expect(rig.coordinator.snapshot().devices.map(({ id }) => id)).toEqual(['d0', 'd2', 'd3']);
    await rig.clock.advance(20);
    expect(holders(rig)).toEqual(['d0', 'd3', 'd2']);
    expect(stateOf(rig)).toBe('ready');
    rig.events.length = 0;
    rig.fleet.revive('d1');
    expect(kinds(rig, 'device-returned')).toEqual([]);
    expect(kinds(rig, 'device-joined')).toMatchObject([{ device: 'd1' }]);
    // The device is a standby now. It gets no seat back.
    await rig.clock.advance(20);
    expect(holders(rig)).toEqual(['d0', 'd3', 'd2']);
  });

  it('leaves its seat empty when it is forgotten without a standby, and a new device fills it', async () => {
    const rig = await readyRig({ k: 2, r: 1 });
    rig.fleet.kill('d1');
    rig.coordinator.forget('d1');
    expect(seatsOf(rig)[1]).toMatchObject({ device: null, state: 'empty' });
    expect(stateOf(rig)).toBe('degraded');
    rig.coordinator.forget('unknown');
    rig.fleet.revive('d1');
    await rig.clock.advance(20);
    expect(holders(rig)).toEqual(['d0', 'd1', 'd2']);
    expect(stateOf(rig)).toBe('ready');
  });

  it('loses its seat at once when it is quarantined', async () => {
    const rig = await readyRig({ k: 2, r: 1, standbys: 1, options: { returnGraceMs: 0 } });
    rig.coordinator.quarantine('d1', 'for the test');
    await rig.clock.advance(11);
    expect(holders(rig)).toEqual(['d0', 'd3', 'd2']);
    rig.fleet.kill('d3');
    await rig.clock.advance(5_000);
    expect(holders(rig)).toEqual(['d0', 'd3', 'd2']);
    rig.coordinator.release('d1');
    await rig.clock.advance(11);
    expect(holders(rig)).toEqual(['d0', 'd1', 'd2']);
  });

  it('is loaded again when it does not know its task, and replaced if that does not help', async () => {
    const rig = await readyRig({ k: 2, r: 1, standbys: 1, options: { returnGraceMs: 0 } });
    const ask = () => rig.clock.run(rig.coordinator.infer('net', { t0: rig.input() }));
    rig.fleet.device('d0').process!.tasks.clear();
    expect(await ask()).toMatchObject({ rescued: 0 });
    await rig.clock.advance(600);
    expect(stateOf(rig)).toBe('ready');
    expect(rig.fleet.device('d0').installs).toBe(2);
    rig.fleet.device('d0').behavior.refuse = 'unknown-task';
    for (let i = 0; i < 10; i++) {
      expect(await ask()).toMatchObject({ rescued: 0 });
      await rig.clock.advance(1_000);
    }
    expect(holders(rig)).toEqual(['d3', 'd1', 'd2']);
  });

  it('loses its seat when it stays silent', async () => {
    const rig = await readyRig({
      k: 2,
      r: 1,
      standbys: 1,
      options: { silentAfterMs: 100, takeoverSilentAfterMs: 400 },
    });
    rig.fleet.partition('d0');
    for (let i = 0; i < 20; i++) {
      await rig.clock.run(rig.coordinator.infer('net', { t0: rig.input() }));
      await rig.clock.advance(60);
    }
    expect(holders(rig)).toEqual(['d3', 'd1', 'd2']);
  });
});

describe('the first distribution', () => {
  it('fills seats without a named device, and refuses requests until k seats are ready', async () => {
    const rig = await readyRig({ k: 2, r: 1, standbys: 3, options: { holds: () => false } });
    const { coordinator, clock, fleet, network } = rig;
    for (const id of ['d3', 'd4', 'd5']) fleet.device(id).behavior.installMs = 1_000;
    coordinator.deploy({ ...network, name: 'second', policy: DEFAULT_POLICY, seats: [] });
    await expect(coordinator.infer('second', { t0: rig.input() })).rejects.toThrow(
      /still being distributed \(0 of 3/,
    );
    await clock.advance(1_001);
    const second = coordinator.snapshot().deployments[1]!;
    expect(second.state).toBe('ready');
    // The devices without a seat in the other deployment.
    expect(second.seats.map(({ device }) => device).sort()).toEqual(['d3', 'd4', 'd5']);
  });

  it('gives the named devices of a restored plan time to reconnect', async () => {
    const rig = await readyRig({ k: 2, r: 1, standbys: 4 });
    const seats = ['d8', 'd9', 'd10'];
    rig.coordinator.deploy({ ...rig.network, name: 'restored', policy: DEFAULT_POLICY, seats });
    await rig.clock.advance(2_500);
    for (const id of seats) rig.fleet.add(id);
    await rig.clock.advance(11);
    const restored = rig.coordinator.snapshot().deployments[1]!;
    expect(restored.seats.map(({ device }) => device)).toEqual(seats);
    expect(restored.state).toBe('ready');
  });
});
