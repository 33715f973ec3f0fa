import { Tensor } from 'onnxruntime-node';
import { describe, expect, it, test } from 'vitest';
import type { DeviceCapacity, DeviceSpeed } from '../costs/costs.ts';
import type { CodedStep, Plan } from '../plan.ts';
import { planFleet } from '../planner.ts';
import { type ConvLayer, convNetwork } from '../testing/conv-network.ts';
import { relativeError } from '../testing/public-graphs.ts';
import { prepareModel } from '../testing/run-plans.ts';
import { smallProfile } from '../testing/small-profile.ts';

const MEASURED = { multiplyAddsPerSecond: 5e9, memoryBytesPerSecond: 1e10 };
const profile = {
  ...smallProfile(
    [{ name: 'fc', inputs: ['x'], outputs: ['y'], rows: 1000, multiplyAdds: 100_000_000, timeMs: 20 }],
    ['x'],
    ['y'],
  ),
  speed: { trial: MEASURED, served: MEASURED },
};

/** A device on a separate machine, `factor` times as fast as the machine that timed the layers. */
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

describe('devices of different speeds', () => {
  const uneven = [device('slow', 0.25), device('a', 1), device('b', 1), device('fast', 2)];

  it('get rows in proportion to their speed; the fastest gets the parity shard', () => {
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

  it('are not used if there are enough faster devices', () => {
    const { seats, plan } = planFleet(profile, { ...OPTIONS, devices: [...uneven, device('c', 1.9)] });
    expect(seats).not.toContain('slow');
    expect(seats[3]).toBe('fast');
    expect(Math.max(...rowsOf(plan))).toBe(rowsOf(plan)[seats.indexOf('c')]);
  });

  it('get equal blocks and interchangeable seats if the difference is small', () => {
    const alike = [1, 1.05, 0.95, 1.02].map((factor, i) => device(`d${i}`, factor));
    const { plan, seats } = planFleet(profile, { ...OPTIONS, devices: alike });
    expect(rowsOf(plan)).toEqual([334, 333, 333]);
    expect(seats).toEqual([null, null, null, null]);
  });

  it('count as equally fast on one machine, even if their measurements differ', () => {
    const noisy = [1, 0.2, 0.9, 0.75].map((factor, i) =>
      device(`d${i}`, factor, { machine: 'one', cores: 2 }),
    );
    expect(rowsOf(planFleet(profile, { ...OPTIONS, devices: noisy }).plan)).toEqual([334, 333, 333]);
  });

  it('get fewer rows in WebAssembly than in native code on one machine', () => {
    const mixed = [1, 0.9, 0.15, 1].map((factor, i) =>
      device(`d${i}`, factor, { machine: 'one', cores: 8, engine: factor < 0.5 ? 'wasm' : 'native' }),
    );
    const { plan, seats } = planFleet(profile, { ...OPTIONS, devices: mixed });
    const rows = rowsOf(plan);
    expect(rows[seats.indexOf('d2')]).toBeLessThan(rows[seats.indexOf('d1')]! / 3);
  });

  it('have the speed of the machine that timed the layers if they run on it', () => {
    const noisy = [1.1, 1.4, 0.8, 1.3].map((factor, i) =>
      device(`d${i}`, factor, { machine: 'one', cores: 8, besideDataPlane: true }),
    );
    const { explanation } = planFleet(profile, { ...OPTIONS, devices: noisy });
    // The data plane's thread spends 0.15 ms of the hop on each device in turn; three answers suffice.
    expect(explanation.predictedMs).toBeCloseTo(0.7 + 3 * 0.15 + 0.15 + 0.3 + 6.68, 1);
  });

  it('share the median hop time of their machine', () => {
    const busy = [20, 0.5, 0.4, 1].map((hopMs, i) => device(`d${i}`, 1, { machine: 'one', cores: 4, hopMs }));
    const { explanation } = planFleet(profile, { ...OPTIONS, devices: busy });
    // The data plane's thread sends three messages before the last device starts. It has half the speed of the server
    // that needs 0.08 ms for each, and 0.15 ms for an engine call.
    expect(explanation.predictedMs).toBeCloseTo(0.5 + 3 * 0.16 + 0.3 + 6.68, 1);
  });

  it('wait for the cores of their machine', () => {
    const apart = Array.from({ length: 4 }, (_, i) => device(`d${i}`, 1));
    const together = apart.map(({ id }) => device(id, 1, { machine: 'one', cores: 2 }));
    const [alone, shared] = [apart, together].map(
      (devices) => planFleet(profile, { ...OPTIONS, devices }).explanation.predictedMs,
    );
    // Each device: a third of 20 ms, an engine call and a hop. Four devices on two cores need twice as long
    // without the hop, plus half a task, because one core is idle while the other finishes.
    expect(alone).toBeCloseTo(1 + 3 * 0.16 + 0.3 + 6.68, 1);
    expect(shared).toBeCloseTo(1 + 2.5 * (0.3 + 6.68), 1);
  });
});

describe('memory', () => {
  const roomy = (count: number, memoryBytes: number) =>
    Array.from({ length: count }, (_, i) => ({ id: `d${i}`, memoryBytes }));

  it('refuses a seat that is too large, and names the k that fits', () => {
    // 36 kB in total; a third is 12 kB, a fifth 7.2 kB.
    expect(() => planFleet(profile, { ...OPTIONS, devices: roomy(6, 7_500) })).toThrow(
      expect.objectContaining({
        code: 'TOO_LITTLE_MEMORY',
        hint: 'choose k = 5, which fits on the available devices',
      }),
    );
    expect(() => planFleet(profile, { ...OPTIONS, devices: roomy(4, 7_500) })).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('no k fits') }),
    );
  });

  it('assigns large seats to large devices', () => {
    const big = smallProfile(
      [
        { name: 'fc1', inputs: ['x'], outputs: ['h'], rows: 400 },
        { name: 'relu', inputs: ['h'], outputs: ['y'] },
      ],
      ['x'],
      ['y'],
    );
    const devices = [...roomy(2, 5_000), { id: 'large', memoryBytes: 20_000 }];
    expect(() => planFleet(big, { ...OPTIONS, k: 2, devices })).toThrow(
      'the other devices cannot take the rest',
    );
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
])(
  'uneven blocks of %s convolutions give the undivided result, healthy and with each device dead',
  async (_, layers) => {
    const model = await prepareModel(convNetwork(layers));
    const timed = { ...model.profile, speed: { trial: MEASURED, served: MEASURED } };
    const devices = [0.2, 1, 1.5, 2].map((factor, i) => device(`d${i}`, factor, { hopMs: 0.001 }));
    const { plan } = planFleet(timed, { ...OPTIONS, splits: 'weights', devices });
    const heights = plan.steps.flatMap((step) =>
      step.kind === 'coded' ? [new Set(step.blocks.map(({ rows }) => rows))] : [],
    );
    expect(heights.some((set) => set.size > 2)).toBe(true);
    const input = Float32Array.from({ length: layers[0]!.inputs * 36 }, (_value, i) => Math.cos(i));
    const feeds = { x: new Tensor('float32', input, [1, layers[0]!.inputs, 6, 6]) };
    const expected = (await model.expected(feeds)).y!;
    for (const { y } of await model.run(plan, feeds, [[], [0], [1], [2], [3]])) {
      expect(y!.dims).toEqual(expected.dims);
      expect(relativeError(y!, expected)).toBeLessThan(1e-5);
    }
    model.release();
  },
);
