import { describe, expect, it } from 'vitest';
import { PlanRefusedError } from './errors.ts';
import type { Plan, PlanOptions } from './plan.ts';
import { createPlan } from './planner.ts';
import type { ModelProfile } from './profile.ts';
import { type SmallLayer, smallProfile } from './testing/small-profile.ts';

const layer = (name: string, input: string, rest: Partial<SmallLayer> = {}): SmallLayer => ({
  name,
  inputs: [input],
  outputs: [`${name}.out`],
  rows: 8,
  ...rest,
});

const twoLayers = smallProfile(
  [layer('fc1', 'x'), layer('relu', 'fc1.out', { rows: 0 }), layer('fc2', 'relu.out', { rows: 3 })],
  ['x'],
  ['fc2.out'],
);

const OPTIONS: PlanOptions = { k: 2, r: 1, strategy: 'coded', layers: 'all' };

function refusal(profile: ModelProfile, options: Partial<PlanOptions>): PlanRefusedError {
  try {
    createPlan(profile, { ...OPTIONS, ...options });
  } catch (error) {
    if (error instanceof PlanRefusedError) return error;
    throw error;
  }
  throw new Error('createPlan accepted the options');
}

const coded = (plan: Plan) => plan.steps.flatMap((step) => (step.kind === 'coded' ? [step.layer] : []));
const reasons = (plan: Plan) =>
  Object.fromEntries(plan.decisions.map(({ layer: name, reason }) => [name, reason]));

describe('a coded plan', () => {
  it('divides every layer over the same k + r seats', () => {
    const plan = createPlan(twoLayers, OPTIONS);
    expect(plan.steps.map(({ kind }) => kind)).toEqual(['coded', 'local', 'coded']);
    expect(plan.steps[2]).toMatchObject({
      layer: 'fc2',
      blocks: [
        { start: 0, rows: 2 },
        { start: 2, rows: 1 },
      ],
      height: 2,
      seats: [0, 1, 2],
    });
    expect(plan.seats.map(({ role }) => role)).toEqual(['data', 'data', 'parity']);
    // 36 bytes per row: four rows of fc1 and two of fc2, also on the parity seat.
    expect(plan.seats.map(({ weightsBytes }) => weightsBytes)).toEqual([216, 216, 216]);
    // Every seat receives the inputs of both layers and returns half of fc1's output and two thirds of fc2's.
    expect(plan.seats[0]).toMatchObject({ bytesIn: 64, bytesOut: 16 + 21 });
    expect(plan.coverage).toBe(1);
  });

  it('keeps layers with fewer rows than k local, and gives the reason', () => {
    const plan = createPlan(twoLayers, { ...OPTIONS, k: 4 });
    expect(coded(plan)).toEqual(['fc1']);
    expect(reasons(plan).fc2).toBe('layer "fc2" has 3 output rows, fewer than the 4 data shards');
  });

  it('divides only the listed layers', () => {
    expect(coded(createPlan(twoLayers, { ...OPTIONS, layers: ['fc2'] }))).toEqual(['fc2']);
  });

  it('divides layers that are faster on devices with "auto", and gives the figures', () => {
    const profile = smallProfile(
      [layer('large', 'x', { timeMs: 50 }), layer('small', 'large.out', { timeMs: 0.1 })],
      ['x'],
      ['small.out'],
    );
    const plan = createPlan(profile, { ...OPTIONS, layers: 'auto' });
    expect(coded(plan)).toEqual(['large']);
    expect(reasons(plan).large).toMatch(
      /^faster on devices: 26\.31 ms over 2 \+ 1 devices, 50\.00 ms on the data plane/,
    );
    expect(reasons(plan).small).toMatch(/^not faster on devices/);
  });

  it('is entirely local with "auto" if no layer is faster on devices', () => {
    const plan = createPlan(twoLayers, { ...OPTIONS, layers: 'auto' });
    expect(plan.steps.map(({ kind }) => kind)).toEqual(['local']);
    expect(plan.seats).toEqual([]);
    expect(plan.coverage).toBeNull();
  });

  it('has the same blocks without parity, and no coverage, if it is uncoded', () => {
    const plan = createPlan(twoLayers, { ...OPTIONS, strategy: 'uncoded', r: 1 });
    expect(plan).toMatchObject({ r: 0, coverage: 0 });
    expect(plan.seats.map(({ role }) => role)).toEqual(['data', 'data']);
  });

  it('keeps values that cannot be sent within one step', () => {
    const profile = smallProfile(
      [
        { name: 'cast', inputs: ['x'], outputs: ['half'] },
        layer('fc1', 'x'),
        { name: 'join', inputs: ['half', 'fc1.out'], outputs: ['joined'] },
        layer('fc2', 'joined'),
        { name: 'late', inputs: ['fc2.out', 'half'], outputs: ['y'] },
      ],
      ['x'],
      ['y'],
      { half: 'bfloat16' },
    );
    const plan = createPlan(profile, OPTIONS);
    expect(coded(plan)).toEqual(['fc1']);
    expect(reasons(plan).fc2).toMatch(/"half" \(bfloat16\) is computed before it and used after it/);
  });
});

