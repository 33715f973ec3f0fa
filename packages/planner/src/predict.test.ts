import { describe, expect, it } from 'vitest';
import type { Costs, DeviceSpeed } from './costs.ts';
import { createPlan, planFleet } from './planner.ts';
import { predictLatency } from './predict.ts';
import type { DeviceCapacity } from './seating.ts';
import { smallProfile } from './testing/small-profile.ts';

/** Every value is 32 bytes: 0.032 ms each way at 1000 bytes/ms. */
const COSTS: Costs = {
  hopMs: 2,
  bytesPerMs: 1000,
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

it('adds up compute, calls of engines, hops and bytes, with the block that is tallest and the devices that are slower', () => {
  const plan = createPlan(profile, { k: 4, r: 1, strategy: 'coded', layers: 'all' });
  const { steps, totalMs } = predictLatency(profile, plan, COSTS);
  // 5 seats × (32 bytes in + a quarter of 32 out); a quarter of 40 ms on devices three times slower.
  expect(steps).toEqual([
    { step: 'step-0', ms: 0.5 + 10, bytes: 0 },
    { step: 'step-1', ms: 2 + 0.2 + 0.5 + 30, bytes: 200 },
  ]);
  expect(totalMs).toBeCloseTo(43.2);
});

it('counts a replicated stage as one hop, sent to every replica', () => {
  const plan = createPlan(profile, { k: 1, r: 1, strategy: 'replicated', layers: 'all' });
  expect(predictLatency(profile, plan, COSTS).steps).toEqual([
    { step: 'step-0', ms: 2 + 0.128 + 0.5 + 150, bytes: 128 },
  ]);
});

describe('what requests share', () => {
  /** Two layers that read the same and do not wait for each other, 8 ms each undivided. */
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
  const total = (devices: readonly DeviceCapacity[]) =>
    predictLatency(branches, plan, COSTS, devices).totalMs;

  it('hops of branches overlap, what one device computes does not', () => {
    const { steps } = predictLatency(
      branches,
      plan,
      COSTS,
      fleet(() => ({})),
    );
    expect(steps[0]!.ms).toBeCloseTo(3 + 0.5 + 2);
    // Both branches wait for a hop at the same time, and each device does a quarter of both; then the addition.
    expect(total(fleet(() => ({})))).toBeCloseTo(3 + 2 * (0.5 + 2) + 1.5);
  });

  it('devices of one machine share its cores for computing, and wait for their hops together', () => {
    const work = 2 * 2 * (0.5 + 2);
    // At the end a core is idle while another has a piece to finish: half of one, on two cores.
    const idle = (0.5 + 2) / 2;
    expect(total(fleet(() => ({ machine: 'one', cores: 2 })))).toBeCloseTo(3 + work + idle + 1.5);
    // More cores than devices help nobody.
    expect(total(fleet(() => ({ machine: 'one', cores: 8 })))).toBeCloseTo(3 + 2 * (0.5 + 2) + 1.5);
  });

  it('and its memory: what goes through weights is hardly faster on two cores than on one', () => {
    const layers = branches.layers.map((layer) => ({
      ...layer,
      weightsBytes: layer.name === 'add' ? 0 : 1e12,
    }));
    const devices = fleet(() => ({ machine: 'one', cores: 2 }));
    const { totalMs } = predictLatency({ ...branches, layers }, plan, COSTS, devices);
    // Eight calls of an engine on two cores, and four times two quarters of 8 ms at 4/3 threads.
    expect(totalMs).toBeCloseTo(3 + 8 * (0.5 / 2 + 2 / (4 / 3)) + (0.5 + 2) / 2 + 1.5);
  });

  it('beside the data plane a part of a hop is work for the cores too, and no link is passed', () => {
    const beside = { machine: 'one', cores: 2, besideDataPlane: true };
    // Of 3 ms, 0.45 on either side; eight tasks on two cores, who wait for the rest together.
    expect(total(fleet(() => beside))).toBeCloseTo(
      2.1 + (8 * (0.9 + 0.5 + 2)) / 2 + (0.45 + 0.5 + 2) / 2 + 1.5,
    );
  });

  it('beside the data plane its one thread sends to one device after the other, however many cores there are', () => {
    // 40 bytes to and from each seat at 1 byte/ms: half on the thread, half on the device.
    const beside = { machine: 'one', cores: 64, besideDataPlane: true, bytesPerMs: 1 };
    const thread = 0.45 + 20;
    expect(total(fleet(() => beside))).toBeCloseTo(2.1 + 8 * thread + (thread + 0.5 + 2) + 1.5);
  });

  it('bytes to all machines pass the one link of the data plane', () => {
    // 4 seats × (32 bytes in + 8 out), for each of the branches.
    const slow = fleet(() => ({ bytesPerMs: 1 }));
    expect(total(slow)).toBeCloseTo(3 + 2 * 160 + 1.5);
  });
});

it('says what the data plane holds for the steps that stay there', () => {
  const layers = profile.layers.map((layer) => ({
    ...layer,
    weightsBytes: layer.name === 'front' ? 4096 : 512,
  }));
  const { explanation } = planFleet({ ...profile, layers }, { k: 4, r: 1, strategy: 'coded', layers: 'all' });
  expect(explanation.dataPlaneWeightsBytes).toBe(4096);
  expect(explanation.steps.map(({ weightsBytes }) => weightsBytes)).toEqual([4096, undefined]);
});
