import type { ArrivalDistribution } from './arrival-distribution.ts';
import { InvalidArgumentError } from './errors.ts';

/** The distribution of a coded request's completion time. */
export interface Completion {
  /** Returns P(complete by ms). */
  cdf(ms: number): number;
  /** Returns the time by which a fraction p of requests is complete, 0 ≤ p < 1. */
  quantile(p: number): number;
  readonly meanMs: number;
}

/**
 * Computes the arrival time of the k-th of n independent answers. Each answer has its own distribution. It is
 * exact: the number of answers at a time is Poisson-binomial, and the mean integrates the survival function.
 * @throws {InvalidArgumentError} k is not in [1, n]
 * @example
 * const five = new Array(5).fill(exponential(20));
 * console.log(kthArrival(4, five).meanMs.toFixed(3)); // 20 · (1/5 + 1/4 + 1/3 + 1/2)
 * // → 25.667
 */
export function kthArrival(k: number, arrivals: readonly ArrivalDistribution[]): Completion {
  if (!Number.isInteger(k) || k < 1 || k > arrivals.length) {
    throw new InvalidArgumentError('k', k, `an integer in [1, ${arrivals.length}]`);
  }
  return completion(
    (ms) =>
      atLeast(
        k,
        arrivals.map((arrival) => arrival.cdf(ms)),
      ),
    arrivals,
    [],
  );
}

/** A waiting threshold in milliseconds after the scatter. `any-k` means 0; `all` means never decode. */
export type WaitingThreshold = number | 'any-k' | 'all';

/**
 * Computes when a request of k data and r parity shards completes under a waiting threshold [paper §6.2]. It
 * completes when all data shards have arrived or, after the threshold, when any k answers have arrived:
 * min(all data, max(threshold, any k)).
 * @throws {InvalidArgumentError} no data shards, or a negative threshold
 * @example
 * const arrival = shiftedExponential(50, 30);
 * const data = [arrival, arrival, arrival, arrival];
 * const meanMs = (threshold) => codedCompletion(data, [arrival], threshold).meanMs.toFixed(1);
 * console.log(meanMs('any-k'), meanMs(100), meanMs('all'));
 * // → 88.5 96.9 112.5
 */
export function codedCompletion(
  data: readonly ArrivalDistribution[],
  parity: readonly ArrivalDistribution[],
  threshold: WaitingThreshold,
): Completion {
  if (data.length === 0) throw new InvalidArgumentError('data', '[]', 'at least one data shard');
  const waitMs = threshold === 'any-k' ? 0 : threshold === 'all' ? Number.POSITIVE_INFINITY : threshold;
  if (!(waitMs >= 0)) throw new InvalidArgumentError('threshold', threshold, 'milliseconds of at least 0');
  const all = [...data, ...parity];
  return completion(
    (ms) =>
      ms < waitMs
        ? atLeast(
            data.length,
            data.map((arrival) => arrival.cdf(ms)),
          )
        : atLeast(
            data.length,
            all.map((arrival) => arrival.cdf(ms)),
          ),
    all,
    Number.isFinite(waitMs) ? [waitMs] : [],
  );
}

/** Returns P(at least k of independent events). It builds the distribution of the count event by event. */
function atLeast(k: number, probabilities: readonly number[]): number {
  const counts = new Float64Array(k + 1);
  counts[0] = 1;
  for (const p of probabilities) {
    counts[k]! += counts[k - 1]! * p;
    for (let j = k - 1; j > 0; j--) counts[j] = counts[j]! * (1 - p) + counts[j - 1]! * p;
    counts[0]! *= 1 - p;
  }
  return counts[k]!;
}

/** Probabilities whose quantiles split the integral into smooth pieces, dense at both ends. */
const CUTS = [0, 1e-6, 1e-3, 0.02, 0.1, 0.25, 0.4, 0.55, 0.7, 0.8, 0.9, 0.96, 0.99, 0.997, 0.999];
/** Splits the tail down to 1e-15, the precision of a double near 1. */
const TAIL_CUTS = Array.from({ length: 13 }, (_, i) => 1 - 10 ** (-3 - i));

function completion(
  cdf: (ms: number) => number,
  arrivals: readonly ArrivalDistribution[],
  extraCuts: readonly number[],
): Completion {
  const cuts = new Set<number>([0, ...extraCuts]);
  for (const arrival of new Set(arrivals)) {
    for (const knot of arrival.knotsMs) cuts.add(knot);
    for (const p of [...CUTS, ...TAIL_CUTS]) cuts.add(arrival.quantile(p));
  }
  const sorted = [...cuts].filter((ms) => Number.isFinite(ms) && ms >= 0).sort((a, b) => a - b);
  let meanMs = 0;
  for (let i = 1; i < sorted.length; i++) {
    meanMs += integrate((ms) => 1 - cdf(ms), sorted[i - 1]!, sorted[i]!);
  }
  return {
    cdf,
    meanMs,
    quantile(p) {
      if (!(p >= 0 && p < 1)) throw new InvalidArgumentError('p', p, 'a fraction in [0, 1)');
      let low = 0;
      let high = sorted.at(-1)!;
      // Bisection, because the distribution function may jump.
      for (let i = 0; i < 100 && low < high; i++) {
        const middle = (low + high) / 2;
        if (cdf(middle) < p) low = middle;
        else high = middle;
      }
      return high;
    },
  };
}

/**
 * Integrates by 16-point Gauss–Legendre: exact up to degree 31, so for piecewise linear arrivals of n ≤ 31.
 */
function integrate(f: (x: number) => number, from: number, to: number): number {
  const half = (to - from) / 2;
  const middle = (to + from) / 2;
  let sum = 0;
  for (const [x, weight] of legendre) sum += weight * f(middle + half * x);
  return sum * half;
}

const legendre = gaussLegendre(16);

/** Returns points and weights on [−1, 1]. Newton's method finds the roots of the Legendre polynomial. */
function gaussLegendre(n: number): [x: number, weight: number][] {
  return Array.from({ length: n }, (_, i) => {
    let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5));
    let slope = 1;
    for (let step = 0; step < 20; step++) {
      let previous = 1;
      let value = x;
      for (let degree = 2; degree <= n; degree++) {
        [previous, value] = [value, ((2 * degree - 1) * x * value - (degree - 1) * previous) / degree];
      }
      slope = (n * (x * value - previous)) / (x * x - 1);
      x -= value / slope;
    }
    return [x, 2 / ((1 - x * x) * slope * slope)];
  });
}
