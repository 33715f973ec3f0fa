import { describe, expect, it } from 'vitest';
import type { DeviceCapacity } from '../costs/costs.ts';
import { PlanRefusedError } from '../errors.ts';
import type { CodedStep, Plan, PlanOptions } from '../plan.ts';
import { createPlan, planFleet } from '../planner.ts';
import type { LayerProfile, ModelProfile } from '../profile.ts';

interface ConvShape {
  readonly name: string;
  readonly inputs: number;
  readonly filters: number;
  /** Height and width of the input and of the output. */
  readonly size: number;
  /** Odd; the default is 3. */
  readonly kernel?: number;
}

/** Builds the profile of independent padded convolutions with a bias, without a model. */
function convolutions(shapes: readonly ConvShape[]): ModelProfile {
  const tensor = (channels: number, size: number) =>
    ({ type: 'float32', dims: [1, channels, size, size] }) as const;
  const inputs = shapes.map(({ inputs, size }, i) => ({ name: `x${i}`, ...tensor(inputs, size) }));
  const outputs = shapes.map(({ filters, size }, i) => ({ name: `y${i}`, ...tensor(filters, size) }));
  const tensors = Object.fromEntries([...inputs, ...outputs].map(({ name, ...each }) => [name, each]));
  const layers = shapes.map(({ name, inputs, filters, size, kernel = 3 }, node): LayerProfile => {
    const perFilter = inputs * kernel ** 2;
    return {
      node,
      name,
      op: 'Conv',
      inputs: [`x${node}`],
      outputs: [`y${node}`],
      outputDims: [1, filters, size, size],
      parameters: filters * (perFilter + 1),
      weightsBytes: 4 * filters * (perFilter + 1),
      multiplyAdds: filters * perFilter * size ** 2,
      timeMs: null,
      notCodable: null,
      coding: {
        op: 'Conv',
        feed: `x${node}`,
        fetch: `y${node}`,
        rows: filters,
        groups: 1,
        axis: 1,
        bytesPerRow: 4 * (perFilter + 1),
        align: 16,
      },
      inputSplit: {
        op: 'Conv',
        node,
        feed: `x${node}`,
        fetch: `y${node}`,
        axis: 2,
        inputRows: size,
        outputRows: size,
        window: kernel,
        stride: 1,
        padBefore: kernel >> 1,
      },
    };
  });
  return {
    version: 1,
    model: { name: 'convolutions', sha256: '0'.repeat(64) },
    inputs,
    outputs,
    layers,
    tensors,
    parameters: 0,
    weightsBytes: layers.reduce((sum, { weightsBytes }) => sum + weightsBytes, 0),
    multiplyAdds: 0,
  };
}

const OPTIONS = { k: 4, r: 1, strategy: 'coded', layers: 'all' } as const satisfies PlanOptions;
/** Large tensors and few weights, then small tensors and many weights. */
const EARLY: ConvShape = { name: 'early', inputs: 64, filters: 64, size: 56 };
const LATE: ConvShape = { name: 'late', inputs: 512, filters: 512, size: 8, kernel: 1 };
const network = convolutions([EARLY, LATE]);

const splitsOf = (plan: Plan) =>
  Object.fromEntries(
    plan.decisions.map(({ layer, distributed, split }) => [layer, distributed ? split : 'local']),
  );
const coded = (plan: Plan) => plan.steps.filter((step): step is CodedStep => step.kind === 'coded');
const refusal = (plan: () => unknown) => {
  try {
    plan();
  } catch (error) {
    if (error instanceof PlanRefusedError) return error;
  }
  throw new Error('not refused');
};

