import { Tensor } from 'onnxruntime-node';
import { describe, expect, it, test } from 'vitest';
import type { DeviceSpeed } from './costs.ts';
import type { CodedStep, Plan } from './plan.ts';
import { planFleet } from './planner.ts';
import type { DeviceCapacity } from './seating.ts';
import { type ConvLayer, convNetwork } from './testing/conv-network.ts';
import { relativeError } from './testing/public-graphs.ts';
import { prepareModel } from './testing/run-plans.ts';
import { smallProfile } from './testing/small-profile.ts';

const MEASURED = { multiplyAddsPerSecond: 5e9, memoryBytesPerSecond: 1e10 };
const profile = {
  ...smallProfile(
    [{ name: 'fc', inputs: ['x'], outputs: ['y'], rows: 1000, multiplyAdds: 100_000_000, timeMs: 20 }],
    ['x'],
    ['y'],
  ),
  speed: { trial: MEASURED, served: MEASURED },
};

/** A machine of its own, `factor` times as fast as the one that timed the layers. */
const device = (id: string, factor: number, rest: Partial<DeviceSpeed> = {}): DeviceCapacity => ({
  id,
  speed: {
    multiplyAddsPerSecond: factor * MEASURED.multiplyAddsPerSecond,
    memoryBytesPerSecond: factor * MEASURED.memoryBytesPerSecond,
    cores: 1,
    machine: id,
    engine: 'native',
    hopMs: 1,
    bytesPerMs: 100_000,
    ...rest,
  },
});
const OPTIONS = { k: 3, r: 1, strategy: 'coded', layers: 'all' } as const;
const rowsOf = (plan: Plan) => (plan.steps[0] as CodedStep).blocks.map(({ rows }) => rows);

describe('devices that are not alike', () => {
  const uneven = [device('slow', 0.25), device('a', 1), device('b', 1), device('fast', 2)];

  it('get rows by their speed, and the fastest the parity, which is as tall as the tallest', () => {
    const { plan, seats, explanation } = planFleet(profile, { ...OPTIONS, devices: uneven });
    expect(seats[3]).toBe('fast');
    const rows = rowsOf(plan);
    expect(rows.reduce((sum, each) => sum + each, 0)).toBe(1000);
    expect(rows[seats.indexOf('slow')]).toBeLessThan(rows[seats.indexOf('a')]! / 2);
    expect((plan.steps[0] as CodedStep).height).toBe(Math.max(...rows));
    const weights = Object.fromEntries(
      plan.seats.map(({ seat, weightsBytes }) => [seats[seat], weightsBytes]),
    );
    expect(weights.slow).toBeLessThan(weights.a!);
    expect(weights.fast).toBe(36 * Math.max(...rows));
    const even = planFleet(profile, { ...OPTIONS, devices: uneven.map(({ id }) => ({ id })) });
    expect(new Set(rowsOf(even.plan)).size).toBeLessThanOrEqual(2);
    expect(explanation.measured).toBe(true);
  });

  it('are left out where there are faster ones enough', () => {
    const { seats, plan } = planFleet(profile, { ...OPTIONS, devices: [...uneven, device('c', 1.9)] });
    expect(seats).not.toContain('slow');
    expect(seats[3]).toBe('fast');
    expect(Math.max(...rowsOf(plan))).toBe(rowsOf(plan)[seats.indexOf('c')]);
  });

  it('that differ by little get even blocks, and any of them any seat', () => {
    const alike = [1, 1.05, 0.95, 1.02].map((factor, i) => device(`d${i}`, factor));
    const { plan, seats } = planFleet(profile, { ...OPTIONS, devices: alike });
    expect(rowsOf(plan)).toEqual([334, 333, 333]);
    expect(seats).toEqual([null, null, null, null]);
  });

  it('on one machine are as fast as it is, whatever disturbed their measuring', () => {
    const noisy = [1, 0.2, 0.9, 0.75].map((factor, i) =>
      device(`d${i}`, factor, { machine: 'one', cores: 2 }),
    );
    expect(rowsOf(planFleet(profile, { ...OPTIONS, devices: noisy }).plan)).toEqual([334, 333, 333]);
  });

  it('on one machine as WebAssembly get fewer rows than native ones', () => {
    const mixed = [1, 0.9, 0.15, 1].map((factor, i) =>
      device(`d${i}`, factor, { machine: 'one', cores: 8, engine: factor < 0.5 ? 'wasm' : 'native' }),
    );
    const { plan, seats } = planFleet(profile, { ...OPTIONS, devices: mixed });
    const rows = rowsOf(plan);
    expect(rows[seats.indexOf('d2')]).toBeLessThan(rows[seats.indexOf('d1')]! / 3);
  });

  it('on the machine that timed the layers are as fast as it was then', () => {
    const noisy = [1.1, 1.4, 0.8, 1.3].map((factor, i) =>
      device(`d${i}`, factor, { machine: 'one', cores: 8, besideDataPlane: true }),
    );
    const { explanation } = planFleet(profile, { ...OPTIONS, devices: noisy });
    // Of the hop, the data plane's thread does 0.15 ms for one device after the other; three suffice.
    expect(explanation.predictedMs).toBeCloseTo(0.7 + 3 * 0.15 + 0.15 + 0.15 + 6.68, 1);
  });

  it('on one machine have the same way to it, the middle of what was measured', () => {
    const busy = [20, 0.5, 0.4, 1].map((hopMs, i) => device(`d${i}`, 1, { machine: 'one', cores: 4, hopMs }));
    const { explanation } = planFleet(profile, { ...OPTIONS, devices: busy });
    expect(explanation.predictedMs).toBeCloseTo(0.5 + 0.15 + 6.68, 1);
  });

  it('on one machine wait for its cores', () => {
    const apart = Array.from({ length: 4 }, (_, i) => device(`d${i}`, 1));
    const together = apart.map(({ id }) => device(id, 1, { machine: 'one', cores: 2 }));
    const [alone, shared] = [apart, together].map(
      (devices) => planFleet(profile, { ...OPTIONS, devices }).explanation.predictedMs,
    );
    // A third of 20 ms, a call of the engine and a hop each; four on two cores take twice as long for all but the hop,
    // and half of one longer, when a core is idle while the other has the last one to finish.
    expect(alone).toBeCloseTo(1 + 0.15 + 6.68, 1);
    expect(shared).toBeCloseTo(1 + 2.5 * (0.15 + 6.68), 1);
  });
});

