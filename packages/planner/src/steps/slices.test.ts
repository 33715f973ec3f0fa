import type { Model } from '@sparewheel/onnx';
import { floats, model, node, value } from '@sparewheel/onnx/testing';
import { Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeviceCapacity } from '../costs/costs.ts';
import { explainPlan } from '../costs/explain.ts';
import type { Plan, PlanOptions, ReplicatedStep } from '../plan.ts';
import { createPlan, planFleet } from '../planner.ts';
import type { ModelProfile } from '../profile.ts';
import { decoder } from '../testing/decoder.ts';
import { type PreparedModel, prepareModel } from '../testing/run-plans.ts';

const SIZE = { layers: 2, width: 16, hidden: 24, heads: 4, tokens: 3 };
const OPTIONS: PlanOptions = { k: 3, r: 1, strategy: 'coded', layers: 'all', splits: 'slices' };

const slicesOf = ({ steps }: Plan) =>
  steps.filter((step): step is ReplicatedStep => step.kind === 'replicated' && step.slice !== undefined);
/** Hops of a request: coded steps, and runs of layers in slices. */
const hops = (plan: Plan) =>
  new Set(
    plan.steps.flatMap((step) =>
      step.kind === 'coded' ? step.fetch : step.kind === 'replicated' ? (step.slice?.fetch ?? step.id) : [],
    ),
  ).size;

let prepared: PreparedModel;
let feeds: Readonly<Record<string, Tensor>>;
let expected: Float32Array;
beforeAll(async () => {
  prepared = await prepareModel(decoder(SIZE));
  const x = Float32Array.from({ length: SIZE.tokens * SIZE.width }, (_, i) => Math.sin(i * 0.37));
  feeds = { x: new Tensor('float32', x, [1, SIZE.tokens, SIZE.width]) };
  expected = (await prepared.expected(feeds)).y!.data as Float32Array;
});
afterAll(() => prepared.release());

async function expectExact(plan: Plan, dead: readonly (readonly number[])[]): Promise<void> {
  const largest = expected.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
  for (const { y } of await prepared.run(plan, feeds, dead)) {
    for (const [i, each] of expected.entries())
      expect(Math.abs((y!.data[i] as number) - each) / largest).toBeLessThan(1e-5);
  }
}

describe('a plan with slices', () => {
  it.each([
    [2, 1],
    [3, 1],
    [4, 1],
    [3, 2],
    [2, 0],
  ])('gives the answer of the undivided model with any r devices dead: k = %i, r = %i', async (k, r) => {
    const plan = createPlan(prepared.profile, { ...OPTIONS, k, r });
    const seats = plan.seats.map(({ seat }) => seat);
    const dead =
      r === 0
        ? [[]]
        : r === 1
          ? [[], ...seats.map((seat) => [seat])]
          : seats.map((a) => [a, (a + 1) % (k + r)]);
    await expectExact(plan, dead);
  });

  it('needs one hop for an attention and one for an MLP, and one for the last layer', () => {
    const coded = createPlan(prepared.profile, { ...OPTIONS, splits: 'weights' });
    expect(hops(coded)).toBe(4 * SIZE.layers + 1);
    const plan = createPlan(prepared.profile, OPTIONS);
    expect(hops(plan)).toBe(2 * SIZE.layers + 1);
    expect(slicesOf(plan)).toHaveLength(2 * SIZE.layers * OPTIONS.k);
    expect(plan.coverage).toBe(1);
  });

  it('gives every slice 1 + r seats, and makes each seat a backup in turn', () => {
    const plan = createPlan(prepared.profile, { ...OPTIONS, k: 3, r: 1 });
    for (const { seats, slice } of slicesOf(plan)) {
      expect(new Set(seats).size).toBe(2);
      const others = slicesOf(plan).filter((step) => step.slice!.fetch === slice!.fetch);
      expect(new Set(others.map(({ seats }) => seats[0])).size).toBe(3);
    }
    expect(new Set(slicesOf(plan).map(({ seats }) => seats[1])).size).toBe(4);
  });

  it('divides columns and heads without gap or overlap', () => {
    for (const k of [2, 3, 4]) {
      for (const { slice } of slicesOf(createPlan(prepared.profile, { ...OPTIONS, k }))) {
        const { index, slices, units, part } = slice!;
        expect([SIZE.heads, SIZE.hidden]).toContain(units);
        expect(part.from).toBe(Math.floor((index * units) / slices));
        expect(part.to).toBe(Math.floor(((index + 1) * units) / slices));
      }
    }
  });

  it('says why a layer is in slices, and what a failure costs', () => {
    const { plan, explanation } = planFleet(prepared.profile, OPTIONS);
    const reasons = plan.decisions.filter(({ split }) => split === 'slices');
    expect(reasons).toHaveLength(SIZE.layers * 6);
    expect(reasons[0]).toMatchObject({
      distributed: true,
      reason: expect.stringMatching(/^computed in 3 slices with \d+ other operators, without a gather/),
      splitReason: expect.stringMatching(/at most 2 of 4 columns or heads: predicted .* ms in slices/),
    });
    const step = explanation.steps.find(({ split }) => split === 'slices')!;
    expect(step.failure).toContain('A backup computes the slice');
    expect(step.splitReason).toBe(reasons[0]!.splitReason);
  });

  it('counts a slice and its weights for the first seat, and the weights for the backups', () => {
    const plan = createPlan(prepared.profile, { ...OPTIONS, k: 2, r: 1 });
    const { seats } = explainPlan(prepared.profile, plan);
    const total = seats.reduce((sum, { multiplyAdds }) => sum + multiplyAdds, 0);
    const head = prepared.profile.layers.at(-1)!.multiplyAdds;
    // The last layer is coded over 2 + 1 devices; nothing else is computed twice.
    const linear = prepared.profile.multiplyAdds - head;
    expect(total).toBeCloseTo(linear + 1.5 * head, -1);
    const weights = seats.reduce((sum, { weightsBytes }) => sum + weightsBytes, 0);
    expect(weights).toBeGreaterThan(
      1.9 * prepared.profile.weightsBytes * (linear / prepared.profile.multiplyAdds),
    );
  });

  it('codes the named layers that are in no run whose layers are all named', async () => {
    const named = prepared.profile.layers.filter(({ coding }) => coding).slice(0, 3);
    const plan = createPlan(prepared.profile, { ...OPTIONS, layers: named.map(({ name }) => name) });
    expect(hops(plan)).toBe(2);
    await expectExact(plan, [[], [0]]);
  });

  it('works under "devices-only"', async () => {
    const plan = createPlan(prepared.profile, { ...OPTIONS, objective: 'devices-only' });
    expect(hops(plan)).toBe(2 * SIZE.layers + 1);
    await expectExact(plan, [[], [1]]);
  });
});

