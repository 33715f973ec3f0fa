/** Bugs that the simulator found, each kept away by the shortest story that shows it; see docs/BUGS-FOUND.md. */
import { expect, it } from 'vitest';
import { Coordinator } from './coordinator.ts';
import { DEFAULT_OPTIONS } from './options.ts';
import { DEFAULT_POLICY } from './policy.ts';
import { corrupted, HandRig } from './testing/hand-rig.ts';
import { readyRig, syntheticNetwork } from './testing/index.ts';

it('a device that lost its seat by silence fills the next gap, although nobody asks it anything (seed 33)', async () => {
  const rig = await readyRig({ k: 2, r: 1, standbys: 1, options: { returnGraceMs: 0 } });
  rig.fleet.device('d1').behaviour.mute = true;
  for (let request = 0; request < 30; request++) {
    await rig.clock.run(rig.coordinator.infer('net', { t0: rig.input() }));
    await rig.clock.advance(500);
  }
  const holders = () => rig.coordinator.snapshot().deployments[0]!.seats.map(({ device }) => device);
  expect(holders()).toEqual(['d0', 'd3', 'd2']);

  rig.fleet.device('d1').behaviour.mute = false;
  rig.fleet.kill('d2');
  await rig.clock.advance(3_000);
  expect(holders()).toEqual(['d0', 'd3', 'd1']);
  const [deployment] = rig.coordinator.snapshot().deployments;
  expect(deployment!.state).toBe('ready');
});

it('a silent device fills a gap only until one that answers is there (seed 150)', async () => {
  const rig = await readyRig({ k: 2, r: 1, standbys: 1, options: { returnGraceMs: 0 } });
  rig.fleet.device('d1').behaviour.mute = true;
  for (let request = 0; request < 30; request++) {
    await rig.clock.run(rig.coordinator.infer('net', { t0: rig.input() }));
    await rig.clock.advance(500);
  }
  rig.fleet.device('d1').behaviour.installMs = 20_000;
  rig.fleet.kill('d2');
  await rig.clock.advance(3_000);
  const seat = () => rig.coordinator.snapshot().deployments[0]!.seats[2]!;
  expect(seat().installing).toBe('d1');
  rig.fleet.add('d4');
  await rig.clock.advance(100);
  expect(seat()).toMatchObject({ device: 'd4', state: 'ready' });
});

it('what a spare had loaded of an install that was broken off is unloaded (seed 353)', async () => {
  const rig = await readyRig({ k: 2, r: 1, standbys: 1, options: { returnGraceMs: 0 } });
  const unloaded: string[] = [];
  rig.fleet.uninstall = (device) => unloaded.push(device);
  rig.fleet.device('d3').behaviour.installMs = 500;
  rig.fleet.kill('d1');
  await rig.clock.advance(1_600);
  rig.fleet.revive('d1');
  await rig.clock.advance(1_000);
  expect(unloaded).toEqual(['d3']);
});

