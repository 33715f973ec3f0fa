import { describe, expect, it } from 'vitest';
import { decadeLabel, decades, laneScale, latencyHeight } from './lane-scale.ts';

describe('the latency axis', () => {
  it('covers the latencies with powers of ten', () => {
    expect(laneScale(null, 2.3, 41)).toEqual({ lowestMs: 1, highestMs: 1_000 });
    expect(laneScale(null, 2.3, 2_800)).toEqual({ lowestMs: 1, highestMs: 10_000 });
    expect(laneScale(null, 0.4, 0.9)).toEqual({ lowestMs: 0.1, highestMs: 100 });
    expect(laneScale(null, Number.POSITIVE_INFINITY, 0)).toEqual({ lowestMs: 1, highestMs: 1_000 });
  });

  it('grows at once, and does not shrink for a single power of ten', () => {
    const wide = laneScale(null, 1, 10_000);
    expect(laneScale(wide, 2, 900)).toBe(wide);
    expect(laneScale(wide, 2, 20_000)).toEqual({ lowestMs: 1, highestMs: 100_000 });
    const widest = laneScale(null, 1, 100_000);
    expect(laneScale(widest, 2, 900)).toEqual({ lowestMs: 1, highestMs: 1_000 });
  });

  it('places a factor of ten at equal distances, and clamps other values', () => {
    const scale = { lowestMs: 1, highestMs: 1_000 };
    expect([1, 10, 100, 1_000].map((ms) => latencyHeight(scale, ms))).toEqual(
      [0, 1 / 3, 2 / 3, 1].map((height) => expect.closeTo(height, 9)),
    );
    expect([0, 0.5, 5_000].map((ms) => latencyHeight(scale, ms))).toEqual([0, 0, 1]);
    expect(decades(scale)).toEqual([1, 10, 100, 1_000]);
    expect([0.1, 10, 1_000].map(decadeLabel)).toEqual(['0.1 ms', '10 ms', '1 s']);
  });
});
