import { binomial } from './conditioning.ts';
import { planRecovery } from './decode.ts';
import { InvalidArgumentError } from './errors.ts';
import { type Generator, generatorFromRows, totalShards } from './generator.ts';
import { requireCount } from './partition.ts';
import { combinations } from './small-matrix.ts';

/**
 * Builds the paper's code for several failures: each parity shard is a plain sum of some data shards. [paper
 * §7, fig. 18] Recovery needs only additions, but some patterns of r failures are not recoverable: see
 * `failureCoverage`.
 * @param sets  the data shards of each parity shard's sum
 * @throws {InvalidArgumentError} a data shard outside [0, k)
 * @example
 * console.log(...partialSums(4, [[0, 1], [2, 3]]).parity);
 * // → 1 1 0 0 0 0 1 1
 */
export function partialSums(k: number, sets: readonly (readonly number[])[]): Generator {
  requireCount('k', k, 1);
  const rows = sets.map((set, i) => {
    const row = new Array<number>(k).fill(0);
    for (const shard of set) {
      if (!Number.isInteger(shard) || shard < 0 || shard >= k) {
        throw new InvalidArgumentError(`sets[${i}]`, shard, `data shards in [0, ${k})`);
      }
      row[shard] = 1;
    }
    return row;
  });
  return generatorFromRows(k, rows);
}

/**
 * Builds partial sums that overlap evenly. Each data shard belongs to a subset of the r sums, round robin
 * over the 2^r − 1 nonempty subsets, largest first. Two data shards with different subsets may fail together.
 * @throws {InvalidArgumentError} r is not in [1, 16]
 * @example
 * console.log(...overlappingPartialSums(4, 2).parity);
 * // → 1 1 0 1 1 0 1 1
 */
export function overlappingPartialSums(k: number, r: number): Generator {
  requireCount('k', k, 1);
  requireCount('r', r, 1);
  if (r > 16) throw new InvalidArgumentError('r', r, 'at most 16 partial sums');
  // The bits of a subset are the sums that it contains.
  const size = (subset: number) => subset.toString(2).replaceAll('0', '').length;
  const subsets = Array.from({ length: 2 ** r - 1 }, (_, i) => i + 1).sort(
    (a, b) => size(b) - size(a) || a - b,
  );
  const sets = Array.from({ length: r }, (_, i) =>
    Array.from({ length: k }, (_, shard) => shard).filter(
      (shard) => (subsets[shard % subsets.length]! >> i) & 1,
    ),
  );
  return partialSums(k, sets);
}

/** The sets of exactly `failures` shards, data or parity, that a code can recover. */
export interface FailureCoverage {
  readonly failures: number;
  readonly patterns: number;
  readonly repaired: number;
  /** repaired ÷ patterns */
  readonly share: number;
  /** Sets of shards whose joint failure loses data. */
  readonly unrepaired: readonly (readonly number[])[];
}

/** Limit of the exhaustive check. */
const MOST_PATTERNS = 100_000;

/**
 * Computes the exact coverage of a generator by checking every set of `failures` shards.
 * @throws {InvalidArgumentError} more than 100 000 patterns
 * @example
 * const { repaired, patterns } = failureCoverage(overlappingPartialSums(4, 2), 2);
 * console.log(repaired, patterns);
 * // → 12 15
 */
export function failureCoverage(generator: Generator, failures: number): FailureCoverage {
  requireCount('failures', failures, 0);
  const n = totalShards(generator);
  const patterns = failures > n ? 0 : binomial(n, failures);
  if (patterns > MOST_PATTERNS) {
    throw new InvalidArgumentError(
      'failures',
      failures,
      `a count with at most ${MOST_PATTERNS} patterns, not ${patterns}`,
    );
  }
  const shards = Array.from({ length: n }, (_, shard) => shard);
  const unrepaired: number[][] = [];
  for (const failed of combinations(shards, failures)) {
    const present = shards.map((shard) => !failed.includes(shard));
    if (!planRecovery(generator, present)) unrepaired.push(failed);
  }
  const repaired = patterns - unrepaired.length;
  return { failures, patterns, repaired, share: patterns === 0 ? 1 : repaired / patterns, unrepaired };
}
