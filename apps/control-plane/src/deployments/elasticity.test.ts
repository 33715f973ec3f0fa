import { beforeEach, describe, expect, it } from 'vitest';
import {
  type ElasticDeployment,
  Elasticity,
  GROW_AFTER_MS,
  RETRY_AFTER_MS,
  SHRINK_AFTER_MS,
} from './elasticity.ts';

const HEALTHY: ElasticDeployment = { name: 'a', wantedK: 4, planK: 4, r: 1, whole: true, devices: 6 };
let elasticity: Elasticity;
beforeEach(() => {
  elasticity = new Elasticity();
});

/** Returns the results at these times. */
function over(times: readonly number[], change: Partial<ElasticDeployment>): (number | null)[] {
  return times.map((now) => elasticity.observe({ ...HEALTHY, ...change }, now));
}

describe('a deployment without enough devices', () => {
  it('is planned once for the remaining devices, after the time for a takeover or a return', () => {
    const missing = { whole: false, devices: 3 };
    expect(over([0, SHRINK_AFTER_MS - 1, SHRINK_AFTER_MS, SHRINK_AFTER_MS + 1], missing)).toEqual([
      null,
      null,
      2,
      null,
    ]);
  });

  it('waits from the last change of the fleet', () => {
    over([0], { whole: false, devices: 3 });
    over([20_000], { whole: false, devices: 4 });
    expect(over([SHRINK_AFTER_MS], { whole: false, devices: 4 })).toEqual([null]);
    expect(over([20_000 + SHRINK_AFTER_MS], { whole: false, devices: 4 })).toEqual([3]);
  });

  it.each([
    ['a standby device can take over the seat', { whole: false, devices: 5 }],
    ['every seat answers', { whole: true, devices: 4 }],
    ['too few devices remain for a code', { whole: false, devices: 2 }],
  ])('stays as it is if %s', (_why, change) => {
    expect(over([0, SHRINK_AFTER_MS, 10 * SHRINK_AFTER_MS], change)).toEqual([null, null, null]);
  });

  it('is planned again later if the change failed', () => {
    const missing = { whole: false, devices: 4 };
    const failed = SHRINK_AFTER_MS;
    expect(over([0, failed, failed + 1, failed + 1 + SHRINK_AFTER_MS], missing)).toEqual([
      null,
      3,
      null,
      null,
    ]);
    expect(over([failed + RETRY_AFTER_MS], missing)).toEqual([3]);
  });
});

it('grows to the requested size when devices join, but not beyond', () => {
  expect(over([0, GROW_AFTER_MS], { planK: 2, devices: 5 })).toEqual([null, 4]);
  elasticity.changed('a');
  expect(over([0, GROW_AFTER_MS, 100_000], { planK: 4, devices: 12 })).toEqual([null, null, null]);
});
