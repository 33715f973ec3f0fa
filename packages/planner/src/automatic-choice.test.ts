import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeviceCapacity, DeviceSpeed } from './costs/costs.ts';
import type { PlanOptions } from './plan.ts';
import { createPlan, planFleet } from './planner.ts';
import { smallProfile } from './testing/small-profile.ts';

const SPEED = { multiplyAddsPerSecond: 1e9, memoryBytesPerSecond: 1e12 };
const OPTIONS: PlanOptions = { k: 4, r: 1, strategy: 'coded', layers: 'auto' };

/** A chain of linear layers with a ReLU after each. A layer of `millions` takes as many ms at speed 1. */
const chain = (layers: readonly { millions: number; width: number; bytes?: number }[]) => ({
  ...smallProfile(
    layers.flatMap(({ millions, bytes }, i) => [
      {
        name: `fc${i}`,
        inputs: [i === 0 ? 'x' : `r${i - 1}`],
        outputs: [`y${i}`],
        rows: 64,
        multiplyAdds: millions * 1e6,
        ...(bytes === undefined ? {} : { weightsBytes: bytes }),
      },
      { name: `relu${i}`, inputs: [`y${i}`], outputs: [`r${i}`], timeMs: 0.1 },
    ]),
    ['x'],
    [`r${layers.length - 1}`],
    {},
    Object.fromEntries(layers.flatMap(({ width }, i) => [`y${i}`, `r${i}`].map((name) => [name, width]))),
  ),
  speed: { trial: SPEED, served: SPEED },
});

const fleet = (count: number, factor: number, rest: Partial<DeviceSpeed> = {}, memoryBytes?: number) =>
  Array.from(
    { length: count },
    (_, i): DeviceCapacity => ({
      id: `d${i}`,
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      speed: {
        multiplyAddsPerSecond: factor * SPEED.multiplyAddsPerSecond,
        memoryBytesPerSecond: factor * SPEED.memoryBytesPerSecond,
        cores: 1,
        machine: `m${i}`,
        engine: 'native',
        hopMs: 1,
        bytesPerMs: 12_500,
        ...rest,
      },
    }),
  );

const heavy = chain([
  { millions: 200, width: 64 },
  { millions: 200, width: 64 },
]);
const light = chain([
  { millions: 1, width: 64 },
  { millions: 1, width: 64 },
]);

