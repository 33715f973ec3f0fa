import { describe, expect, it } from 'vitest';
import type { DeviceCapacity, DeviceSpeed } from './costs/costs.ts';
import type { CodedStep, Plan, PlanOptions } from './plan.ts';
import { planFleet } from './planner.ts';
import { smallProfile } from './testing/small-profile.ts';

/** 1000 rows of 1 kB: 1 MB of weights in 10⁶ bytes. */
const profile = smallProfile(
  [{ name: 'fc', inputs: ['x'], outputs: ['y'], rows: 1000, weightsBytes: 1_000_000, multiplyAdds: 1e8 }],
  ['x'],
  ['y'],
);
const OPTIONS: PlanOptions = { k: 3, r: 1, strategy: 'coded', layers: 'all' };

const device = (name: string, memoryBytes: number, speed?: Partial<DeviceSpeed>): DeviceCapacity => ({
  id: `id-${name}`,
  name,
  memoryBytes,
  ...(speed
    ? {
        speed: {
          multiplyAddsPerSecond: 1e9,
          memoryBytesPerSecond: 1e10,
          cores: 1,
          machine: name,
          engine: 'native',
          ...speed,
        },
      }
    : {}),
});
const rowsOf = (plan: Plan) => (plan.steps[0] as CodedStep).blocks.map(({ rows }) => rows);

/** Expects every seat within the limit of its device. */
function expectWithinLimits(devices: readonly DeviceCapacity[], options = OPTIONS) {
  const { plan, seats } = planFleet(profile, { ...options, devices });
  for (const { seat, weightsBytes } of plan.seats) {
    const memoryBytes = devices.find(({ id }) => id === seats[seat])?.memoryBytes;
    expect(memoryBytes, `device of seat ${seat}`).toBeDefined();
    expect(weightsBytes).toBeLessThanOrEqual(memoryBytes!);
  }
  return { plan, seats };
}

describe('the memory limit of a device', () => {
  it('makes its block smaller, and gives the rows to devices with more memory', () => {
    const { plan, seats } = expectWithinLimits([
      device('small', 200_000),
      device('b', 500_000),
      device('c', 500_000),
      device('d', 500_000),
    ]);
    expect(rowsOf(plan).reduce((sum, rows) => sum + rows, 0)).toBe(1000);
    expect(rowsOf(plan)[seats.indexOf('id-small')]).toBeLessThanOrEqual(200);
    // The parity shard is as tall as the tallest block, so a device with more memory holds it.
    expect(seats[3]).not.toBe('id-small');
  });

  it('leaves a device out that is too small if there are enough others', () => {
    const { plan, seats } = expectWithinLimits([
      device('small', 1_000),
      ...['b', 'c', 'd', 'e'].map((name) => device(name, 400_000)),
    ]);
    expect(seats).not.toContain('id-small');
    expect(rowsOf(plan)).toEqual([334, 333, 333]);
  });

  it('is kept by fast devices, too', () => {
    const { plan, seats } = expectWithinLimits([
      device('fast', 340_000, { multiplyAddsPerSecond: 1e11 }),
      ...['b', 'c', 'd'].map((name) => device(name, 600_000, {})),
    ]);
    expect(seats).toContain('id-fast');
    expect(rowsOf(plan).reduce((sum, rows) => sum + rows, 0)).toBe(1000);
  });

  it('below the smallest shard is refused with the device, the limit and the smallest shard', () => {
    const devices = [device('tiny', 900), ...['b', 'c', 'd'].map((name) => device(name, 500_000))];
    expect(() => planFleet(profile, { ...OPTIONS, devices })).toThrow(
      expect.objectContaining({
        code: 'TOO_LITTLE_MEMORY',
        message: `device "tiny" has ${(900 / 1e6).toPrecision(3)} MB for weights, but the smallest shard of the plan has ${(1000 / 1e6).toPrecision(3)} MB`,
      }),
    );
  });

  it('of all devices together that is too small is refused with the k that fits', () => {
    const devices = Array.from({ length: 6 }, (_, i) => device(`d${i}`, 250_000));
    expect(() => planFleet(profile, { ...OPTIONS, devices })).toThrow(
      expect.objectContaining({
        code: 'TOO_LITTLE_MEMORY',
        message: expect.stringMatching(/^device "d\d" has 0\.250 MB for weights, but its shards have/),
        hint: 'choose k = 4, which fits on the available devices',
      }),
    );
  });

  it('counts the replicas that a device holds beside its shard', () => {
    const mixed = smallProfile(
      [
        { name: 'fc', inputs: ['x'], outputs: ['y'], rows: 1000, weightsBytes: 900_000 },
        { name: 'lstm', inputs: ['y'], outputs: ['z'], op: 'LSTM', weightsBytes: 200_000 },
      ],
      ['x'],
      ['z'],
    );
    const devices = ['a', 'b', 'c', 'd'].map((name) => device(name, 450_000));
    const { plan, seats } = planFleet(mixed, { ...OPTIONS, objective: 'devices-only', devices });
    expect(seats).toHaveLength(4);
    for (const { weightsBytes } of plan.seats) expect(weightsBytes).toBeLessThanOrEqual(450_000);
    expect(plan.seats.reduce((sum, { weightsBytes }) => sum + weightsBytes, 0)).toBeGreaterThan(1_500_000);
  });
});

