/** A correct device is never blamed, also if the plan is wrong or the model gives unusual values. */
import type { ReplicatedStep, Step } from '@sparewheel/planner';
import type { Answer } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { REPLICA_TOLERANCE } from './steps/compare-outputs.ts';
import { settle } from './testing/index.ts';
import { corrupted, ManualRig, type ManualRigOptions } from './testing/manual-rig.ts';

const REPLICATED = { k: 1, r: 1, layers: [{ kind: 'replicated' }] } as const;

function replicated(
  change: Partial<ReplicatedStep>,
  options: Partial<ManualRigOptions> = {},
): Promise<ManualRig> {
  const changeStep = (step: Step) => (step.kind === 'replicated' ? { ...step, ...change } : step);
  return ManualRig.ready({ ...REPLICATED, ...options, changeStep });
}

/** Makes the model give -∞ for its first value, on devices and on the data plane. */
function maskFirst(rig: ManualRig): void {
  const run = rig.local.run.bind(rig.local);
  rig.local.run = async (...call) => masked({ tensors: await run(...call) } as Answer).tensors;
}

const masked = (answer: Answer) => corrupted(answer, Number.NEGATIVE_INFINITY);

async function ask(rig: ManualRig, answers: Readonly<Record<string, (correct: Answer) => Answer>>) {
  const inference = rig.coordinator.infer('net', { t0: rig.input([1, 2, 3]) });
  for (const [device, change] of Object.entries(answers)) {
    for (const request of rig.takeComputations(device))
      rig.send(device, change(rig.answerTo(device, request)));
    await settle();
  }
  return inference;
}

const blamed = (rig: ManualRig) =>
  rig.coordinator
    .snapshot()
    .devices.flatMap(({ id, statistics: { invalid, quarantines } }) =>
      invalid + quarantines > 0 ? [id] : [],
    );

const same = (correct: Answer) => correct;

describe('a shape that the plan does not expect', () => {
  const wrongPlan = { fetchShapes: [{ type: 'float32', dims: [1, 7] }] };

  it('is the fault of the plan if all replicas give it, and is reported once', async () => {
    const rig = await replicated(wrongPlan);
    for (let request = 0; request < 5; request++) {
      const { fetches } = await ask(rig, { d0: same, d1: same });
      expect(fetches.t1!.dims).toEqual([1, 3]);
    }
    expect(blamed(rig)).toEqual([]);
    expect(rig.eventsOf('disagreement')).toEqual([
      expect.objectContaining({ step: 'step0', cause: 'plan', devices: [], residual: null }),
    ]);
    expect(rig.local.runs).toBe(1);
  });

  it('is accepted from all replicas if the data plane must not compute', async () => {
    const rig = await replicated(wrongPlan, { objective: 'devices-only' });
    const inference = ask(rig, { d0: same, d1: same });
    await rig.clock.advance(600);
    for (const device of ['d0', 'd1']) rig.answerAll(device);
    expect((await inference).fetches.t1!.dims).toEqual([1, 3]);
    expect(blamed(rig)).toEqual([]);
    expect(rig.eventsOf('disagreement')[0]).toMatchObject({ cause: 'plan', devices: ['d0', 'd1'] });
  });
});

