import { expect, it } from 'vitest';
import type { Costs } from './costs.ts';
import { createPlan } from './planner.ts';
import { predictLatency } from './predict.ts';
import { smallProfile } from './testing/small-profile.ts';

/** Every value is 32 bytes: 0.032 ms each way at 1000 bytes/ms. */
const COSTS: Costs = { hopMs: 2, bytesPerMs: 1000, multiplyAddsPerMs: 1000, deviceSlowdown: 3 };

const profile = smallProfile(
  [
    { name: 'front', inputs: ['x'], outputs: ['f'], timeMs: 10 },
    { name: 'fc', inputs: ['f'], outputs: ['y'], rows: 8, multiplyAdds: 40_000 },
  ],
  ['x'],
  ['y'],
);

it('adds up compute, hops and bytes, with the block that is tallest and the devices that are slower', () => {
  const plan = createPlan(profile, { k: 4, r: 1, strategy: 'coded', layers: 'all' });
  const { steps, totalMs } = predictLatency(profile, plan, COSTS);
  // 5 seats × (32 bytes in + a quarter of 32 out); a quarter of 40 ms on devices three times slower.
  expect(steps).toEqual([
    { step: 'step-0', ms: 10, bytes: 0 },
    { step: 'step-1', ms: 2 + 0.2 + 30, bytes: 200 },
  ]);
  expect(totalMs).toBeCloseTo(42.2);
});

it('counts a replicated stage as one hop, sent to every replica', () => {
  const plan = createPlan(profile, { k: 1, r: 1, strategy: 'replicated', layers: 'all' });
  expect(predictLatency(profile, plan, COSTS).steps).toEqual([
    { step: 'step-0', ms: 2 + 0.128 + 150, bytes: 128 },
  ]);
});
