import { describe, expect, it } from 'vitest';
import {
  CanceledError,
  DeadlineError,
  DeletedError,
  InvalidFeedsError,
  OverloadedError,
  UnavailableError,
  UnknownDeploymentError,
} from '../errors.ts';
import { DEFAULT_POLICY } from '../policy.ts';
import {
  ManualRig,
  type Rig,
  readyRig,
  type SyntheticNetwork,
  settle,
  syntheticNetwork,
} from '../testing/index.ts';
import type { Inference } from './accepted-request.ts';

/** The layers of a rig by default. */
const LAYERS = [
  { kind: 'coded', inputs: 6, outputs: 7 },
  { kind: 'local' },
  { kind: 'coded', inputs: 7, outputs: 5 },
] as const;

const deploymentOf = (rig: Pick<Rig, 'coordinator'>) => rig.coordinator.snapshot().deployments[0]!;

function expectCorrect(
  { network }: { readonly network: SyntheticNetwork },
  inference: Inference,
  input: ReturnType<Rig['input']>,
): void {
  const expected = network.reference(input).data;
  for (const [i, value] of inference.fetches.t3!.data.entries()) expect(value).toBeCloseTo(expected[i]!, 4);
}

/** Lets the devices of a rig run a second network, whose files have other names. */
function alsoRun({ fleet }: Rig, next: SyntheticNetwork): void {
  const { kernel } = fleet;
  Object.assign(fleet, {
    kernel: (...args: Parameters<typeof kernel>) => {
      try {
        return next.kernel(...args);
      } catch {
        return kernel(...args);
      }
    },
  });
}

describe('killing devices during a request', () => {
  it('any one device at any moment: answers correctly, without a rescue and without delay', async () => {
    for (const victim of ['d0', 'd1', 'd2']) {
      for (let moment = 0; moment <= 8; moment += 0.5) {
        for (const noticedAfterMs of [0, 2_000]) {
          const rig = await readyRig({ k: 2, r: 1 });
          const input = rig.input();
          const answer = rig.coordinator.infer('net', { t0: input });
          await rig.clock.advance(moment);
          rig.fleet.kill(victim, noticedAfterMs);
          const inference = await rig.clock.run(answer);
          expectCorrect(rig, inference, input);
          expect(inference).toMatchObject({ rescued: 0, latencyMs: 7 });
        }
      }
    }
  });

  it('more devices than the code can recover, at any moment: answers correctly by rescue', async () => {
    for (let moment = 0; moment <= 8; moment += 0.5) {
      const rig = await readyRig({ k: 3, r: 1 });
      const input = rig.input();
      const answer = rig.coordinator.infer('net', { t0: input });
      await rig.clock.advance(moment);
      for (const id of ['d0', 'd1', 'd2', 'd3']) rig.fleet.kill(id);
      expectCorrect(rig, await rig.clock.run(answer), input);
      expect(deploymentOf(rig).state).toBe('rescuing');
      expectCorrect(rig, await rig.clock.run(rig.coordinator.infer('net', { t0: input })), input);
    }
  });
});

describe('a plan for fewer devices', () => {
  it('answers the requests that wait for dead devices of the former plan, whenever they were sent', async () => {
    for (let moment = 0; moment <= 8; moment += 0.5) {
      const rig = await readyRig({ k: 2, r: 1, objective: 'devices-only' });
      const smaller = syntheticNetwork({ k: 1, r: 0, layers: LAYERS, seed: 2, objective: 'devices-only' });
      alsoRun(rig, smaller);
      const inputs = [rig.input(), rig.input()];
      const answers = [rig.coordinator.infer('net', { t0: inputs[0]! })];
      await rig.clock.advance(moment);
      for (const id of ['d0', 'd1']) rig.fleet.kill(id);
      answers.push(rig.coordinator.infer('net', { t0: inputs[1]! }));
      await rig.clock.advance(100);
      const { plan, artifacts } = smaller;
      rig.coordinator.deploy({ name: 'net', plan, artifacts, policy: DEFAULT_POLICY, seats: ['d2'] });
      const [first, second] = await rig.clock.run(Promise.all(answers));
      // The weights of the plans differ, so that the answer tells which plan gave it. A request takes 7 ms.
      expectCorrect(moment < 7 ? { network: smaller } : rig, first!, inputs[0]!);
      expectCorrect({ network: smaller }, second!, inputs[1]!);
      for (const { rescued, latencyMs } of [first!, second!]) {
        expect(rescued).toBe(0);
        expect(latencyMs).toBeLessThan(1_000);
      }
      expect(deploymentOf(rig)).toMatchObject({ inFlight: 0, counters: { requests: 2, answered: 2 } });
    }
  });
});