describe('a plan with the strategy "paper"', () => {
  const profile = smallProfile(
    [
      { name: 'front', inputs: ['x'], outputs: ['front.out'], timeMs: 20 },
      layer('fc1', 'front.out', { timeMs: 50 }),
      { name: 'relu', inputs: ['fc1.out'], outputs: ['relu.out'], timeMs: 0.01 },
      layer('fc2', 'relu.out', { timeMs: 50 }),
    ],
    ['x'],
    ['fc2.out'],
  );

  it('gives each layer its own group and slow stages a replica, and keeps fast stages local', () => {
    const plan = createPlan(profile, { ...OPTIONS, strategy: 'paper' });
    expect(plan.steps.map(({ kind }) => kind)).toEqual(['replicated', 'coded', 'local', 'coded']);
    expect(plan.steps.flatMap((step) => ('seats' in step ? [step.seats] : []))).toEqual([
      [0, 1],
      [2, 3, 4],
      [5, 6, 7],
    ]);
    expect(plan.seats.map(({ role }) => role)).toEqual([
      'data',
      'replica',
      'data',
      'data',
      'parity',
      'data',
      'data',
      'parity',
    ]);
    expect(plan.coverage).toBe(1);
  });

  it('states the number of devices it needs', () => {
    const devices = ['a', 'b', 'c', 'd'].map((id) => ({ id }));
    expect(refusal(profile, { strategy: 'paper', devices }).message).toContain('needs 8 devices');
  });
});

describe('a replicated plan', () => {
  const chain = (times: readonly number[]) =>
    smallProfile(
      times.map((timeMs, i) => ({
        name: `n${i}`,
        inputs: [i ? `n${i - 1}` : 'x'],
        outputs: [`n${i}`],
        timeMs,
      })),
      ['x'],
      [`n${times.length - 1}`],
    );
  const shape = (plan: Plan) =>
    plan.steps.flatMap((step) => (step.kind === 'replicated' ? [step.nodes.length] : []));

  it('cuts the model so that the slowest stage is as fast as possible', () => {
    const plan = createPlan(chain([1, 1, 1, 1, 4, 2, 2]), { ...OPTIONS, k: 3, strategy: 'replicated' });
    expect(shape(plan)).toEqual([4, 1, 2]);
    expect(plan.steps.map((step) => ('seats' in step ? step.seats : []))).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ]);
    expect(plan.coverage).toBe(1);
  });

  it('has exactly k stages, even if fewer would be as fast', () => {
    expect(shape(createPlan(chain([9, 0, 0, 0]), { ...OPTIONS, k: 4, strategy: 'replicated' }))).toEqual([
      1, 1, 1, 1,
    ]);
    expect(refusal(chain([1, 1]), { k: 3, strategy: 'replicated' })).toMatchObject({
      code: 'TOO_FEW_STAGES',
    });
  });

  it('works for models without layers that can be coded', () => {
    const plan = createPlan(chain([1, 1]), { ...OPTIONS, k: 1, r: 2, strategy: 'replicated' });
    expect(plan.steps).toMatchObject([{ kind: 'replicated', seats: [0, 1, 2] }]);
  });
});

