import { describe, expect, it } from 'vitest';
import type { Plan } from '../plan.ts';
import { createPlan, planFleet } from '../planner.ts';
import type { ModelProfile } from '../profile.ts';
import { smallProfile } from '../testing/small-profile.ts';
import type { Costs, DeviceCapacity, DeviceSpeed } from './costs.ts';
import { explainPlan } from './explain.ts';

/** Every value has 32 bytes: 0.032 ms per direction at 1000 bytes/ms. */
const COSTS: Costs = {
  hopMs: 2,
  bytesPerMs: 1000,
  messageMs: 0,
  messageBytesPerMs: Number.POSITIVE_INFINITY,
  multiplyAddsPerMs: 1000,
  deviceSlowdown: 3,
  engineCallMs: 0.5,
};

const SPEED = { multiplyAddsPerSecond: 1e9, memoryBytesPerSecond: 1e12 };

const profile = smallProfile(
  [
    { name: 'front', inputs: ['x'], outputs: ['f'], timeMs: 10 },
    { name: 'fc', inputs: ['f'], outputs: ['y'], rows: 8, multiplyAdds: 40_000 },
  ],
  ['x'],
  ['y'],
);

function predict(profile: ModelProfile, plan: Plan, seated: readonly DeviceCapacity[] = []) {
  const { steps, predictedMs } = explainPlan(profile, plan, seated, COSTS);
  return { steps: steps.map(({ step, ms, bytes }) => ({ step, ms, bytes })), totalMs: predictedMs };
}

it('adds computing, engine calls, hops and transfers, for the tallest block on slower devices', () => {
  const plan = createPlan(profile, { k: 4, r: 1, strategy: 'coded', layers: 'all' });
  const { steps, totalMs } = predict(profile, plan);
  // 5 seats × (32 bytes in + a quarter of 32 out); a quarter of 40 ms on devices three times slower.
  expect(steps).toEqual([
    { step: 'step-0', ms: 0.5 + 10, bytes: 0 },
    { step: 'step-1', ms: 2 + 0.2 + 0.5 + 30, bytes: 200 },
  ]);
  expect(totalMs).toBeCloseTo(43.2);
});

it('predicts a replicated stage as one hop to every replica', () => {
  const plan = createPlan(profile, { k: 1, r: 1, strategy: 'replicated', layers: 'all' });
  expect(predict(profile, plan).steps).toEqual([{ step: 'step-0', ms: 2 + 0.128 + 0.5 + 150, bytes: 128 }]);
});

describe('shared resources', () => {
  /** Two independent layers with the same input, 8 ms each undivided. */
  const branches = {
    ...smallProfile(
      [
        { name: 'a', inputs: ['x'], outputs: ['p'], rows: 8, timeMs: 8, multiplyAdds: 8_000_000 },
        { name: 'b', inputs: ['x'], outputs: ['q'], rows: 8, timeMs: 8, multiplyAdds: 8_000_000 },
        { name: 'add', inputs: ['p', 'q'], outputs: ['y'], timeMs: 1 },
      ],
      ['x'],
      ['y'],
    ),
    speed: { trial: SPEED, served: SPEED },
  };
  const plan = createPlan(branches, { k: 4, r: 0, strategy: 'uncoded', layers: 'all' });
  const fleet = (rest: (i: number) => Partial<DeviceSpeed>): DeviceCapacity[] =>
    Array.from({ length: 4 }, (_, i) => ({
      id: `d${i}`,
      speed: {
        ...SPEED,
        cores: 1,
        machine: `m${i}`,
        engine: 'native',
        hopMs: 3,
        bytesPerMs: 1e9,
        ...rest(i),
      },
    }));
  const total = (devices: readonly DeviceCapacity[]) => predict(branches, plan, devices).totalMs;

  it('overlaps the hops of branches, but not the computing of one device', () => {
    const { steps } = predict(
      branches,
      plan,
      fleet(() => ({})),
    );
    expect(steps[0]!.ms).toBeCloseTo(3 + 0.5 + 2);
    // Both hops overlap, each device computes a quarter of both layers, and the addition follows.
    expect(total(fleet(() => ({})))).toBeCloseTo(3 + 2 * (0.5 + 2) + 1.5);
  });

  it('shares the cores of one machine among its devices, whose hops overlap', () => {
    const work = 2 * 2 * (0.5 + 2);
    // At the end one core is idle while the other finishes: half a task, on two cores.
    const idle = (0.5 + 2) / 2;
    expect(total(fleet(() => ({ machine: 'one', cores: 2 })))).toBeCloseTo(3 + work + idle + 1.5);
    // More cores than devices make no difference.
    expect(total(fleet(() => ({ machine: 'one', cores: 8 })))).toBeCloseTo(3 + 2 * (0.5 + 2) + 1.5);
  });

  it('shares the memory bandwidth of one machine among its devices', () => {
    const layers = branches.layers.map((layer) => ({
      ...layer,
      weightsBytes: layer.name === 'add' ? 0 : 1e12,
    }));
    const devices = fleet(() => ({ machine: 'one', cores: 2 }));
    const { totalMs } = predict({ ...branches, layers }, plan, devices);
    // Eight engine calls on two cores, and eight times a quarter of 8 ms on 4/3 threads.
    expect(totalMs).toBeCloseTo(3 + 8 * (0.5 / 2 + 2 / (4 / 3)) + (0.5 + 2) / 2 + 1.5);
  });

  it('counts a part of a hop as work on the data plane’s machine, and uses no link there', () => {
    const beside = { machine: 'one', cores: 2, besideDataPlane: true };
    // 0.45 of the 3 ms are work on each side; eight tasks run on two cores, and the waiting overlaps.
    expect(total(fleet(() => beside))).toBeCloseTo(
      2.1 + (8 * (0.9 + 0.5 + 2)) / 2 + (0.45 + 0.5 + 2) / 2 + 1.5,
    );
  });

  it('sends to one device after the other on the data plane’s machine, on any number of cores', () => {
    // 40 bytes per seat at 1 byte/ms: half on the thread, half on the device.
    const beside = { machine: 'one', cores: 64, besideDataPlane: true, bytesPerMs: 1 };
    const thread = 0.45 + 20;
    expect(total(fleet(() => beside))).toBeCloseTo(2.1 + 8 * thread + (thread + 0.5 + 2) + 1.5);
  });

  it('sends the bytes for all other machines over the data plane’s link', () => {
    // 4 seats × (32 bytes in + 8 out), for each branch.
    const slow = fleet(() => ({ bytesPerMs: 1 }));
    expect(total(slow)).toBeCloseTo(3 + 2 * 160 + 1.5);
  });
});

it('lists the weights that the data plane holds for local steps', () => {
  const layers = profile.layers.map((layer) => ({
    ...layer,
    weightsBytes: layer.name === 'front' ? 4096 : 512,
  }));
  const { explanation } = planFleet({ ...profile, layers }, { k: 4, r: 1, strategy: 'coded', layers: 'all' });
  expect(explanation.dataPlaneWeightsBytes).toBe(4096);
  expect(explanation.steps.map(({ weightsBytes }) => weightsBytes)).toEqual([4096, undefined]);
});