describe('the option "splits"', () => {
  it('forces one split for all layers', () => {
    for (const splits of ['weights', 'inputs'] as const) {
      const plan = createPlan(network, { ...OPTIONS, splits });
      expect(splitsOf(plan)).toEqual({ early: splits, late: splits });
      expect(coded(plan).map(({ split, pieces }) => [split, pieces !== undefined])).toEqual([
        [splits, splits === 'inputs'],
        [splits, splits === 'inputs'],
      ]);
      expect(plan.splits).toBe(splits);
    }
  });

  it('chooses for each layer the split that is predicted to be faster, and explains why', () => {
    // On these devices, reading all weights of the late layer takes longer than a quarter of its arithmetic.
    const devices = Array.from({ length: 5 }, (_, i): DeviceCapacity => {
      const speed = {
        multiplyAddsPerSecond: 5e9,
        memoryBytesPerSecond: 5e8,
        cores: 1,
        machine: `m${i}`,
        engine: 'native',
        hopMs: 1,
        bytesPerMs: 1e6,
      } as const;
      return { id: `d${i}`, speed };
    });
    const { plan, explanation } = planFleet(network, { ...OPTIONS, devices });
    expect(splitsOf(plan)).toEqual({ early: 'inputs', late: 'weights' });
    const [early, late] = explanation.steps;
    expect(early).toMatchObject({ split: 'inputs' });
    expect(early!.splitReason).toMatch(
      /^the input is divided: predicted \d+\.\d\d ms \(\d+\.\d\d MB sent and received, 0\.15 MB of weights per device\) with divided inputs, /,
    );
    expect(late!.splitReason).toMatch(/^the weights are divided: predicted /);
  });

  it('sends each device one piece, and puts all weights on it', () => {
    const [inputs, weights] = (['inputs', 'weights'] as const).map((splits) =>
      createPlan(convolutions([EARLY]), { ...OPTIONS, splits }),
    );
    const whole = 4 * 64 * 56 * 56;
    expect(weights!.seats.map(({ bytesIn }) => bytesIn)).toEqual(Array(5).fill(whole));
    // 14 output rows need 16 input rows.
    expect(inputs!.seats.map(({ bytesIn }) => bytesIn)).toEqual(Array(5).fill((16 / 56) * whole));
    expect(coded(inputs!)[0]!.pieces).toEqual({ axis: 2, inputRows: 56, rows: 16, starts: [-1, 13, 27, 41] });
    for (const field of ['bytesOut', 'multiplyAdds'] as const) {
      expect(inputs!.seats.map((seat) => seat[field])).toEqual(weights!.seats.map((seat) => seat[field]));
    }
    expect(inputs!.seats[0]!.weightsBytes).toBe(4 * 64 * (64 * 9 + 1));
    expect(weights!.seats[0]!.weightsBytes).toBe(inputs!.seats[0]!.weightsBytes / 4);
  });

  it('leaves a layer local that the requested split cannot divide, with the reason', () => {
    const profile = convolutions([EARLY, { name: 'tiny', inputs: 64, filters: 64, size: 5 }]);
    const plan = createPlan(profile, { ...OPTIONS, k: 5, splits: 'inputs' });
    expect(splitsOf(plan)).toEqual({ early: 'inputs', tiny: 'local' });
    expect(plan.decisions[1]!.reason).toBe('its halo of 2 rows is larger than the 1 row of a piece');
    expect(splitsOf(createPlan(profile, { ...OPTIONS, k: 5 }))).toEqual({ early: 'inputs', tiny: 'weights' });
  });

  it('refuses a named layer with fewer rows than data shards, and one with too large a halo', () => {
    const profile = convolutions([EARLY, { name: 'tiny', inputs: 64, filters: 64, size: 5 }]);
    const options = { ...OPTIONS, layers: ['tiny'], splits: 'inputs' } as const;
    const narrow = refusal(() => createPlan(profile, { ...options, k: 6 }));
    expect(narrow).toMatchObject({ code: 'MORE_SHARDS_THAN_ROWS', layer: 'tiny' });
    expect(narrow.message).toBe('layer "tiny" has 5 rows along its input, fewer than the 6 data shards');
    expect(narrow.hint).toBe('choose k ≤ 5, or remove the layer from the list');
    const halo = refusal(() => createPlan(profile, { ...options, k: 5 }));
    expect(halo).toMatchObject({ code: 'LAYER_NOT_CODABLE', layer: 'tiny' });
    expect(halo.message).toMatch(/its halo of 2 rows is larger than the 1 row of a piece$/);
  });

  it('divides weights under the strategy "paper", unless inputs are requested', () => {
    const options = { ...OPTIONS, k: 2, strategy: 'paper' } as const;
    const [plan, forced] = [
      createPlan(network, options),
      createPlan(network, { ...options, splits: 'inputs' }),
    ];
    expect(splitsOf(plan)).toEqual({ early: 'weights', late: 'weights' });
    expect(plan.decisions[0]!.splitReason).toBe(
      'the weights are divided: the strategy "paper" divides weights',
    );
    expect(splitsOf(forced)).toEqual({ early: 'inputs', late: 'inputs' });
  });

  it('divides weights if the profile is of an older version', () => {
    const layers = network.layers.map(({ inputSplit: _, ...layer }) => layer);
    const plan = createPlan({ ...network, layers }, OPTIONS);
    expect(splitsOf(plan)).toEqual({ early: 'weights', late: 'weights' });
    expect(plan.decisions[0]!.splitReason).toMatch(/analyzed by an older version; upload it again/);
  });
});

describe('memory', () => {
  const fleet = (memoryBytes: number): DeviceCapacity[] =>
    Array.from({ length: 5 }, (_, i) => ({ id: `d${i}`, memoryBytes }));
  const [early, late] = network.layers.map(({ weightsBytes }) => weightsBytes) as [number, number];

  it('makes the heaviest layers divide their weights until all seats fit', () => {
    const at = (memoryBytes: number) =>
      splitsOf(createPlan(network, { ...OPTIONS, devices: fleet(memoryBytes) }));
    expect(at(early + late)).toEqual({ early: 'inputs', late: 'inputs' });
    expect(at(early + late - 1)).toEqual({ early: 'inputs', late: 'weights' });
    expect(at(early + late / 4)).toEqual({ early: 'inputs', late: 'weights' });
    expect(at(early + late / 4 - 1)).toEqual({ early: 'weights', late: 'weights' });
    const plan = createPlan(network, { ...OPTIONS, devices: fleet(early + late - 1) });
    expect(plan.decisions[1]!.splitReason).toBe(
      'the weights are divided: all its weights do not fit on every device',
    );
  });

  it('refuses a requested split that does not fit', () => {
    const devices = fleet(early + late - 1);
    const error = refusal(() => createPlan(network, { ...OPTIONS, splits: 'inputs', devices }));
    expect(error.code).toBe('TOO_LITTLE_MEMORY');
  });
});
