import type { Attribute, Model } from '@sparewheel/onnx';
import { floats, model, node, value } from '@sparewheel/onnx/testing';
import { Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeviceCapacity } from '../costs/costs.ts';
import { explainPlan } from '../costs/explain.ts';
import type { Plan, PlanOptions, ReplicatedStep } from '../plan.ts';
import { createPlan, planFleet } from '../planner.ts';
import type { ModelProfile } from '../profile.ts';
import { type PreparedModel, prepareModel } from '../testing/run-plans.ts';

const SIZE = 24;

const window = (kernel: number, stride: number, pad: number): Attribute[] => [
  { name: 'kernel_shape', kind: 'ints', value: [BigInt(kernel), BigInt(kernel)] },
  { name: 'strides', kind: 'ints', value: [BigInt(stride), BigInt(stride)] },
  { name: 'pads', kind: 'ints', value: [BigInt(pad), BigInt(pad), BigInt(pad), BigInt(pad)] },
];

/** A stem with a pool, a residual block, and a classifier over the whole image. */
function smallResidualNetwork(): Model {
  const image = (name: string, size: number) => value(name, [1, 6, size, size]);
  const wave = (name: string, dims: readonly number[]) =>
    floats(
      name,
      dims,
      Array.from(
        { length: dims.reduce((a, b) => a * b, 1) },
        (_, i) => 0.2 * Math.sin(1.3 * i + dims.length),
      ),
    );
  return model({
    nodes: [
      node('Conv', ['x', 'w0', 'b0'], ['c0'], window(3, 1, 1)),
      node('Relu', ['c0'], ['r0']),
      node('MaxPool', ['r0'], ['p0'], window(3, 2, 1)),
      node('Conv', ['p0', 'w1', 'b0'], ['c1'], window(3, 1, 1)),
      node('Relu', ['c1'], ['r1']),
      node('Conv', ['r1', 'w2', 'b0'], ['c2'], window(3, 1, 1)),
      node('Add', ['c2', 'p0'], ['sum']),
      node('Relu', ['sum'], ['r2']),
      node('GlobalAveragePool', ['r2'], ['mean']),
      node('Flatten', ['mean'], ['flat']),
      node('Gemm', ['flat', 'w3', 'b3'], ['y']),
    ],
    initializers: [
      wave('w0', [6, 3, 3, 3]),
      wave('b0', [6]),
      wave('w1', [6, 6, 3, 3]),
      wave('w2', [6, 6, 3, 3]),
      wave('w3', [6, 10]),
      wave('b3', [10]),
    ],
    inputs: [value('x', [1, 3, SIZE, SIZE])],
    outputs: [value('y', [1, 10])],
    valueInfos: [
      ...['c0', 'r0'].map((name) => image(name, SIZE)),
      ...['p0', 'c1', 'r1', 'c2', 'sum', 'r2'].map((name) => image(name, SIZE / 2)),
    ],
  });
}

const OPTIONS: PlanOptions = { k: 3, r: 1, strategy: 'coded', layers: 'all', splits: 'tiles' };
const tilesOf = ({ steps }: Plan) =>
  steps.filter((step): step is ReplicatedStep => step.kind === 'replicated' && step.tile !== undefined);
const convolutions = ({ layers }: ModelProfile) => layers.filter(({ op }) => op === 'Conv');

let prepared: PreparedModel;
let feeds: Readonly<Record<string, Tensor>>;
let expected: Float32Array;
beforeAll(async () => {
  prepared = await prepareModel(smallResidualNetwork());
  const x = Float32Array.from({ length: 3 * SIZE * SIZE }, (_, i) => Math.sin(i * 0.37));
  feeds = { x: new Tensor('float32', x, [1, 3, SIZE, SIZE]) };
  expected = (await prepared.expected(feeds)).y!.data as Float32Array;
});
afterAll(() => prepared.release());

