/** Regression tests for bugs that the simulator found. Each is the shortest sequence of events; see docs/BUGS-FOUND.md. */
import { expect, it } from 'vitest';
import { Coordinator } from './coordinator.ts';
import { DEFAULT_OPTIONS } from './options.ts';
import { DEFAULT_POLICY } from './policy.ts';
import { readyRig, settle, syntheticNetwork } from './testing/index.ts';
import { corrupted, ManualRig } from './testing/manual-rig.ts';

it('gives the next empty seat to a silent standby, although no request is sent to it (seed 33)', async () => {
  const rig = await readyRig({ k: 2, r: 1, standbys: 1, options: { returnGraceMs: 0 } });
  rig.fleet.device('d1').behavior.mute = true;
  for (let request = 0; request < 30; request++) {
    await rig.clock.run(rig.coordinator.infer('net', { t0: rig.input() }));
    await rig.clock.advance(500);
  }
  const holders = () => rig.coordinator.snapshot().deployments[0]!.seats.map(({ device }) => device);
  expect(holders()).toEqual(['d0', 'd3', 'd2']);

  rig.fleet.device('d1').behavior.mute = false;
  rig.fleet.kill('d2');
  await rig.clock.advance(3_000);
  expect(holders()).toEqual(['d0', 'd3', 'd1']);
  const [deployment] = rig.coordinator.snapshot().deployments;
  expect(deployment!.state).toBe('ready');
});

it('replaces a silent device during its install when a device that answers joins (seed 150)', async () => {
  const rig = await readyRig({ k: 2, r: 1, standbys: 1, options: { returnGraceMs: 0 } });
  rig.fleet.device('d1').behavior.mute = true;
  for (let request = 0; request < 30; request++) {
    await rig.clock.run(rig.coordinator.infer('net', { t0: rig.input() }));
    await rig.clock.advance(500);
  }
  rig.fleet.device('d1').behavior.installMs = 20_000;
  rig.fleet.kill('d2');
  await rig.clock.advance(3_000);
  const seat = () => rig.coordinator.snapshot().deployments[0]!.seats[2]!;
  expect(seat().installing).toBe('d1');
  rig.fleet.add('d4');
  await rig.clock.advance(100);
  expect(seat()).toMatchObject({ device: 'd4', state: 'ready' });
});

it('unloads the tasks that a standby loaded before its install was aborted (seed 353)', async () => {
  const rig = await readyRig({ k: 2, r: 1, standbys: 1, options: { returnGraceMs: 0 } });
  const unloaded: string[] = [];
  rig.fleet.uninstall = (device) => unloaded.push(device);
  rig.fleet.device('d3').behavior.installMs = 500;
  rig.fleet.kill('d1');
  await rig.clock.advance(1_600);
  rig.fleet.revive('d1');
  await rig.clock.advance(1_000);
  expect(unloaded).toEqual(['d3']);
});

it('stores the seats of the most recently deployed plan, also after a takeover in the previous one (seed 2353)', async () => {
  const rig = await readyRig({ k: 2, r: 1, standbys: 1, options: { returnGraceMs: 0 } });
  const next = syntheticNetwork({
    k: 4,
    r: 1,
    layers: [
      { kind: 'coded', inputs: 6, outputs: 7 },
      { kind: 'local' },
      { kind: 'coded', inputs: 7, outputs: 5 },
    ],
  });
  const { plan, artifacts } = next;
  const seats = ['x0', 'x1', 'x2', 'x3', 'x4'];
  rig.coordinator.deploy({ name: 'net', plan, artifacts, policy: DEFAULT_POLICY, seats });
  rig.fleet.kill('d1');
  await rig.clock.advance(1_600);
  const reassigned = rig.events.filter((event) => event.kind === 'seat-reassigned');
  expect(reassigned.length).toBeGreaterThan(0);
  for (const event of reassigned) expect(event.seats).toHaveLength(plan.seats.length);
});