describe('a request that cannot be answered', () => {
  it('ends at its deadline with the names of the pending steps', async () => {
    const rig = await readyRig({ k: 2, r: 0 });
    rig.fleet.partition('d0');
    const answer = rig.coordinator.infer('net', { t0: rig.input() }, { deadlineMs: 300 });
    const error = await rig.clock.run(answer.catch((cause: unknown) => cause));
    expect(error).toBeInstanceOf(DeadlineError);
    expect(error).toMatchObject({ pendingSteps: ['step0'], deadlineMs: 300, code: 'deadline-exceeded' });
    expect(rig.clock.now()).toBe(310);
    expect(deploymentOf(rig)).toMatchObject({ inFlight: 0, counters: { failed: 1, requests: 1 } });
  });

  it('ends when a local step or a rescue fails, and names the step', async () => {
    const rig = await readyRig({ k: 2, r: 1 });
    rig.fleet.local.failNext = 1;
    const local = rig.clock.run(rig.coordinator.infer('net', { t0: rig.input() }));
    await expect(local).rejects.toMatchObject({ code: 'local-compute-failed', step: 'step1', shard: null });
    for (const id of ['d0', 'd1', 'd2']) rig.fleet.kill(id);
    rig.fleet.local.failNext = 3;
    const rescue = rig.clock.run(rig.coordinator.infer('net', { t0: rig.input() }));
    await expect(rescue).rejects.toMatchObject({ code: 'local-compute-failed', step: 'step0' });
    expect(await rig.clock.run(rig.coordinator.infer('net', { t0: rig.input() }))).toMatchObject({
      rescued: 4,
    });
  });

  it('is not accepted if its feeds or fetches do not match the model', async () => {
    const { coordinator, clock } = await readyRig({ k: 2, r: 1 });
    const data = new Float32Array(6);
    const valid = { type: 'float32', dims: [1, 6], data } as const;
    const cases: [Parameters<typeof coordinator.infer>[1], RegExp][] = [
      [{}, /"t0": missing; expected float32 \[any, 6\]/],
      [{ t0: valid, x: valid }, /"x": is not an input/],
      [{ t0: { type: 'int32', dims: [1, 6], data: new Int32Array(6) } }, /has type int32; expected float32/],
      [{ t0: { ...valid, dims: [6] } }, /has shape \[6\]; expected \[any, 6\]/],
      [{ t0: { ...valid, dims: [1, 7] } }, /has shape \[1, 7\]/],
      [{ t0: { ...valid, dims: [2, 6] } }, /has 6 values; its shape \[2, 6\] needs 12/],
      [{ t0: { ...valid, dims: [-1, 6] } }, /shape/],
    ];
    for (const [feeds, message] of cases) {
      const error = await coordinator.infer('net', feeds).catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(InvalidFeedsError);
      expect((error as Error).message).toMatch(message);
    }
    await expect(coordinator.infer('net', { t0: valid }, { fetches: ['nope'] })).rejects.toThrow(
      /not an output/,
    );
    await expect(coordinator.infer('nope', {})).rejects.toBeInstanceOf(UnknownDeploymentError);
    expect(coordinator.snapshot().deployments[0]!.counters.requests).toBe(0);
    await clock.run(coordinator.infer('net', { t0: valid }));
  });

  it('is canceled when its caller aborts, running or queued', async () => {
    const rig = await readyRig({ k: 2, r: 1, options: { requestsInFlight: 1 } });
    const controllers = [new AbortController(), new AbortController(), new AbortController()];
    const answers = controllers.map(({ signal }) =>
      rig.coordinator.infer('net', { t0: rig.input() }, { signal }).catch((cause: unknown) => cause),
    );
    controllers[0]!.abort();
    controllers[2]!.abort();
    const [first, second, third] = await rig.clock.run(Promise.all(answers));
    expect(first).toBeInstanceOf(CanceledError);
    expect(second).toMatchObject({ request: 2 });
    expect(third).toBeInstanceOf(CanceledError);
    const aborted = rig.coordinator.infer('net', { t0: rig.input() }, { signal: AbortSignal.abort() });
    await expect(aborted).rejects.toBeInstanceOf(CanceledError);
    expect(deploymentOf(rig).counters).toMatchObject({ requests: 3, answered: 1, canceled: 2 });
  });
});

