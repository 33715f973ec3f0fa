import { InvalidArgumentError, SingularGeneratorError } from './errors.ts';
import type { Generator } from './generator.ts';
import { combinations, invertInto } from './small-matrix.ts';

/** The worst growth of rounding errors in recovery, over all erasure patterns of a generator. */
export interface Conditioning {
  /**
   * Root-mean-square error of a recovered output ÷ that of a data answer, in the worst pattern. The model:
   * errors are independent, and a parity answer's error grows with the 2-norm of its row, because the answer
   * is that much larger. 1 without parity; √(2k − 1) for r = 1.
   */
  readonly amplification: number;
  /** Missing data shards of the worst pattern. */
  readonly missing: readonly number[];
  /** Parity rows used in the worst pattern. */
  readonly parities: readonly number[];
  /** Number of checked erasure patterns. */
  readonly patterns: number;
  /** False if the limit was exceeded and only runs of adjacent shards were checked. */
  readonly exhaustive: boolean;
}

/** Limit of an exhaustive check: about one second. The generator table needs at most 58 904 patterns. */
const EXHAUSTIVE_PATTERNS = 1_000_000;

/**
 * Computes the worst amplification over every set of missing data shards and every equally large set of
 * parity rows. Above `limit` patterns it checks only runs of adjacent shards, the worst ones of a Vandermonde
 * generator.
 * @throws {SingularGeneratorError} a pattern cannot be recovered: the generator is not MDS
 * @example
 * const { amplification, patterns } = conditioning(generatorMatrix(4, 1));
 * console.log(amplification.toFixed(3), patterns);
 * // → 2.646 4
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
 * Returns the generator if it is MDS: any k of its k + r shards determine the data.
 * @throws {SingularGeneratorError} a pattern cannot be recovered
 * @throws {InvalidArgumentError} too many erasure patterns to check
 * @example
 * const rows = [[1, 1, 1], [1, 2, 3]];
 * console.log(requireMds(generatorFromRows(3, rows)).parityShards);
 * // → 2
 */
export function requireMds(generator: Generator): Generator {
  const { dataShards: k, parityShards: r } = generator;
  const patterns = binomial(k + r, r) - 1;
  if (patterns > EXHAUSTIVE_PATTERNS) {
    throw new InvalidArgumentError(
      'generator',
      `k = ${k}, r = ${r}`,
      `a code with at most ${EXHAUSTIVE_PATTERNS} erasure patterns, not ${patterns}`,
    );
  }
  conditioning(generator);
  return generator;
}

/**
 * Returns a function that computes the amplification of one pattern, infinite if it cannot be recovered.
 *
 * Let c be the weights of the parities in a recovered shard. Its weights on the present data are −c·P, and
 * c·P is 1 on the recovered shard and 0 on the other missing ones. Σ_d (c·P_d)² over all d is cᵀ(P·Pᵀ)c, and
 * the missing shards contribute exactly 1. So a pattern needs one small inverse, not a pass over all k
 * columns.
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

/** Unit roundoff of float32: the largest relative error of rounding. */
export const FLOAT32_ROUNDING = 2 ** -24;

/**
 * Returns the largest expected error of a recovered output, relative to the largest output. Tests and
 * benchmarks use it as their tolerance.
 * @param answerError  largest relative error of an answer
 * @throws {SingularGeneratorError} the generator is not MDS
 */
export function recoveryTolerance(generator: Generator, answerError = 8 * FLOAT32_ROUNDING): number {
  return conditioning(generator).amplification * answerError;
}

/** Returns the binomial coefficient n over size, exact below 2⁵³. */
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