it('rejects a replica’s answer whose shape differs from the model’s (seed 7853)', async () => {
  const layers = [{ kind: 'coded', inputs: 3, outputs: 4 }, { kind: 'replicated' }] as const;
  const rig = await ManualRig.ready({ k: 2, r: 1, layers });
  const answer = rig.coordinator.infer('net', { t0: rig.input([1, 2, 3]) });
  for (const device of ['d0', 'd1', 'd2']) rig.answerAll(device);
  const [request] = rig.takeComputations('d0');
  const correct = rig.answerTo('d0', request!);
  const longer = { type: 'float32', dims: [1, 5], data: new Float32Array(5) } as const;
  rig.send('d0', { ...correct, tensors: [longer] });
  rig.answerAll('d1');
  const { fetches } = await answer;
  expect(fetches.t2!.dims).toEqual([1, 4]);
  // The data plane computes the step to find out which of the two replicas is wrong.
  await settle();
  const device = rig.coordinator.snapshot().devices.find(({ id }) => id === 'd0')!;
  expect(device.statistics.invalid).toBe(1);
});

it('verifies a request under the policy at its acceptance, also if it was queued (seed 909)', async () => {
  const rig = await ManualRig.ready({
    k: 2,
    r: 1,
    layers: [{ kind: 'coded', inputs: 3, outputs: 4 }],
    policy: { verify: 'before' },
    options: { requestsInFlight: 1 },
  });
  const input = rig.input([1, 2, 3]);
  const first = rig.coordinator.infer('net', { t0: input });
  const second = rig.coordinator.infer('net', { t0: input });
  rig.coordinator.setPolicy('net', { ...DEFAULT_POLICY, verify: 'off' });
  for (const device of ['d0', 'd1', 'd2']) rig.answerAll(device);
  await first;
  for (const request of rig.takeComputations('d0')) rig.send('d0', corrupted(rig.answerTo('d0', request)));
  for (const device of ['d1', 'd2']) rig.answerAll(device);
  const { fetches } = await second;
  const expected = rig.network.reference(input);
  for (const [i, value] of expected.data.entries()) expect(fetches.t1!.data[i]).toBeCloseTo(value, 5);
});

it('does not reload a device that is overloaded for a moment (seed 6809)', async () => {
  const layers = [{ kind: 'coded', inputs: 3, outputs: 4 }] as const;
  const rig = await ManualRig.ready({ k: 2, r: 1, layers });
  const ask = async () => {
    const answer = rig.coordinator.infer('net', { t0: rig.input([1, 2, 3]) });
    for (const request of rig.takeComputations('d0')) rig.refuse('d0', request, 'overloaded');
    for (const device of ['d1', 'd2']) rig.answerAll(device);
    await answer;
  };
  for (let request = 0; request < 20; request++) await ask();
  const seat = () => rig.coordinator.snapshot().deployments[0]!.seats[0]!;
  expect(seat().state).toBe('ready');
  expect(rig.eventsOf('install-started')).toHaveLength(3);
  // A device that stays overloaded for a second is loaded again.
  await rig.clock.advance(1_000);
  await ask();
  await rig.clock.advance(1_000);
  expect(rig.eventsOf('install-started')).toHaveLength(4);
});