describe('requests beyond the in-flight limit', () => {
  it('are queued in order; beyond the queue limit they are refused with a retry time', async () => {
    const rig = await readyRig({ k: 2, r: 1, options: { requestsInFlight: 2, requestsQueued: 3 } });
    const order: number[] = [];
    const answers = Array.from({ length: 5 }, () =>
      rig.coordinator.infer('net', { t0: rig.input() }).then(({ request }) => order.push(request)),
    );
    const refused = await rig.coordinator.infer('net', { t0: rig.input() }).catch((cause: unknown) => cause);
    expect(refused).toBeInstanceOf(OverloadedError);
    expect(refused).toMatchObject({ inFlight: 2, queued: 3 });
    expect((refused as OverloadedError).retryAfterMs).toBeGreaterThan(0);
    await rig.clock.run(Promise.all(answers));
    expect(order).toEqual([1, 2, 3, 4, 5]);
    expect(deploymentOf(rig).counters).toMatchObject({ requests: 5, answered: 5, refused: 1 });
  });

  it('report the time in the queue as part of their latency', async () => {
    const rig = await readyRig({ k: 2, r: 1, options: { requestsInFlight: 2, requestsQueued: 3 } });
    const answers = Array.from({ length: 5 }, () => rig.coordinator.infer('net', { t0: rig.input() }));
    const results = await rig.clock.run(Promise.all(answers));
    // Two at a time: each pair starts when a request of the pair before it ends.
    expect(results.map(({ queuedMs }) => queuedMs > 0)).toEqual([false, false, true, true, true]);
    expect(results[4]!.queuedMs).toBeGreaterThan(results[2]!.queuedMs);
    for (const { queuedMs, latencyMs } of results) {
      // The rest is as long as for a request that did not wait, apart from a wait in a device.
      expect(latencyMs - queuedMs).toBeGreaterThanOrEqual(results[0]!.latencyMs);
      expect(latencyMs - queuedMs).toBeLessThan(2 * results[0]!.latencyMs);
    }
  });

  it('respect the devices’ caps, and are not rescued when all devices are busy', async () => {
    const rig = await readyRig({
      k: 2,
      r: 1,
      options: { inFlightPerDevice: 2 },
      layers: [{ kind: 'coded', inputs: 6, outputs: 5 }],
    });
    const answers = Array.from({ length: 40 }, () => rig.coordinator.infer('net', { t0: rig.input() }));
    for (const { inFlight } of rig.coordinator.snapshot().devices) expect(inFlight).toBe(2);
    const results = await rig.clock.run(Promise.all(answers));
    expect(results.reduce((sum, { rescued }) => sum + rescued, 0)).toBe(0);
  });

  it('do not wait for a slow device: a device at its cap is an erasure', async () => {
    const rig = await readyRig({
      k: 2,
      r: 1,
      options: { inFlightPerDevice: 4 },
      policy: { waitMs: 'any-k' },
    });
    rig.fleet.device('d0').behavior.computeMs = 500;
    const latencies: number[] = [];
    for (let i = 0; i < 50; i++) {
      latencies.push((await rig.clock.run(rig.coordinator.infer('net', { t0: rig.input() }))).latencyMs);
      expect(rig.coordinator.snapshot().devices[0]!.inFlight).toBeLessThanOrEqual(4);
    }
    expect(Math.max(...latencies)).toBe(7);
  });
});