describe('a plan with tiles', () => {
  it.each([
    [2, 1],
    [3, 1],
    [4, 1],
    [3, 2],
    [2, 0],
  ])('gives the answer of the undivided model with any r devices dead: k = %i, r = %i', async (k, r) => {
    const plan = createPlan(prepared.profile, { ...OPTIONS, k, r });
    expect(tilesOf(plan).length).toBeGreaterThan(0);
    const seats = plan.seats.map(({ seat }) => seat);
    const dead =
      r === 0
        ? [[]]
        : r === 1
          ? [[], ...seats.map((seat) => [seat])]
          : seats.flatMap((a) => seats.map((b) => [a, b]));
    for (const { y } of await prepared.run(plan, feeds, dead)) {
      for (const [i, each] of expected.entries())
        expect(Math.abs((y!.data[i] as number) - each)).toBeLessThan(1e-4);
    }
  });

  it('codes the layers that no segment contains, with the layers "all" only', () => {
    const splitsWith = (layers: PlanOptions['layers']) =>
      createPlan(prepared.profile, { ...OPTIONS, layers })
        .decisions.filter(({ distributed }) => distributed)
        .map(({ op, split }) => `${op} ${split}`);
    const tiles = convolutions(prepared.profile).map(() => 'Conv tiles');
    expect(splitsWith('all')).toEqual([...tiles, 'Gemm weights']);
    expect(splitsWith(convolutions(prepared.profile).map(({ name }) => name))).toEqual(tiles);
  });

  it('fails with more devices dead than it has backups', async () => {
    const plan = createPlan(prepared.profile, OPTIONS);
    await expect(prepared.run(plan, feeds, [tilesOf(plan)[0]!.seats])).rejects.toThrow('are dead');
  });

  it('divides the rows without gap or overlap, and gives every tile 1 + r seats', () => {
    for (const [k, r] of [
      [2, 1],
      [3, 2],
      [5, 1],
    ] as const) {
      const tiles = tilesOf(createPlan(prepared.profile, { ...OPTIONS, k, r }));
      for (const { tile, seats } of tiles) {
        const { index, output, outputRows } = tile!;
        const previous = tiles.find(
          (each) => each.tile!.segment === tile!.segment && each.tile!.index === index - 1,
        );
        expect(output.from).toBe(previous?.tile?.output.to ?? 0);
        if (index === k - 1) expect(output.to).toBe(outputRows);
        expect(new Set(seats).size).toBe(1 + r);
      }
      const first = tiles.filter(({ tile }) => tile!.segment === 0);
      expect(new Set(first.map(({ seats }) => seats[0])).size).toBe(k);
    }
  });

  it('survives each failure with one replica of each tile', () => {
    expect(createPlan(prepared.profile, OPTIONS).coverage).toBe(1);
  });

  it('survives no failure without replicas', () => {
    expect(createPlan(prepared.profile, { ...OPTIONS, r: 0 }).coverage).toBe(0);
  });

  it('counts the weights of a segment once for a device that backs up several tiles', () => {
    const layers = convolutions(prepared.profile).map(({ name }) => name);
    const { seats } = createPlan(prepared.profile, { ...OPTIONS, layers });
    const bytes = convolutions(prepared.profile).reduce((sum, { weightsBytes }) => sum + weightsBytes, 0);
    for (const { weightsBytes } of seats) expect(weightsBytes).toBe(bytes);
  });

  it('says for each step what a failure costs', () => {
    const plan = createPlan(prepared.profile, OPTIONS);
    const { steps } = explainPlan(prepared.profile, plan);
    const failures = new Map(steps.map(({ kind, failure }) => [kind, failure]));
    expect(failures.get('replicated')).toContain('A backup computes the tile');
    expect(failures.get('local')).toContain('data plane');
  });
});

/** The same network with slow convolutions, so that devices are worth a hop. */
function slow(profile: ModelProfile, msPerConvolution: number): ModelProfile {
  return {
    ...profile,
    layers: profile.layers.map((layer) => ({
      ...layer,
      timeMs: layer.op === 'Conv' ? msPerConvolution : 0.01,
    })),
  };
}

const devices = (count: number): DeviceCapacity[] =>
  Array.from({ length: count }, (_, index) => ({ id: `d${index}` }));

describe('the choice of tiles', () => {
  const auto: PlanOptions = { ...OPTIONS, layers: 'auto', splits: 'auto', devices: devices(4) };

  it('uses tiles where several convolutions need fewer hops', () => {
    const { plan } = planFleet(slow(prepared.profile, 4), auto);
    expect(tilesOf(plan).length).toBeGreaterThan(0);
    const coded = planFleet(slow(prepared.profile, 4), { ...auto, layers: 'all' }).plan;
    expect(plan.predictions!.plan.ms).toBeLessThan(coded.predictions!.plan.ms);
  });

  it('runs the model whole if neither tiles nor shards are worth a hop', () => {
    const { plan } = planFleet(slow(prepared.profile, 0.05), auto);
    expect(plan.runsWhole).toContain('Runs whole');
  });

  it('gives a readable reason for each layer if the undivided model is faster than tiles', () => {
    const { plan } = planFleet(slow(prepared.profile, 0.05), { ...auto, splits: 'tiles' });
    expect(plan.runsWhole).toMatch(/^Runs whole on /);
    const reasons = plan.decisions.flatMap(({ op, reason }) => (op === 'Conv' ? [reason] : []));
    expect(reasons).toEqual([
      'the undivided model is faster than one with this layer computed in 3 tiles with 2 other operators, without a gather between them',
      'not faster in tiles',
      'not faster in tiles',
    ]);
  });

  it('gives tiles up if a device has too little memory for all weights of a segment', () => {
    const bytes = convolutions(prepared.profile).reduce((sum, { weightsBytes }) => sum + weightsBytes, 0);
    const small = devices(4).map((device) => ({ ...device, memoryBytes: bytes - 1 }));
    const { plan } = planFleet(slow(prepared.profile, 4), { ...auto, devices: small });
    for (const { weightsBytes } of plan.seats) expect(weightsBytes).toBeLessThan(bytes);
  });
});

describe('tiles are refused', () => {
  it('if a model has fewer rows than tiles', () => {
    expect(() => createPlan(prepared.profile, { ...OPTIONS, k: 30 })).toThrow(/fewer than the 30 tiles/);
  });

  it('if the halo is larger than the tile', () => {
    const named = {
      ...OPTIONS,
      k: 12,
      layers: convolutions(prepared.profile)
        .slice(1)
        .map(({ name }) => name),
    };
    expect(() => createPlan(prepared.profile, named)).toThrow(/halo of \d+ rows is larger than/);
  });

  it.each(['paper', 'replicated'] as const)('by the strategy "%s"', (strategy) => {
    expect(() => createPlan(prepared.profile, { ...OPTIONS, strategy })).toThrow(/in tiles/);
  });

  it('if a named layer looks at the whole image', () => {
    const gemm = prepared.profile.layers.find(({ op }) => op === 'Gemm')!.name;
    expect(() => createPlan(prepared.profile, { ...OPTIONS, layers: [gemm] })).toThrow(
      /cannot be distributed/,
    );
  });

  it('if the profile is of an older version', () => {
    const layers = prepared.profile.layers.map(({ tile, ...layer }) => layer);
    expect(() => createPlan({ ...prepared.profile, layers }, OPTIONS)).toThrow(/older version/);
  });
});