it('the seats to be stored are those of the plan deployed last, also when the one before it heals (seed 2353)', async () => {
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

it('a replica whose answer has another shape than the model gives is not believed (seed 7853)', async () => {
  const layers = [{ kind: 'coded', inputs: 3, outputs: 4 }, { kind: 'replicated' }] as const;
  const rig = await HandRig.ready({ k: 2, r: 1, layers });
  const answer = rig.coordinator.infer('net', { t0: rig.input([1, 2, 3]) });
  for (const device of ['d0', 'd1', 'd2']) rig.answerAll(device);
  const [request] = rig.asked('d0');
  const honest = rig.answerTo('d0', request!);
  const longer = { type: 'float32', dims: [1, 5], data: new Float32Array(5) } as const;
  rig.send('d0', { ...honest, tensors: [longer] });
  rig.answerAll('d1');
  const { fetches } = await answer;
  expect(fetches.t2!.dims).toEqual([1, 4]);
  const seen = rig.coordinator.snapshot().devices.find(({ id }) => id === 'd0')!;
  expect(seen.statistics.invalid).toBe(1);
});

it('a request is verified as the policy said when it was accepted, also if it waited for a place (seed 909)', async () => {
  const rig = await HandRig.ready({
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
  for (const request of rig.asked('d0')) rig.send('d0', corrupted(rig.answerTo('d0', request)));
  for (const device of ['d1', 'd2']) rig.answerAll(device);
  const { fetches } = await second;
  const right = rig.network.reference(input);
  for (const [i, value] of right.data.entries()) expect(fetches.t1!.data[i]).toBeCloseTo(value, 5);
});

it('a device that is full for a moment keeps what it has loaded (seed 6809)', async () => {
  const layers = [{ kind: 'coded', inputs: 3, outputs: 4 }] as const;
  const rig = await HandRig.ready({ k: 2, r: 1, layers });
  const ask = async () => {
    const answer = rig.coordinator.infer('net', { t0: rig.input([1, 2, 3]) });
    for (const request of rig.asked('d0')) rig.refuse('d0', request, 'overloaded');
    for (const device of ['d1', 'd2']) rig.answerAll(device);
    await answer;
  };
  for (let request = 0; request < 20; request++) await ask();
  const seat = () => rig.coordinator.snapshot().deployments[0]!.seats[0]!;
  expect(seat().state).toBe('ready');
  expect(rig.eventsOf('install-started')).toHaveLength(3);
  // One that says so for a second is loaded again.
  await rig.clock.advance(1_000);
  await ask();
  await rig.clock.advance(1_000);
  expect(rig.eventsOf('install-started')).toHaveLength(4);
});

it('a plan that is replaced while it looks at its seats fills none of them any more (seed 7867)', async () => {
  const rig = await readyRig({ k: 2, r: 1, standbys: 3, options: { returnGraceMs: 0 } });
  const next = syntheticNetwork({ k: 2, r: 1, seed: 2, layers: [{ kind: 'coded', inputs: 6, outputs: 5 }] });
  for (const spare of ['d3', 'd4']) rig.fleet.device(spare).behaviour.installMs = 100;
  rig.fleet.device('d5').behaviour.installMs = 100_000;
  const { plan, artifacts } = next;
  rig.coordinator.deploy({ name: 'net', plan, artifacts, policy: DEFAULT_POLICY, seats: ['d3', 'd4', 'd5'] });
  await rig.clock.advance(500);
  const installs = rig.events.filter(({ kind }) => kind === 'install-started').length;
  // The old plan is worse off than the new one with its gap as soon as two of its devices are gone.
  rig.fleet.kill('d0');
  rig.fleet.kill('d1');
  await rig.clock.advance(200);
  const [deployment] = rig.coordinator.snapshot().deployments;
  expect(deployment!.seats.map(({ device }) => device)).toEqual(['d3', 'd4', 'd5']);
  await rig.clock.advance(5_000);
  expect(rig.events.filter(({ kind }) => kind === 'install-started').length).toBe(installs);
});

it('a new plan whose last seat nobody fills takes over when that is certain (seed 6152)', async () => {
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

it('a plan that comes back to too few devices is served by rescue when no more can be expected (seed 8604)', async () => {
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
  'waiting for better answers (%s) does not cost a request the one that is there (seed 36394)',
  async (waitMs) => {
    const layers = [{ kind: 'coded', inputs: 3, outputs: 4 }] as const;
    const rig = await HandRig.ready({ k: 2, r: 1, layers, policy: { waitMs } });
    const answer = rig.coordinator.infer('net', { t0: rig.input([1, 2, 3]) }, { deadlineMs: 300 });
    rig.answerAll('d1');
    rig.answerAll('d2');
    await rig.clock.advance(300);
    expect(await answer).toMatchObject({ recovered: 1, latencyMs: 150 });
  },
);

it('a silent device that no request asks any more is roused (seed 72120)', async () => {
  const rig = await readyRig({ k: 2, r: 1 });
  const state = () => rig.coordinator.snapshot().deployments[0]!.state;
  rig.fleet.device('d1').behaviour.mute = true;
  await rig.clock.run(rig.coordinator.infer('net', { t0: rig.input() }));
  await rig.clock.advance(5_000);
  expect(state()).toBe('degraded');
  rig.fleet.device('d1').behaviour.mute = false;
  await rig.clock.advance(10_000);
  expect(state()).toBe('ready');
});
