import { InvalidArgumentError, SingularGeneratorError } from './errors.ts';
import type { Generator } from './generator.ts';
import { combinations, invertInto } from './small-matrix.ts';

/** How much worse a recovered output can be than an answer, over all erasure patterns of a generator. */
export interface Conditioning {
  /**
   * Largest amplification: root-mean-square error of a recovered output ÷ that of a data answer, when answers err
   * independently and a parity answer errs in proportion to the 2-norm of its row (it is so much larger).
   * 1 without parity. For r = 1 it is √(2k − 1).
   */
  readonly amplification: number;
  /** Data shards missing and parity rows used in that worst case. */
  readonly missing: readonly number[];
  readonly parities: readonly number[];
  /** Erasure patterns looked at. */
  readonly patterns: number;
  /** False where there were more patterns than the limit and only runs of neighbouring shards were looked at. */
  readonly exhaustive: boolean;
}

/** Patterns that are looked at one by one, a second's work; the generator table's largest code has 58 904. */
export const EXHAUSTIVE_PATTERNS = 1_000_000;

/**
 * The worst amplification over every set of missing data shards and every set of as many parity rows.
 * Beyond `limit` patterns, over runs of neighbouring shards only: for a Vandermonde generator those are the worst.
 * @throws {SingularGeneratorError} some pattern cannot be recovered: the generator is not MDS
 */
export function conditioning(generator: Generator, limit = EXHAUSTIVE_PATTERNS): Conditioning {
  const { dataShards: k, parityShards: r } = generator;
  const amplify = amplifier(generator);
  const exhaustive = binomial(k + r, r) - 1 <= limit;
  let worst = { amplification: 1, missing: [] as number[], parities: [] as number[] };
  let patterns = 0;
  const data = range(k);
  for (let size = 1; size <= Math.min(k, r); size++) {
    const rowSets = [...combinations(range(r), size)];
    for (const missing of exhaustive ? combinations(data, size) : runs(k, size)) {
      for (const parities of rowSets) {
        patterns++;
        const amplification = amplify(missing, parities);
        if (!Number.isFinite(amplification)) throw new SingularGeneratorError(missing, parities);
        if (amplification > worst.amplification) worst = { amplification, missing, parities };
      }
    }
  }
  return { ...worst, patterns, exhaustive };
}

/**
 * The generator itself, if every k of its k + r shards determine the data.
 * @throws {SingularGeneratorError} naming a pattern that cannot be recovered
 */
export function requireMds(generator: Generator): Generator {
  const { dataShards: k, parityShards: r } = generator;
  const patterns = binomial(k + r, r) - 1;
  if (patterns > EXHAUSTIVE_PATTERNS) {
    throw new InvalidArgumentError(
      'generator',
      `k = ${k}, r = ${r}`,
      `at most ${EXHAUSTIVE_PATTERNS} erasure patterns to try, not ${patterns}`,
    );
  }
  conditioning(generator);
  return generator;
}

/**
 * A function that gives the amplification of one pattern, infinite where it cannot be recovered.
 *
 * With c the weights of the parities in a recovered shard, its weights on the present data are −c·P, and 1 on the
 * one that it recovers: Σ_d (c·P_d)² over all d is cᵀ(P·Pᵀ)c, of which the missing shards contribute exactly 1.
 * So a pattern costs a small inverse and never a look at all k columns.
 */
export function amplifier(
  generator: Generator,
): (missing: readonly number[], parities: readonly number[]) => number {
  const { dataShards: k, parityShards: r, parity } = generator;
  const gram = new Float64Array(r * r);
  for (let i = 0; i < r; i++) {
    for (let j = 0; j < r; j++) {
      for (let d = 0; d < k; d++) gram[i * r + j]! += parity[i * k + d]! * parity[j * k + d]!;
    }
  }
  const matrix = new Float64Array(r * r);
  const inverse = new Float64Array(r * r);
  return (missing, parities) => {
    const m = missing.length;
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < m; j++) matrix[i * m + j] = parity[parities[i]! * k + missing[j]!]!;
    }
    if (!invertInto(matrix, inverse, m)) return Number.POSITIVE_INFINITY;
    let worst = 0;
    for (let i = 0; i < m; i++) {
      let square = -1;
      for (let p = 0; p < m; p++) {
        const c = inverse[i * m + p]!;
        const row = parities[p]! * r;
        square += c * c * gram[row + parities[p]!]!;
        for (let q = 0; q < m; q++) square += c * inverse[i * m + q]! * gram[row + parities[q]!]!;
      }
      if (square > worst) worst = square;
    }
    return Math.sqrt(worst);
  };
}

/** Unit round-off of float32: the largest relative error of rounding a number to it. */
export const FLOAT32_ROUNDING = 2 ** -24;

/**
 * The largest error to expect in a recovered output, relative to the largest output, for answers whose own
 * relative error is at most `answerError`: the name that tests and benchmarks take their tolerance from.
 */
export function recoveryTolerance(generator: Generator, answerError = 8 * FLOAT32_ROUNDING): number {
  return conditioning(generator).amplification * answerError;
}

/** n over size, exact while it fits a double. */
export function binomial(n: number, size: number): number {
  let result = 1;
  for (let i = 1; i <= size; i++) result = (result * (n - size + i)) / i;
  return Math.round(result);
}

function* runs(k: number, size: number): Iterable<number[]> {
  for (let start = 0; start + size <= k; start++) yield range(size).map((i) => start + i);
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
