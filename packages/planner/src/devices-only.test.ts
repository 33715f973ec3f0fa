import { describe, expect, it } from 'vitest';
import type { PlanOptions } from './plan.ts';
import { createPlan, planFleet } from './planner.ts';
import { isLinear, type ModelProfile } from './profile.ts';
import { smallProfile } from './testing/small-profile.ts';

const OPTIONS: PlanOptions = {
  k: 3,
  r: 1,
  strategy: 'coded',
  layers: 'all',
  objective: 'devices-only',
};

/** As in MobileNet: convolution, depthwise convolution, convolution, then a recurrent layer. */
const mixed = smallProfile(
  [
    { name: 'conv', inputs: ['x'], outputs: ['a'], rows: 8, op: 'Conv' },
    { name: 'relu', inputs: ['a'], outputs: ['b'] },
    { name: 'depthwise', inputs: ['b'], outputs: ['c'], op: 'Conv', notCodable: 'it is depthwise' },
    { name: 'relu6', inputs: ['c'], outputs: ['d'] },
    { name: 'pointwise', inputs: ['d'], outputs: ['e'], rows: 8, op: 'Conv' },
    { name: 'relu7', inputs: ['e'], outputs: ['f'] },
    { name: 'fc', inputs: ['f'], outputs: ['g'], rows: 8 },
    { name: 'lstm', inputs: ['g'], outputs: ['y'], op: 'LSTM', weightsBytes: 400 },
  ],
  ['x'],
  ['y'],
);

const onDataPlane = (profile: ModelProfile, options: PlanOptions) =>
  createPlan(profile, options).steps.flatMap((step) =>
    step.kind === 'local' ? step.nodes.map((node) => profile.layers[node]!) : [],
  );

describe('the objective "devices-only"', () => {
  it('runs layers that cannot be coded on devices with replicas, on the seats of the coded group', () => {
    const plan = createPlan(mixed, OPTIONS);
    expect(plan.objective).toBe('devices-only');
    expect(plan.steps.map(({ kind }) => kind)).toEqual([
      'coded',
      'replicated',
      'coded',
      'local',
      'coded',
      'replicated',
    ]);
    for (const step of plan.steps) if (step.kind === 'replicated') expect(step.seats).toHaveLength(2);
    expect(plan.seats.map(({ role }) => role)).toEqual(['data', 'data', 'data', 'parity']);
    expect(plan.coverage).toBe(1);
  });

  it.each([
    ['coded', 'all'],
    ['coded', 'auto'],
    ['uncoded', 'all'],
    ['paper', 'all'],
    ['paper', 'auto'],
    ['replicated', 'all'],
  ] as const)('leaves no linear layer on the data plane (%s, %s)', (strategy, layers) => {
    expect(onDataPlane(mixed, { ...OPTIONS, strategy, layers }).filter(isLinear)).toEqual([]);
  });

  it('leaves no layer on the data plane that is not in the list of layers', () => {
    expect(onDataPlane(mixed, { ...OPTIONS, layers: ['fc'] }).filter(isLinear)).toEqual([]);
  });

  it('survives no failure of a device without parity and replicas', () => {
    expect(createPlan(mixed, { ...OPTIONS, strategy: 'uncoded' }).coverage).toBe(0);
  });

  it('runs a model without layers that can be coded on devices with replicas', () => {
    const recurrent = smallProfile(
      [{ name: 'lstm', inputs: ['x'], outputs: ['y'], op: 'LSTM', weightsBytes: 400 }],
      ['x'],
      ['y'],
    );
    expect(createPlan(recurrent, OPTIONS).steps).toMatchObject([{ kind: 'replicated', seats: [0, 1] }]);
    expect(createPlan(recurrent, { ...OPTIONS, objective: 'latency' }).steps).toMatchObject([
      { kind: 'local' },
    ]);
  });

  it('refuses a layer that fits on too few devices, by name', () => {
    const devices = Array.from({ length: 4 }, (_, i) => ({ id: `d${i}`, memoryBytes: 399 }));
    expect(() => createPlan(mixed, { ...OPTIONS, devices })).toThrow(
      expect.objectContaining({ code: 'TOO_LITTLE_MEMORY', layer: 'lstm' }),
    );
  });

  it('refuses a layer whose values cannot be sent, by name', () => {
    const halves = smallProfile(
      [
        { name: 'fc', inputs: ['x'], outputs: ['a'], rows: 8 },
        { name: 'gru', inputs: ['a'], outputs: ['y'], op: 'GRU' },
      ],
      ['x'],
      ['y'],
      { y: 'bfloat16' },
    );
    expect(() => createPlan(halves, OPTIONS)).toThrow(
      expect.objectContaining({ code: 'LAYER_NOT_PLACEABLE', layer: 'gru' }),
    );
  });

  it('runs a small model whole on one device and its replica with "auto"', () => {
    const devices = Array.from({ length: 4 }, (_, i) => ({ id: `d${i}` }));
    const { plan } = planFleet(mixed, { ...OPTIONS, layers: 'auto', devices });
    expect(plan.runsWhole).toMatch(/^Runs whole on one device, with 1 replica: distributed it would be/);
    expect(plan.steps).toMatchObject([{ kind: 'replicated', seats: [0, 1] }]);
  });
});