describe('a plan says of memory', () => {
  const roomy = (count: number, memoryBytes: number) =>
    Array.from({ length: count }, (_, i) => ({ id: `d${i}`, memoryBytes }));

  it('by how much a shard is too large, and which k would fit', () => {
    // 36 kB in all; a third is 12 kB, a fifth 7.2 kB.
    expect(() => planFleet(profile, { ...OPTIONS, devices: roomy(6, 7_500) })).toThrow(
      expect.objectContaining({ code: 'TOO_LITTLE_MEMORY', hint: 'k = 5 would fit on the devices at hand' }),
    );
    expect(() => planFleet(profile, { ...OPTIONS, devices: roomy(4, 7_500) })).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('no k fits') }),
    );
  });

  it('who has to sit where, where not every device could hold every seat', () => {
    const big = smallProfile(
      [
        { name: 'fc1', inputs: ['x'], outputs: ['h'], rows: 400 },
        { name: 'relu', inputs: ['h'], outputs: ['y'] },
      ],
      ['x'],
      ['y'],
    );
    const devices = [...roomy(2, 5_000), { id: 'large', memoryBytes: 20_000 }];
    expect(() => planFleet(big, { ...OPTIONS, k: 2, devices })).toThrow('too large');
    const { seats } = planFleet(big, { ...OPTIONS, k: 2, devices: [...devices, ...roomy(2, 8_000)] });
    expect(seats).toContain('large');
  });
});

const conv = (op: ConvLayer['op'], inputs: number, outputs: number, group: number): ConvLayer => ({
  op,
  inputs,
  outputs,
  group,
  relu: true,
});

test.each([
  ['dense', [conv('Conv', 3, 90, 1), conv('Conv', 90, 60, 1)]],
  ['grouped', [conv('Conv', 4, 120, 2), conv('Conv', 120, 40, 1)]],
  ['transposed', [conv('ConvTranspose', 4, 120, 2), conv('ConvTranspose', 120, 40, 1)]],
])('uneven blocks of %s convolutions give the same, healthy and with each device dead', async (_, layers) => {
  const model = await prepareModel(convNetwork(layers));
  const timed = { ...model.profile, speed: { trial: MEASURED, served: MEASURED } };
  const devices = [0.2, 1, 1.5, 2].map((factor, i) => device(`d${i}`, factor, { hopMs: 0.001 }));
  const { plan } = planFleet(timed, { ...OPTIONS, devices });
  const heights = plan.steps.flatMap((step) =>
    step.kind === 'coded' ? [new Set(step.blocks.map(({ rows }) => rows))] : [],
  );
  expect(heights.some((set) => set.size > 2)).toBe(true);
  const input = Float32Array.from({ length: layers[0]!.inputs * 36 }, (_value, i) => Math.cos(i));
  const feeds = { x: new Tensor('float32', input, [1, layers[0]!.inputs, 6, 6]) };
  const expected = (await model.expected(feeds)).y!;
  for (const { y } of await model.outcomes(plan, feeds, [[], [0], [1], [2], [3]])) {
    expect(y!.dims).toEqual(expected.dims);
    expect(relativeError(y!, expected)).toBeLessThan(1e-5);
  }
  model.release();
});
