import { InvalidArgumentError } from './errors.ts';

/** The distribution of an answer's arrival time, in milliseconds after the request was sent. */
export interface ArrivalDistribution {
  /** Returns P(arrival ≤ ms). */
  cdf(ms: number): number;
  /** Returns the time by which a fraction p of answers has arrived; p = 1 only for a bounded distribution. */
  quantile(p: number): number;
  readonly meanMs: number;
  /** Kinks of the distribution function. Quadrature must not cross them. */
  readonly knotsMs: readonly number[];
}

/** Returns the exponential (memoryless) distribution with the given mean. */
export function exponential(meanMs: number): ArrivalDistribution {
  return shiftedExponential(0, meanMs);
}

/**
 * Returns an exponential distribution that starts at `shiftMs`, the compute time: the usual straggler model.
 * @example
 * const arrival = shiftedExponential(50, 20);
 * console.log(arrival.cdf(50), arrival.meanMs, arrival.quantile(0.5).toFixed(1));
 * // → 0 70 63.9
 */
export function shiftedExponential(shiftMs: number, meanBeyondMs: number): ArrivalDistribution {
  requireTime('shiftMs', shiftMs, true);
  requireTime('meanBeyondMs', meanBeyondMs, false);
  return {
    cdf: (ms) => (ms <= shiftMs ? 0 : -Math.expm1(-(ms - shiftMs) / meanBeyondMs)),
    quantile: (p) => shiftMs - meanBeyondMs * Math.log1p(-requireFraction(p)),
    meanMs: shiftMs + meanBeyondMs,
    knotsMs: [shiftMs],
  };
}

/** Returns the log-normal distribution exp(ln median + sigma · Z). */
export function logNormal(medianMs: number, sigma: number): ArrivalDistribution {
  requireTime('medianMs', medianMs, false);
  requireTime('sigma', sigma, false);
  return {
    cdf: (ms) => (ms <= 0 ? 0 : normalCdf(Math.log(ms / medianMs) / sigma)),
    quantile: (p) => medianMs * Math.exp(sigma * normalQuantile(requireFraction(p))),
    meanMs: medianMs * Math.exp(sigma ** 2 / 2),
    knotsMs: [],
  };
}

/**
 * Returns an empirical distribution, linear between its points.
 * @param points  [ms, fraction arrived by then], both nondecreasing, from fraction 0 to fraction 1
 * @throws {InvalidArgumentError} fewer than two points, or points not in order
 * @example
 * const arrival = empirical([[10, 0], [20, 0.9], [100, 1]]);
 * console.log(arrival.quantile(0.5).toFixed(2), arrival.cdf(60), arrival.meanMs.toFixed(1));
 * // → 15.56 0.95 19.5
 */
export function empirical(points: readonly (readonly [ms: number, share: number])[]): ArrivalDistribution {
  for (const [i, [ms, share]] of points.entries()) {
    const [previousMs, previousShare] = points[i - 1] ?? [0, 0];
    if (!(ms >= previousMs) || !(share >= previousShare) || !Number.isFinite(ms)) {
      throw new InvalidArgumentError(
        `points[${i}]`,
        `${ms}, ${share}`,
        'finite times and fractions in ascending order',
      );
    }
  }
  if (points.length < 2 || points[0]![1] !== 0 || points.at(-1)![1] !== 1) {
    throw new InvalidArgumentError(
      'points',
      `${points.length} points`,
      'at least two, from fraction 0 to fraction 1',
    );
  }
  let meanMs = 0;
  for (let i = 1; i < points.length; i++) {
    const [fromMs, from] = points[i - 1]!;
    const [toMs, to] = points[i]!;
    meanMs += ((to - from) * (fromMs + toMs)) / 2;
  }
  return {
    cdf(ms) {
      const next = points.findIndex((point) => point[0] > ms);
      if (next === 0) return 0;
      if (next < 0) return 1;
      const [fromMs, from] = points[next - 1]!;
      const [toMs, to] = points[next]!;
      return from + ((to - from) * (ms - fromMs)) / (toMs - fromMs);
    },
    quantile(p) {
      if (!(p >= 0 && p <= 1)) throw new InvalidArgumentError('p', p, 'a fraction in [0, 1]');
      const next = Math.max(
        1,
        points.findIndex((point) => point[1] >= p),
      );
      const [fromMs, from] = points[next - 1]!;
      const [toMs, to] = points[next]!;
      return to === from ? fromMs : fromMs + ((toMs - fromMs) * (p - from)) / (to - from);
    },
    meanMs,
    knotsMs: points.map(([ms]) => ms),
  };
}

/**
 * Reads an empirical distribution from lines `ms,fraction`. Skips blank lines and lines that start with #.
 * @throws {InvalidArgumentError} a line without two numbers, or points as in `empirical`
 */
export function empiricalFromCsv(text: string): ArrivalDistribution {
  const points: [number, number][] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const cells = line.split(',').map((cell) => (cell.trim() === '' ? Number.NaN : Number(cell)));
    if (cells.length !== 2 || cells.some((cell) => !Number.isFinite(cell))) {
      throw new InvalidArgumentError(`line ${index + 1}`, JSON.stringify(line), 'two numbers: ms,fraction');
    }
    points.push([cells[0]!, cells[1]!]);
  }
  return empirical(points);
}

/** Returns the distribution shifted by `delayMs`, such as a device's compute time. */
export function delayed(distribution: ArrivalDistribution, delayMs: number): ArrivalDistribution {
  requireTime('delayMs', delayMs, true);
  return {
    cdf: (ms) => distribution.cdf(ms - delayMs),
    quantile: (p) => distribution.quantile(p) + delayMs,
    meanMs: distribution.meanMs + delayMs,
    knotsMs: distribution.knotsMs.map((ms) => ms + delayMs),
  };
}

function requireTime(argument: string, value: number, allowZero: boolean): void {
  if (!(value > 0 || (allowZero && value === 0)) || !Number.isFinite(value)) {
    throw new InvalidArgumentError(
      argument,
      value,
      `a finite number ${allowZero ? 'of at least' : 'above'} 0`,
    );
  }
}

function requireFraction(p: number): number {
  if (!(p >= 0 && p < 1)) throw new InvalidArgumentError('p', p, 'a fraction in [0, 1)');
  return p;
}

/** Returns P(Z ≤ z) to about 1e-15, from a series near 0 and a continued fraction in the tails. */
function normalCdf(z: number): number {
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  const x = Math.abs(z);
  if (x < 3) {
    let term = z;
    let sum = z;
    for (let n = 1; Math.abs(term) > 1e-17; n++) {
      term *= (z * z) / (2 * n + 1);
      sum += term;
    }
    return 0.5 + density * sum;
  }
  let fraction = x;
  for (let n = 60; n >= 1; n--) fraction = x + n / fraction;
  const tail = density / fraction;
  return z > 0 ? 1 - tail : tail;
}

/** Returns the z with P(Z ≤ z) = p. Bisection is fast enough for a few dozen calls per integral. */
function normalQuantile(p: number): number {
  let low = -40;
  let high = 40;
  for (let i = 0; i < 80; i++) {
    const middle = (low + high) / 2;
    if (normalCdf(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