describe('changing a deployment while it serves', () => {
  it('installs the new plan beside the old one, switches when it is ready, and finishes requests in flight', async () => {
    const rig = await readyRig({ k: 2, r: 1, standbys: 1 });
    const next = syntheticNetwork({
      k: 3,
      r: 1,
      layers: [{ kind: 'coded', inputs: 6, outputs: 9 }],
      seed: 2,
    });
    alsoRun(rig, next);
    for (const device of rig.fleet.devices) device.behavior.installMs = 100;
    const input = rig.input();
    rig.coordinator.deploy({ ...next, name: 'net', policy: DEFAULT_POLICY, seats: [] });
    await rig.clock.advance(98);
    const inFlight = rig.coordinator.infer('net', { t0: input });
    await rig.clock.advance(4);
    expect(deploymentOf(rig)).toMatchObject({ state: 'ready', nextSeats: null, inFlight: 1 });
    const fresh = await rig.clock.run(rig.coordinator.infer('net', { t0: input }));
    expect(fresh.fetches.t1!.data.length).toBe(9);
    expectCorrect(rig, await rig.clock.run(inFlight), input);
    await rig.clock.advance(10);
    // The old plan's tasks are unloaded when its last request has ended.
    for (const device of rig.fleet.devices) expect(device.process!.tasks.size).toBe(1);
  });

  it('applies a new policy to requests accepted from then on', async () => {
    const rig = await ManualRig.ready({ k: 2, r: 1, layers: [{ kind: 'coded', inputs: 2, outputs: 4 }] });
    const done: number[] = [];
    const ask = () =>
      rig.coordinator.infer('net', { t0: rig.input([1, 2]) }).then(({ request }) => done.push(request));
    void ask();
    rig.coordinator.setPolicy('net', { ...DEFAULT_POLICY, waitMs: 'all' });
    void ask();
    rig.answerAll('d0');
    rig.answerAll('d2');
    await settle();
    expect(done).toEqual([1]);
    rig.answerAll('d1');
    await settle();
    expect(done).toEqual([1, 2]);
  });

  it('refuses new requests at once when undeployed, and finishes the accepted ones', async () => {
    const rig = await readyRig({ k: 2, r: 1, options: { requestsInFlight: 1 } });
    const answers = [1, 2, 3].map(() => rig.coordinator.infer('net', { t0: rig.input() }));
    const undeployed = rig.coordinator.undeploy('net');
    await expect(rig.coordinator.infer('net', {})).rejects.toBeInstanceOf(UnknownDeploymentError);
    expect((await rig.clock.run(Promise.all(answers))).length).toBe(3);
    await undeployed;
    for (const device of rig.fleet.devices) expect(device.process!.tasks.size).toBe(0);
  });

  it('ends the requests that still wait after the time of an undeploy', async () => {
    const rig = await ManualRig.ready({
      k: 2,
      r: 1,
      layers: [{ kind: 'coded', inputs: 2, outputs: 4 }],
      options: { requestsInFlight: 1 },
      policy: { rescue: 'off' },
    });
    const ask = () => rig.coordinator.infer('net', { t0: rig.input([1, 2]) });
    const requests = [ask(), ask(), ask()];
    const ends = Promise.all(requests.map((each) => each.catch((error: unknown) => error)));
    let undeployed = false;
    void rig.coordinator.undeploy('net', 8_000).then(() => {
      undeployed = true;
    });
    await rig.clock.advance(7_999);
    expect(undeployed).toBe(false);
    await rig.clock.advance(1);
    for (const end of await ends) expect(end).toBeInstanceOf(DeletedError);
    await settle();
    expect(undeployed).toBe(true);
    const finished = rig.events.flatMap((event) => (event.kind === 'request-finished' ? [event] : []));
    expect(finished.map(({ outcome }) => outcome.status)).toEqual(['canceled', 'canceled', 'canceled']);
    // No queued request was started: the device got computations of the first request only.
    expect(new Set(rig.takeComputations('d0').map(({ request }) => request))).toEqual(new Set([1]));
  });

  it('drains: refuses new requests and resolves when all accepted ones have ended', async () => {
    const rig = await readyRig({ k: 2, r: 1 });
    const answer = rig.coordinator.infer('net', { t0: rig.input() });
    const drained = rig.coordinator.drain();
    await expect(rig.coordinator.infer('net', { t0: rig.input() })).rejects.toBeInstanceOf(UnavailableError);
    await rig.clock.run(drained);
    await expect(answer).resolves.toMatchObject({ request: 1 });
  });

  it('gives every generation its own task numbers, counting up from firstTask', async () => {
    const rig = await readyRig({ k: 2, r: 1, options: { firstTask: 1_000 } });
    expect([...rig.fleet.device('d0').process!.tasks.keys()]).toEqual([1_000, 1_004]);
    rig.coordinator.deploy({ ...rig.network, name: 'net', policy: DEFAULT_POLICY, seats: [] });
    await rig.clock.advance(100);
    expect([...rig.fleet.device('d0').process!.tasks.keys()]).toEqual([1_008, 1_012]);
    // One number for each step, and one for each shard that a substitute may compute.
    expect(rig.coordinator.nextTask).toBe(1_016);
  });
});
