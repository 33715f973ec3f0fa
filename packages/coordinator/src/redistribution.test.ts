/** `rescue: "devices"`: surviving devices compute the shards of failed ones, as in the paper's case I. */
import type { FromDevice } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import type { CoordinatorEvent } from './events.ts';
import type { Inference } from './requests/accepted-request.ts';
import { type AskedRequest, ask as askRig, linearRunsOnDataPlane } from './testing/asked-request.ts';
import { type Rig, type RigOptions, readyRig } from './testing/index.ts';

const OPTIONS: RigOptions = {
  k: 3,
  r: 0,
  policy: { deadlineMs: 20_000, rescue: 'devices' },
  options: { returnGraceMs: 0 },
};

const kindsOfOutage = new Set<CoordinatorEvent['kind']>([
  'outage-began',
  'failure-detected',
  'redistribution-began',
  'redistribution-finished',
  'redistribution-failed',
  'outage-ended',
  'slowdown-ended',
]);
const outageEvents = ({ events }: Rig) => events.filter(({ kind }) => kindsOfOutage.has(kind));
const kinds = (rig: Rig) => outageEvents(rig).map(({ kind }) => kind);
const state = ({ coordinator }: Rig) => coordinator.snapshot().deployments[0]!;

/** Sends a request whose answer must not be rescued by the data plane. */
function ask(rig: Rig, name?: string): AskedRequest {
  const request = askRig(rig, name);
  const expectCorrect = () => {
    const answer = request.expectCorrect();
    expect(answer.rescued).toBe(0);
    return answer;
  };
  return { ...request, expectCorrect };
}