describe('an infinity that the model gives', () => {
  it('is an answer, and the next one needs no reference', async () => {
    const rig = await replicated({});
    maskFirst(rig);
    for (let request = 0; request < 3; request++) {
      const { fetches } = await ask(rig, { d0: masked, d1: masked });
      expect(fetches.t1!.data[0]).toBe(Number.NEGATIVE_INFINITY);
    }
    expect(blamed(rig)).toEqual([]);
    expect(rig.local.runs).toBe(1);
  });

  it('agrees with itself under verify: "before"', async () => {
    const rig = await replicated({}, { policy: { verify: 'before' } });
    maskFirst(rig);
    await ask(rig, { d0: masked, d1: masked });
    await ask(rig, { d0: masked, d1: masked });
    expect(blamed(rig)).toEqual([]);
    expect(rig.eventsOf('corruption')).toEqual([]);
  });

  it('is not held against the device that gives it by a device that lies', async () => {
    const rig = await replicated({}, { options: { strikesToQuarantine: 1 } });
    maskFirst(rig);
    await ask(rig, { d0: masked, d1: same });
    expect(blamed(rig)).toEqual([]);
  });

  it('is accepted from replicas if the data plane must not compute', async () => {
    const rig = await replicated({}, { objective: 'devices-only' });
    const inference = ask(rig, { d0: masked, d1: masked });
    await rig.clock.advance(600);
    for (const device of ['d0', 'd1'])
      for (const request of rig.takeComputations(device))
        rig.send(device, masked(rig.answerTo(device, request)));
    expect((await inference).fetches.t1!.data[0]).toBe(Number.NEGATIVE_INFINITY);
    expect(blamed(rig)).toEqual([]);
  });

  it('in a coded layer is no strike against the device that gives it late', async () => {
    const layers = [{ kind: 'coded', inputs: 3, outputs: 4 }] as const;
    const rig = await ManualRig.ready({ k: 2, r: 1, layers, options: { strikesToQuarantine: 1 } });
    maskFirst(rig);
    const inference = rig.coordinator.infer('net', { t0: rig.input([1, 2, 3]) });
    const [late] = rig.takeComputations('d2');
    for (const device of ['d0', 'd1'])
      for (const request of rig.takeComputations(device))
        rig.send(device, masked(rig.answerTo(device, request)));
    expect((await inference).fetches.t1!.data[0]).toBe(Number.NEGATIVE_INFINITY);
    rig.send('d2', masked(rig.answerTo('d2', late!)));
    await settle();
    expect(blamed(rig)).toEqual([]);
  });

  it('is a strike where the model gives finite values', async () => {
    const rig = await replicated({});
    await ask(rig, { d0: masked, d1: same });
    expect(blamed(rig)).toEqual(['d0']);
  });
});

describe('replicas that differ', () => {
  const BEFORE = { policy: { verify: 'before' } } as const;
  const off = (tolerances: number) => (correct: Answer) => {
    const largest = Math.max(...(correct.tensors[0]!.data as Float32Array).map(Math.abs));
    return corrupted(correct, tolerances * REPLICA_TOLERANCE * largest);
  };

  it('by more than rounding, but not by much, are reported and not blamed', async () => {
    const rig = await replicated({}, BEFORE);
    await ask(rig, { d0: off(2), d1: same });
    expect(blamed(rig)).toEqual([]);
    expect(rig.eventsOf('disagreement')).toEqual([
      expect.objectContaining({ cause: 'rounding', devices: ['d0'] }),
    ]);
    await ask(rig, { d0: off(10), d1: same });
    expect(blamed(rig)).toEqual(['d0']);
  });

  it('by as much as the operators of the step allow are equal', async () => {
    const rig = await replicated({ comparison: { tolerance: 0.03 } }, BEFORE);
    await ask(rig, { d0: off(100), d1: same });
    expect(rig.local.runs).toBe(0);
    expect(rig.eventsOf('disagreement')).toEqual([]);
  });

  it('in a step whose results jump are reported, and the answer is the reference', async () => {
    const rig = await replicated({ comparison: { discrete: true } }, BEFORE);
    const { fetches } = await ask(rig, { d0: off(10_000), d1: same });
    expect(fetches.t1!.data).toEqual(rig.network.reference(rig.input([1, 2, 3])).data);
    expect(blamed(rig)).toEqual([]);
    expect(rig.eventsOf('disagreement')).toHaveLength(1);
  });

  it('at random are not compared', async () => {
    const rig = await replicated({ comparison: { random: 'RandomNormalLike' } }, BEFORE);
    await ask(rig, { d0: off(10_000), d1: off(20_000) });
    expect(rig.local.runs).toBe(0);
    expect(blamed(rig)).toEqual([]);
  });
});

describe('invalid answers', () => {
  const malformed = (correct: Answer): Answer => ({ ...correct, tensors: [] });
  const states = (rig: ManualRig) => rig.coordinator.snapshot().devices.map(({ state }) => state);

  it('expire', async () => {
    const rig = await replicated({}, { options: { strikeExpiresMs: 1_000 } });
    for (let request = 0; request < 6; request++) {
      await ask(rig, { d0: malformed, d1: same });
      await rig.clock.advance(600);
    }
    expect(states(rig)).toEqual(['up', 'up']);
  });

  it('to different deployments do not add up', async () => {
    const rig = await replicated({});
    for (let round = 0; round < 3; round++) {
      await ask(rig, { d0: malformed, d1: same });
      await ask(rig, { d0: malformed, d1: same });
      await rig.coordinator.undeploy('net');
      rig.redeploy();
      await settle();
    }
    expect(states(rig)).toEqual(['up', 'up']);
  });
});