describe('a model of which no layer can be divided runs whole, with the reason', () => {
  const none = smallProfile([layer('relu', 'x', { rows: 0 })], ['x'], ['relu.out']);
  const grouped = smallProfile(
    [layer('conv', 'x', { rows: 0, notCodable: 'it has groups' })],
    ['x'],
    ['conv.out'],
  );
  const cases = [
    ['no linear layer', none, 'the model has no linear layer with constant weights'],
    ['no layer that can be coded', grouped, 'no linear layer can be divided over 9 devices'],
    ['only layers with fewer rows than k', twoLayers, 'no linear layer can be divided over 9 devices'],
  ] as const;

  describe.each(cases)('%s', (_, profile, reason) => {
    it.each([
      ['coded', 'all'],
      ['coded', 'auto'],
      ['uncoded', 'auto'],
      ['paper', 'all'],
      ['paper', 'auto'],
    ] as const)('strategy "%s", layers "%s"', (strategy, layers) => {
      const plan = createPlan(profile, { ...OPTIONS, k: 9, strategy, layers });
      expect(plan.runsWhole).toBe(`Runs whole on the data plane: ${reason}`);
      expect(plan.steps.map(({ kind }) => kind)).toEqual(['local']);
      expect(plan.decisions.every(({ distributed, reason }) => !distributed && reason !== '')).toBe(true);
    });

    it('on devices with replicas, under "devices-only" and with the strategy "replicated"', () => {
      const devices = Array.from({ length: 12 }, (_, i) => ({ id: `d${i}` }));
      const only = createPlan(profile, { ...OPTIONS, k: 9, r: 2, devices, objective: 'devices-only' });
      expect(only.runsWhole).toBe(`Runs whole on one device, with 2 replicas: ${reason}`);
      expect(only.steps).toMatchObject([{ kind: 'replicated', seats: [0, 1, 2] }]);
      const asked = createPlan(profile, { ...OPTIONS, k: 1, strategy: 'replicated' });
      expect(asked.steps).toMatchObject([{ kind: 'replicated', seats: [0, 1] }]);
    });
  });

  it('with the splits "tiles" and the layers "auto", too', () => {
    const plan = createPlan(twoLayers, { ...OPTIONS, layers: 'auto', splits: 'tiles' });
    expect(plan.runsWhole).toMatch(/^Runs whole on the data plane/);
  });
});

describe('createPlan refuses', () => {
  it.each([
    { k: 0, r: 1 },
    { k: 1.5, r: 1 },
    { k: 2, r: -1 },
    { k: Number.NaN, r: 1 },
  ])('k = $k and r = $r', (counts) => {
    expect(refusal(twoLayers, counts).code).toBe('BAD_COUNTS');
  });

  // Amplifications of the generator table in docs/NUMERICS.md: 209 for 12 + 4, 531 for 16 + 4.
  it.each([
    { k: 16, r: 4, largest: 3 },
    { k: 6, r: 10, largest: 4 },
    { k: 2, r: 16, largest: 8 },
    { k: 64, r: 16, largest: 1 },
  ])('$k + $r shards, whose recovery is inexact', ({ k, r, largest }) => {
    const error = refusal(twoLayers, { k, r });
    expect(error.code).toBe('INEXACT_RECOVERY');
    expect(error.hint).toContain(`r ≤ ${largest} for k = ${k}`);
    const codeOf = (change: object) => {
      try {
        createPlan(twoLayers, { ...OPTIONS, ...change });
        return null;
      } catch (refused) {
        return (refused as PlanRefusedError).code;
      }
    };
    expect(codeOf({ k, r: largest })).not.toBe('INEXACT_RECOVERY');
    expect(codeOf({ k, r, strategy: 'replicated' })).not.toBe('INEXACT_RECOVERY');
  });

  it('too few devices', () => {
    const error = refusal(twoLayers, { devices: [{ id: 'a' }, { id: 'b' }] });
    expect(error).toMatchObject({ code: 'TOO_FEW_DEVICES' });
    expect(error.message).toBe('the plan needs 3 devices, one per seat, but only 2 are available');
  });

  it('devices with too little memory', () => {
    const devices = ['a', 'b', 'c'].map((id) => ({ id, memoryBytes: 100 }));
    expect(refusal(twoLayers, { devices })).toMatchObject({ code: 'TOO_LITTLE_MEMORY' });
  });

  it('a named layer with fewer rows than k', () => {
    expect(refusal(twoLayers, { k: 4, layers: ['fc2'] })).toMatchObject({
      code: 'MORE_SHARDS_THAN_ROWS',
      layer: 'fc2',
    });
  });

  it('names of unknown layers and of layers that cannot be coded', () => {
    expect(refusal(twoLayers, { layers: ['fc9'] })).toMatchObject({
      code: 'UNKNOWN_LAYER',
      hint: 'choose from the layers that can be distributed: "fc1", "fc2"',
    });
    expect(refusal(twoLayers, { layers: ['relu'] })).toMatchObject({
      code: 'LAYER_NOT_CODABLE',
      layer: 'relu',
    });
  });
});