describe('an uncoded deployment under rescue: "devices"', () => {
  it('detects, redistributes and answers the waiting requests, with an event for each part', async () => {
    const rig = await readyRig({ ...OPTIONS, policy: { ...OPTIONS.policy, detectMs: 3_000 } });
    const inFlight = [ask(rig), ask(rig)];
    rig.fleet.kill('d1');
    expect(state(rig).outage).toMatchObject({ phase: 'detecting', device: 'd1', seat: 1, to: null });
    expect(state(rig).state).toBe('unavailable');
    const during = ask(rig);
    await rig.clock.advance(2_990);
    expect([...inFlight, during].flatMap(({ ended }) => ended)).toEqual([]);
    expect(kinds(rig)).toEqual(['outage-began']);
    await rig.clock.advance(15);
    expect(state(rig).outage).toMatchObject({ phase: 'redistributing', to: 'd0' });
    expect(state(rig).seats[1]).toMatchObject({ substitute: 'd0', substituteState: 'loading' });
    const secondSeat = () => rig.coordinator.snapshot().devices[0]!.seats[1];
    expect(secondSeat()).toMatchObject({ seat: 1, state: 'installing' });
    await rig.clock.run(Promise.all([...inFlight, during].map(({ done }) => done)));
    for (const request of [...inFlight, during]) request.expectCorrect();
    expect(outageEvents(rig)).toMatchObject([
      { kind: 'outage-began', device: 'd1', seat: 1, inFlight: 2 },
      { kind: 'failure-detected', device: 'd1', seat: 1, afterMs: 3_000 },
      { kind: 'redistribution-began', device: 'd0', from: 'd1', seat: 1 },
      { kind: 'redistribution-finished', device: 'd0', seat: 1, afterMs: 10 },
      { kind: 'outage-ended', device: 'd1', afterMs: 3_010, inFlight: 3 },
    ]);
    const finished = outageEvents(rig)[3] as Extract<CoordinatorEvent, { kind: 'redistribution-finished' }>;
    expect(finished.transferredBytes).toBeGreaterThan(0);
    expect(state(rig)).toMatchObject({ state: 'degraded', outage: null });
    expect(state(rig).seats[1]).toMatchObject({ substitute: 'd0', substituteState: 'computing' });
    expect(secondSeat()).toMatchObject({ seat: 1, state: 'ready' });
    expect(state(rig).reason).toBe('3 of 3 seats answer; 1 of them on a device that computes a second seat');
    expect(linearRunsOnDataPlane(rig)).toEqual([]);
  });

  it('acts as soon as the coordinator notices the failure, without detectMs', async () => {
    const rig = await readyRig(OPTIONS);
    rig.fleet.kill('d1');
    const request = ask(rig);
    await rig.clock.run(request.done);
    expect(request.expectCorrect().latencyMs).toBeLessThan(100);
    expect(outageEvents(rig)[1]).toMatchObject({ kind: 'failure-detected', afterMs: 0 });
  });

  it('counts the time of a silent device from its unanswered computation', async () => {
    const rig = await readyRig({ ...OPTIONS, policy: { ...OPTIONS.policy, detectMs: 4_000 } });
    const first = ask(rig);
    await rig.clock.run(first.done);
    rig.fleet.pause('d2');
    const request = ask(rig);
    await rig.clock.run(request.done);
    request.expectCorrect();
    expect(outageEvents(rig)[1]).toMatchObject({ kind: 'failure-detected', device: 'd2', afterMs: 4_000 });
  });

  it('is slower while a device computes two shards, until the seat moves back', async () => {
    const rig = await readyRig({ ...OPTIONS, behavior: { computeMs: 20 } });
    const time = async () => {
      const request = ask(rig);
      await rig.clock.run(request.done);
      return request.expectCorrect().latencyMs;
    };
    const healthyMs = await time();
    rig.fleet.kill('d1');
    await rig.clock.advance(100);
    expect(await time()).toBeGreaterThan(1.5 * healthyMs);
    rig.fleet.revive('d1');
    await rig.clock.advance(100);
    expect(await time()).toBe(healthyMs);
    expect(kinds(rig).at(-1)).toBe('slowdown-ended');
    expect(state(rig)).toMatchObject({ state: 'ready', reason: null });
    // The substitute has unloaded the second seat.
    const tasks = (id: string) => rig.fleet.device(id).process!.tasks.size;
    expect([tasks('d0'), tasks('d1'), tasks('d2')]).toEqual([2, 2, 2]);
  });

  it('redistributes the shards of a second dead device, also if it was a substitute', async () => {
    const rig = await readyRig(OPTIONS);
    rig.fleet.kill('d1');
    await rig.clock.advance(100);
    expect(state(rig).seats[1]).toMatchObject({ device: 'd1', state: 'down', substitute: 'd0' });
    rig.fleet.kill('d0');
    const request = ask(rig);
    await rig.clock.run(request.done);
    request.expectCorrect();
    expect(state(rig).seats.map(({ substitute }) => substitute)).toEqual(['d2', 'd2', null]);
    rig.fleet.revive('d0');
    await rig.clock.advance(100);
    const next = ask(rig);
    await rig.clock.run(next.done);
    next.expectCorrect();
    expect(state(rig).seats.map(({ substitute }) => substitute)).toEqual([null, 'd2', null]);
  });

  it('spreads two lost seats over two devices, the fastest first', async () => {
    const rig = await readyRig({ ...OPTIONS, k: 4 });
    rig.fleet.device('d0').behavior.computeMs = 5;
    for (let i = 0; i < 40; i++) await rig.clock.run(ask(rig).done);
    rig.fleet.kill('d3');
    await rig.clock.advance(50);
    rig.fleet.kill('d2');
    await rig.clock.advance(50);
    expect(state(rig).seats.map(({ substitute }) => substitute)).toEqual([null, null, 'd0', 'd1']);
  });

  it('leaves the seat to a standby, if there is one', async () => {
    const rig = await readyRig({ ...OPTIONS, standbys: 1 });
    rig.fleet.kill('d1');
    expect(state(rig).outage).toMatchObject({ phase: 'waiting' });
    const request = ask(rig);
    await rig.clock.run(request.done);
    request.expectCorrect();
    expect(state(rig).seats[1]).toMatchObject({ device: 'd3', substitute: null });
    expect(kinds(rig)).toEqual(['outage-began', 'failure-detected', 'outage-ended']);
  });

  it('does not give a seat to a device without memory for it, and fails requests at their deadline', async () => {
    const rig = await readyRig({ ...OPTIONS, options: { returnGraceMs: 0, fits: () => false } });
    rig.fleet.kill('d1');
    const request = ask(rig);
    await rig.clock.advance(100);
    expect(state(rig).outage).toMatchObject({ phase: 'waiting', to: null });
    await rig.clock.advance(20_000);
    expect(request.ended).toMatchObject([{ code: 'deadline-exceeded' }]);
    expect(kinds(rig)).toEqual(['outage-began', 'failure-detected']);
  });

  it('tries another device after a failed install', async () => {
    const rig = await readyRig(OPTIONS);
    rig.fleet.device('d0').behavior.failInstalls = 1;
    rig.fleet.kill('d1');
    const request = ask(rig);
    await rig.clock.run(request.done);
    request.expectCorrect();
    expect(kinds(rig)).toContain('redistribution-failed');
    expect(state(rig).seats[1]!.substitute).toBe('d2');
  });

  it('ends the outage without a redistribution if the device returns before the detection', async () => {
    const rig = await readyRig({ ...OPTIONS, policy: { ...OPTIONS.policy, detectMs: 3_000 } });
    rig.fleet.kill('d1');
    await rig.clock.advance(1_000);
    rig.fleet.revive('d1');
    await rig.clock.advance(5_000);
    expect(kinds(rig)).toEqual(['outage-began', 'outage-ended']);
    expect(state(rig).state).toBe('ready');
  });

  it('loads the seat again elsewhere if the substitute has lost its tasks', async () => {
    const rig = await readyRig(OPTIONS);
    rig.fleet.kill('d1');
    await rig.clock.advance(100);
    const { tasks } = rig.fleet.device('d0').process!;
    for (const task of [...tasks.keys()].slice(2)) tasks.delete(task);
    const request = ask(rig);
    await rig.clock.run(request.done);
    request.expectCorrect();
    expect(state(rig).seats[1]!.substitute).toBe('d2');
  });
});

