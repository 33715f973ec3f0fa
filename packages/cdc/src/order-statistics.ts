import type { ArrivalDistribution } from './arrival-distribution.ts';
import { InvalidArgumentError } from './errors.ts';

/** When a coded request completes. */
export interface Completion {
  /** P(complete by ms). */
  cdf(ms: number): number;
  /** The time by which a share p of requests is complete. */
  quantile(p: number): number;
  readonly meanMs: number;
}

/**
 * When the k-th of n independent answers has arrived, each with a distribution of its own.
 * Exact: the number of answers by a time is Poisson-binomial; the mean is its survival function's integral.
 */
export function kthArrival(k: number, arrivals: readonly ArrivalDistribution[]): Completion {
  if (!Number.isInteger(k) || k < 1 || k > arrivals.length) {
    throw new InvalidArgumentError('k', k, `a whole number in [1, ${arrivals.length}]`);
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

/** A waiting threshold: milliseconds from the scatter, `any-k` for 0, `all` for never decoding. */
export type WaitingThreshold = number | 'any-k' | 'all';

/**
 * When a request of k data and r parity shards completes under a waiting threshold [paper §6.2]: as soon as all data
 * shards are in; from the threshold on, as soon as any k answers are. So min(all data, max(threshold, any k)).
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

/** P(at least k of independent events), by adding one event after the other to the distribution of their number. */
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

/** Shares at whose quantiles the integral is cut into pieces, so that each piece is smooth and neither end is lost. */
const CUTS = [0, 1e-6, 1e-3, 0.02, 0.1, 0.25, 0.4, 0.55, 0.7, 0.8, 0.9, 0.96, 0.99, 0.997, 0.999];
/** Beyond these the tail is followed until it holds nothing that a double could see. */
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
      if (!(p >= 0 && p < 1)) throw new InvalidArgumentError('p', p, 'a share in [0, 1)');
      let low = 0;
      let high = sorted.at(-1)!;
      // Bisection to the last bit: the distribution function need not be smooth.
      for (let i = 0; i < 100 && low < high; i++) {
        const middle = (low + high) / 2;
        if (cdf(middle) < p) low = middle;
        else high = middle;
      }
      return high;
    },
  };
}

/** Gauss–Legendre with 16 points: exact for polynomials up to degree 31, so for piecewise linear arrivals of n ≤ 31. */
function integrate(f: (x: number) => number, from: number, to: number): number {
  const half = (to - from) / 2;
  const middle = (to + from) / 2;
  let sum = 0;
  for (const [x, weight] of legendre) sum += weight * f(middle + half * x);
  return sum * half;
}

const legendre = gaussLegendre(16);

/** Points and weights on [−1, 1]: the roots of the Legendre polynomial by Newton's method. */
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