/** Gives each layer with weights the same time. */
function slow(profile: ModelProfile, ms: number): ModelProfile {
  const layers = profile.layers.map((layer) => ({ ...layer, timeMs: layer.coding ? ms : 0.001 }));
  return { ...profile, layers };
}

const devices = (count: number, more: Partial<DeviceCapacity> = {}): DeviceCapacity[] =>
  Array.from({ length: count }, (_, index) => ({ id: `d${index}`, ...more }));

describe('the choice of slices', () => {
  const auto: PlanOptions = { ...OPTIONS, layers: 'auto', splits: 'auto', devices: devices(4) };

  it('uses slices where they are predicted to be faster than coded layers', () => {
    const profile = slow(prepared.profile, 6);
    const { plan } = planFleet(profile, auto);
    expect(slicesOf(plan).length).toBeGreaterThan(0);
    const coded = planFleet(profile, { ...auto, layers: 'all', splits: 'weights' }).plan;
    expect(plan.predictions!.plan.ms).toBeLessThan(coded.predictions!.plan.ms);
  });

  it('runs the model whole if neither slices nor shards are worth a hop', () => {
    for (const splits of ['auto', 'slices'] as const) {
      const { plan } = planFleet(slow(prepared.profile, 0.05), { ...auto, splits });
      expect(plan.runsWhole).toContain('Runs whole');
    }
  });

  it('gives slices up if the backups do not fit the memory of the devices, and says so', () => {
    const profile = slow(prepared.profile, 6);
    const free = planFleet(profile, auto).plan;
    const most = Math.max(...free.seats.map(({ weightsBytes }) => weightsBytes));
    const { plan } = planFleet(profile, { ...auto, devices: devices(4, { memoryBytes: most - 1 }) });
    expect(slicesOf(plan)).toEqual([]);
    expect(plan.steps.some(({ kind }) => kind === 'coded')).toBe(true);
    expect(plan.decisions.some(({ reason }) => reason.includes('backups of slices do not fit'))).toBe(true);
  });
});

/** Two layers with an operator between them. */
function pair(between: string, width = 12): Model {
  return model({
    nodes: [
      node('MatMul', ['x', 'w1'], ['h']),
      node(between, ['h'], ['a']),
      node('MatMul', ['a', 'w2'], ['y']),
    ],
    initializers: [floats('w1', [8, width]), floats('w2', [width, 8])],
    inputs: [value('x', [2, 8])],
    outputs: [value('y', [2, 8])],
  });
}

describe('slices are refused', () => {
  it('if there are fewer columns than slices', async () => {
    const narrow = await prepareModel(pair('Relu', 4));
    expect(() => createPlan(narrow.profile, { ...OPTIONS, k: 5 })).toThrow(/cannot be|fewer than the 5/);
    narrow.release();
  });

  it('if an operator combines the columns', async () => {
    const mixed = await prepareModel(pair('Softmax'));
    expect(() => createPlan(mixed.profile, OPTIONS)).toThrow(/no two of its linear layers/);
    mixed.release();
  });

  it.each(['paper', 'replicated'] as const)('by the strategy "%s"', (strategy) => {
    expect(() => createPlan(prepared.profile, { ...OPTIONS, strategy })).toThrow(/in slices/);
  });

  it('if the profile is of an older version', () => {
    const { slices, ...profile } = prepared.profile;
    expect(() => createPlan(profile, OPTIONS)).toThrow(/older version/);
  });
});