describe('the other rules', () => {
  it('rescue: "off" starts no redistribution, and no rescue by the data plane', async () => {
    const rig = await readyRig({ ...OPTIONS, policy: { deadlineMs: 5_000, rescue: 'off' } });
    rig.fleet.kill('d1');
    const request = ask(rig);
    await rig.clock.advance(6_000);
    expect(request.ended).toMatchObject([{ code: 'deadline-exceeded' }]);
    expect(state(rig).outage).toMatchObject({ phase: 'waiting' });
    expect(state(rig).seats[1]!.substitute).toBeNull();
    expect(linearRunsOnDataPlane(rig)).toEqual([]);
  });

  it('rescue: "data-plane" computes at once, and after detectMs if that is set', async () => {
    const now = await readyRig({ ...OPTIONS, policy: { deadlineMs: 20_000 } });
    now.fleet.kill('d1');
    const atOnce = ask(now);
    await now.clock.run(atOnce.done);
    expect((atOnce.ended[0] as Inference).rescued).toBe(2);
    expect((atOnce.ended[0] as Inference).latencyMs).toBeLessThan(100);

    const later = await readyRig({ ...OPTIONS, policy: { deadlineMs: 20_000, detectMs: 2_000 } });
    later.fleet.kill('d1');
    const delayed = ask(later);
    await later.clock.run(delayed.done);
    expect((delayed.ended[0] as Inference).rescued).toBe(2);
    expect((delayed.ended[0] as Inference).latencyMs).toBeGreaterThanOrEqual(2_000);
    expect((delayed.ended[0] as Inference).latencyMs).toBeLessThan(2_100);
    expect([now, later].flatMap(outageEvents)).toEqual([]);
  });

  it('detectMs delays the rescue of requests that were in flight at the failure', async () => {
    const policy = { deadlineMs: 20_000, detectMs: 2_000 };
    const rig = await readyRig({ ...OPTIONS, policy });
    rig.fleet.device('d1').behavior.computeMs = 200;
    const request = ask(rig);
    // Only its answer is missing, so the end of its connection leads to the rescue.
    await rig.clock.advance(100);
    rig.fleet.kill('d1');
    await rig.clock.advance(1_990);
    expect(linearRunsOnDataPlane(rig)).toEqual([]);
    await rig.clock.run(request.done);
    expect((request.ended[0] as Inference).rescued).toBe(2);
  });

  it('detectMs does not delay what follows a quarantine, because that is a detection', async () => {
    const rig = await readyRig({ ...OPTIONS, policy: { ...OPTIONS.policy, detectMs: 5_000 } });
    rig.coordinator.quarantine('d1', 'it lies');
    const request = ask(rig);
    await rig.clock.run(request.done);
    expect(request.expectCorrect().latencyMs).toBeLessThan(100);
    expect(outageEvents(rig)[1]).toMatchObject({ kind: 'failure-detected', device: 'd1', afterMs: 0 });
  });

  it('detectMs delays a takeover, but not decoding', async () => {
    const policy = { deadlineMs: 20_000, rescue: 'devices', detectMs: 5_000 } as const;
    const rig = await readyRig({ ...OPTIONS, k: 2, r: 1, standbys: 1, policy });
    rig.fleet.kill('d1');
    const request = ask(rig);
    await rig.clock.run(request.done);
    expect(request.expectCorrect().latencyMs).toBeLessThan(100);
    await rig.clock.advance(4_800);
    expect(state(rig).seats[1]!.device).toBe('d1');
    await rig.clock.advance(400);
    expect(state(rig).seats[1]!.device).toBe('d3');
    expect(kinds(rig)).toEqual([]);
  });

  it('a coded deployment redistributes only what the code does not recover', async () => {
    const rig = await readyRig({ ...OPTIONS, k: 3, r: 1 });
    rig.fleet.kill('d0');
    await rig.clock.advance(100);
    expect(kinds(rig)).toEqual([]);
    rig.fleet.kill('d1');
    const request = ask(rig);
    await rig.clock.run(request.done);
    expect(request.expectCorrect().recovered).toBe(2);
    expect(outageEvents(rig)[0]).toMatchObject({ kind: 'outage-began', device: 'd1' });
    expect(kinds(rig).filter((kind) => kind === 'redistribution-began')).toHaveLength(1);
  });

  it.each([{ rescue: 'devices' }, { rescue: 'data-plane', detectMs: 2_000 }] as const)(
    'two devices that lie about NaN do not fail a request: %j',
    async (rules) => {
      const rig = await readyRig({ ...OPTIONS, policy: { deadlineMs: 20_000, ...rules } });
      const lie = (message: FromDevice): FromDevice => {
        if (message.kind !== 'answer') return message;
        const [tensor] = message.tensors;
        const data = (tensor!.data as Float32Array).map(() => Number.NaN);
        return { ...message, tensors: [{ type: 'float32', dims: tensor!.dims, data }] };
      };
      for (const id of ['d0', 'd1']) rig.fleet.device(id).behavior.tamper = lie;
      const request = askRig(rig);
      await rig.clock.advance(400);
      for (const id of ['d0', 'd1']) rig.fleet.device(id).behavior.tamper = null;
      await rig.clock.run(request.done);
      request.expectCorrect();
      expect(rig.coordinator.snapshot().devices.map(({ statistics }) => statistics.invalid > 0)).toEqual([
        true,
        true,
        false,
      ]);
    },
  );

  it('a change of the policy during an outage starts the redistribution', async () => {
    const rig = await readyRig({ ...OPTIONS, policy: { deadlineMs: 20_000, rescue: 'off' } });
    rig.fleet.kill('d1');
    const request = ask(rig);
    await rig.clock.advance(1_000);
    const { policy } = state(rig);
    rig.coordinator.setPolicy('net', { ...policy, rescue: 'devices' });
    await rig.clock.run(request.done);
    request.expectCorrect();
  });
});