it('stops filling the seats of a plan that is replaced while it reconciles (seed 7867)', async () => {
  const rig = await readyRig({ k: 2, r: 1, standbys: 3, options: { returnGraceMs: 0 } });
  const next = syntheticNetwork({ k: 2, r: 1, seed: 2, layers: [{ kind: 'coded', inputs: 6, outputs: 5 }] });
  for (const standby of ['d3', 'd4']) rig.fleet.device(standby).behavior.installMs = 100;
  rig.fleet.device('d5').behavior.installMs = 100_000;
  const { plan, artifacts } = next;
  rig.coordinator.deploy({ name: 'net', plan, artifacts, policy: DEFAULT_POLICY, seats: ['d3', 'd4', 'd5'] });
  await rig.clock.advance(500);
  const installs = rig.events.filter(({ kind }) => kind === 'install-started').length;
  // Without two of its devices, the old plan is not viable. The new plan is viable, although a seat is empty.
  rig.fleet.kill('d0');
  rig.fleet.kill('d1');
  await rig.clock.advance(200);
  const [deployment] = rig.coordinator.snapshot().deployments;
  expect(deployment!.seats.map(({ device }) => device)).toEqual(['d3', 'd4', 'd5']);
  await rig.clock.advance(5_000);
  expect(rig.events.filter(({ kind }) => kind === 'install-started').length).toBe(installs);
});

it('activates a new plan with an empty seat when no device will fill it (seed 6152)', async () => {
  const rig = await readyRig({ k: 2, r: 1, options: { returnGraceMs: 0 } });
  const next = syntheticNetwork({ k: 3, r: 1, seed: 2, layers: [{ kind: 'coded', inputs: 6, outputs: 5 }] });
  const { plan, artifacts } = next;
  rig.coordinator.deploy({
    name: 'net',
    plan,
    artifacts,
    policy: DEFAULT_POLICY,
    seats: ['d0', 'd1', 'd2', 'gone'],
  });
  await rig.clock.advance(10_000);
  const [deployment] = rig.coordinator.snapshot().deployments;
  expect(deployment).toMatchObject({ state: 'degraded', nextSeats: null });
});

it('serves a restored plan with too few devices by rescue after the grace period (seed 8604)', async () => {
  const rig = await readyRig({ k: 2, r: 1 });
  const coordinator = new Coordinator({
    clock: rig.clock,
    transport: rig.fleet,
    compute: rig.fleet,
    installer: rig.fleet,
    emit: () => {},
    options: { firstTask: 1_000 },
  });
  rig.fleet.listen(coordinator);
  const { plan, artifacts } = rig.network;
  coordinator.deploy({
    name: 'net',
    plan,
    artifacts,
    policy: DEFAULT_POLICY,
    seats: ['gone', 'too', 'three'],
  });
  await expect(coordinator.infer('net', { t0: rig.input() })).rejects.toMatchObject({ code: 'unavailable' });
  await rig.clock.advance(DEFAULT_OPTIONS.returnGraceMs + DEFAULT_OPTIONS.takeoverAfterMs);
  expect(coordinator.snapshot().deployments[0]!.state).toBe('rescuing');
  const { rescued } = await rig.clock.run(coordinator.infer('net', { t0: rig.input() }));
  expect(rescued).toBeGreaterThan(0);
});

it.each(['all', 5_000] as const)(
  'answers before the deadline although waitMs %s has not passed, if the step can be decoded (seed 36394)',
  async (waitMs) => {
    const layers = [{ kind: 'coded', inputs: 3, outputs: 4 }] as const;
    const rig = await ManualRig.ready({ k: 2, r: 1, layers, policy: { waitMs } });
    const answer = rig.coordinator.infer('net', { t0: rig.input([1, 2, 3]) }, { deadlineMs: 300 });
    rig.answerAll('d1');
    rig.answerAll('d2');
    await rig.clock.advance(300);
    expect(await answer).toMatchObject({ recovered: 1, latencyMs: 150 });
  },
);

it('reloads a silent device that no request probes (seed 72120)', async () => {
  const rig = await readyRig({ k: 2, r: 1 });
  const state = () => rig.coordinator.snapshot().deployments[0]!.state;
  rig.fleet.device('d1').behavior.mute = true;
  await rig.clock.run(rig.coordinator.infer('net', { t0: rig.input() }));
  await rig.clock.advance(5_000);
  expect(state()).toBe('degraded');
  rig.fleet.device('d1').behavior.mute = false;
  await rig.clock.advance(10_000);
  expect(state()).toBe('ready');
});