it('refuses a device with more threads than its machine has cores', () => {
  const devices = ['a', 'b', 'c', 'd'].map((name) => device(name, 500_000, { cores: 4, threads: 4 }));
  expect(planFleet(profile, { ...OPTIONS, devices }).plan.seats).toHaveLength(4);
  const wrong = [...devices.slice(0, 3), device('pi', 500_000, { cores: 4, threads: 8 })];
  expect(() => planFleet(profile, { ...OPTIONS, devices: wrong })).toThrow(
    expect.objectContaining({
      code: 'MORE_THREADS_THAN_CORES',
      message: 'device "pi" computes with 8 threads, but its machine has 4 cores',
    }),
  );
});

describe('devices of different speeds', () => {
  const fleet = (count: number, slow: DeviceCapacity) => [
    slow,
    ...Array.from({ length: count - 1 }, (_, i) => device(`d${i}`, 1e9, {})),
  ];
  const predicted = (devices: readonly DeviceCapacity[], options: Partial<PlanOptions> = {}) =>
    planFleet(profile, { ...OPTIONS, k: 4, r: 0, strategy: 'uncoded', ...options, devices });

  it('are predicted at least 1.3 times as fast as with even blocks if one has half the speed', () => {
    const half = fleet(4, device('slow', 1e9, { multiplyAddsPerSecond: 5e8 }));
    const { plan, explanation, seats } = predicted(half);
    // With even blocks, the slow device computes a quarter of the layer: 100 ms at full speed.
    const evenMs = 2 * (100 / 4);
    expect(evenMs / explanation.predictedMs).toBeGreaterThanOrEqual(1.3);
    expect(rowsOf(plan)[seats.indexOf('id-slow')]).toBeLessThan(0.6 * Math.max(...rowsOf(plan)));
  });

  it('get uneven blocks also if a device is not measured: it counts as fast as the median', () => {
    const devices = [
      ...fleet(3, device('slow', 1e9, { multiplyAddsPerSecond: 5e8 })),
      device('browser', 1e9),
    ];
    const { plan, seats, explanation } = predicted(devices);
    const rows = Object.fromEntries(seats.map((id, seat) => [id, rowsOf(plan)[seat]!]));
    expect(rows['id-slow']).toBeLessThan(0.6 * rows['id-browser']!);
    expect(Math.abs(rows['id-browser']! - rows['id-d0']!)).toBeLessThanOrEqual(16);
    expect(explanation.measured).toBe(false);
    const evenMs = 2 * (100 / 4);
    expect(evenMs / explanation.predictedMs).toBeGreaterThanOrEqual(1.3);
  });

  it('says in the refusal what the device holds for other deployments', () => {
    const devices = ['a', 'b', 'c', 'd'].map((name) => ({ ...device(name, 1_000), heldBytes: 4_000_000 }));
    expect(() => planFleet(profile, { ...OPTIONS, devices })).toThrow(
      /has 0\.00100 MB for weights beside 4\.0 MB of other deployments/,
    );
  });
});
