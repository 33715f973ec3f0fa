import { describe, expect, it } from 'vitest';
import { Random } from './random.ts';

const SEEDS = 2_000;
const firstOf = (draw: (random: Random) => number) =>
  Array.from({ length: SEEDS }, (_, seed) => draw(new Random(seed)));

function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  const covariance = mean(a.map((value, i) => (value - meanA) * (b[i]! - meanB)));
  const variance = (values: readonly number[], center: number) =>
    mean(values.map((value) => (value - center) ** 2));
  return covariance / Math.sqrt(variance(a, meanA) * variance(b, meanB));
}

describe('random numbers', () => {
  it('are the same for the same seed, and others for another', () => {
    const draw = (seed: number) =>
      Array.from(
        { length: 20 },
        (
          (random) => () =>
            random.next()
        )(new Random(seed)),
      );
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });

  it('of neighboring seeds are unrelated from the first draw on', () => {
    const first = firstOf((random) => random.next());
    // Five standard errors.
    const bound = 5 / Math.sqrt(SEEDS);
    expect(Math.abs(correlation(first.slice(1), first.slice(0, -1)))).toBeLessThan(bound);
    expect(
      Math.abs(
        correlation(
          first,
          first.map((_, seed) => seed),
        ),
      ),
    ).toBeLessThan(bound);
    expect(new Set(first.map((value) => Math.floor(value * 10))).size).toBe(10);
    const forked = firstOf((random) => random.fork().next());
    expect(Math.abs(correlation(first, forked))).toBeLessThan(bound);
  });

  it('stay within their ranges', () => {
    const random = new Random(1);
    const rolls = Array.from({ length: 1_000 }, () => random.whole(-2, 3));
    expect([...new Set(rolls)].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2, 3]);
    for (let i = 0; i < 1_000; i++) {
      const value = random.between(5, 6);
      expect(value).toBeGreaterThanOrEqual(5);
      expect(value).toBeLessThan(6);
    }
    expect(random.shuffled([1, 2, 3, 4]).toSorted()).toEqual([1, 2, 3, 4]);
  });
});