describe('layers: "auto"', () => {
  it('distributes a model that is faster over the devices than on any single participant', () => {
    const { plan } = planFleet(heavy, { ...OPTIONS, devices: fleet(5, 1) });
    expect(plan.steps.filter(({ kind }) => kind === 'coded')).toHaveLength(2);
    expect(plan.runsWhole).toBeNull();
    const { device, dataPlane, plan: own } = plan.predictions!;
    expect(own.ms).toBeLessThan(Math.min(device!.ms, dataPlane!.ms));
    expect(dataPlane!.ms).toBeCloseTo(400.35);
    expect(own.megabytes).toBeGreaterThan(0);
    expect(dataPlane!.megabytes).toBe(0);
  });

  it('runs a model whole on the data plane if distributing it is slower, and says how much slower', () => {
    const { plan, explanation } = planFleet(light, { ...OPTIONS, devices: fleet(5, 1) });
    expect(plan.runsWhole).toMatch(
      /^Runs whole on the data plane: distributed it would be \d+(\.\d)? × slower$/,
    );
    expect(explanation.runsWhole).toBe(plan.runsWhole);
    expect(plan.steps.map(({ kind }) => kind)).toEqual(['local']);
    expect(plan).toMatchObject({ seats: [], coverage: null });
    expect(plan.predictions!.plan.ms).toBe(plan.predictions!.dataPlane!.ms);
    const all = planFleet(light, { ...OPTIONS, layers: 'all', devices: fleet(5, 1) }).plan.predictions!;
    const slower = Number(/([\d.]+) ×/.exec(plan.runsWhole!)![1]);
    // The best plan that distributes anything is at most as slow as the one that distributes everything.
    expect(slower).toBeGreaterThan(1);
    expect(slower).toBeLessThanOrEqual(all.plan.ms / all.dataPlane!.ms + 0.05);
    expect(plan.decisions.every(({ distributed }) => !distributed)).toBe(true);
  });

  it('says that distributing gains nothing if the times are within 5 %', () => {
    const texts = new Set<string>();
    for (let millions = 1; millions < 12; millions += 0.05) {
      const net = chain([{ millions, width: 64 }]);
      const options = { ...OPTIONS, devices: fleet(5, 1) };
      const { runsWhole } = planFleet(net, options).plan;
      if (!runsWhole) continue;
      const { plan, dataPlane } = planFleet(net, { ...options, layers: 'all' }).plan.predictions!;
      const equal = runsWhole.endsWith('distributing it gains nothing');
      texts.add(equal ? 'equal' : 'slower');
      expect({ millions, equal }).toEqual({ millions, equal: plan.ms / dataPlane!.ms < 1.05 });
    }
    expect([...texts].sort()).toEqual(['equal', 'slower']);
  });

  it('runs a model whole on one device with a replica if that device alone is the fastest', () => {
    const fast = [5, 6].map((i) => ({ ...fleet(1, 20, { machine: `m${i}` })[0]!, id: `fast ${i}` }));
    const { plan, seats } = planFleet(light, {
      ...OPTIONS,
      devices: [...fleet(4, 1), ...fast],
    });
    expect(plan.runsWhole).toMatch(/^Runs whole on one device, with 1 replica: distributed it would be/);
    expect(plan.steps).toMatchObject([{ kind: 'replicated', seats: [0, 1] }]);
    expect([...seats].sort()).toEqual(['fast 5', 'fast 6']);
    expect(plan.coverage).toBe(1);
  });

  it('distributes a model that fits into no single memory, even if that is slower', () => {
    const large = chain([
      { millions: 1, width: 64, bytes: 800_000 },
      { millions: 1, width: 64, bytes: 800_000 },
    ]);
    const options = { ...OPTIONS, devices: fleet(5, 1, {}, 1_000_000) };
    expect(createPlan(large, options).runsWhole).toMatch(/^Runs whole on the data plane/);
    const plan = createPlan(large, { ...options, dataPlaneMemoryBytes: 1_000_000 });
    expect(plan.runsWhole).toBeNull();
    expect(plan.seats).toHaveLength(5);
    expect(plan.predictions).toMatchObject({ device: null, dataPlane: null });
  });

  it('chooses the same layers as a search over all subsets, for chains', () => {
    const layer = fc.record({
      millions: fc.integer({ min: 1, max: 60 }),
      width: fc.constantFrom(8, 2_000, 40_000, 200_000),
    });
    const objective = fc.constantFrom('latency' as const, 'devices-only' as const);
    fc.assert(
      fc.property(fc.array(layer, { minLength: 1, maxLength: 5 }), objective, (layers, goal) => {
        const profile = chain(layers);
        const options: PlanOptions = { ...OPTIONS, objective: goal, devices: fleet(5, 1) };
        const names = layers.map((_, i) => `fc${i}`);
        const subsets = Array.from({ length: 2 ** names.length - 1 }, (_, i) =>
          names.filter((_name, bit) => ((i + 1) >> bit) & 1),
        );
        const times = subsets.map(
          (chosen) => createPlan(profile, { ...options, layers: chosen }).predictions!.plan.ms,
        );
        const { predictions, runsWhole } = createPlan(profile, options);
        const single = goal === 'latency' ? predictions!.dataPlane! : predictions!.device!;
        expect(runsWhole === null).toBe(Math.min(...times) < single.ms);
        if (runsWhole === null) expect(predictions!.plan.ms).toBeCloseTo(Math.min(...times));
      }),
      { numRuns: 60, seed: 7 },
    );
  });
});
