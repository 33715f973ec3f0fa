import { binomial } from './conditioning.ts';
import { planRecovery } from './decode.ts';
import { InvalidArgumentError } from './errors.ts';
import { type Generator, generatorFromRows, totalShards } from './generator.ts';
import { requireCount } from './partition.ts';
import { combinations } from './small-matrix.ts';

/**
 * The paper's way to more than one failure: extra devices that hold plain sums of some of the blocks, overlapping.
 * [paper §7, fig. 18] Recovery needs additions only, but not every pattern of r failures can be repaired: see
 * `failureCoverage`.
 * @param sets  for each parity shard the data shards that it sums
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
 * Partial sums that overlap as evenly as they can: each data shard is in a different selection of the r sums, round
 * robin over the 2^r − 1 selections, the largest first. Any two shards in different selections can fail together.
 */
export function overlappingPartialSums(k: number, r: number): Generator {
  requireCount('k', k, 1);
  requireCount('r', r, 1);
  if (r > 16) throw new InvalidArgumentError('r', r, 'at most 16 partial sums');
  const size = (selection: number) => selection.toString(2).replaceAll('0', '').length;
  const selections = Array.from({ length: 2 ** r - 1 }, (_, i) => i + 1).sort(
    (a, b) => size(b) - size(a) || a - b,
  );
  const sets = Array.from({ length: r }, (_, i) =>
    Array.from({ length: k }, (_, shard) => shard).filter(
      (shard) => (selections[shard % selections.length]! >> i) & 1,
    ),
  );
  return partialSums(k, sets);
}

/** Which sets of exactly `failures` shards (data or parity) a code can repair. */
export interface FailureCoverage {
  readonly failures: number;
  readonly patterns: number;
  readonly repaired: number;
  /** repaired ÷ patterns */
  readonly share: number;
  /** The sets of shards whose joint loss loses data. */
  readonly unrepaired: readonly (readonly number[])[];
}

/** Tries every pattern; refuses more than a hundred thousand of them. */
const MOST_PATTERNS = 100_000;

/** Exact coverage of a generator, by trying every set of that many failures. */
export function failureCoverage(generator: Generator, failures: number): FailureCoverage {
  requireCount('failures', failures, 0);
  const n = totalShards(generator);
  const patterns = failures > n ? 0 : binomial(n, failures);
  if (patterns > MOST_PATTERNS) {
    throw new InvalidArgumentError(
      'failures',
      failures,
      `at most ${MOST_PATTERNS} patterns, not ${patterns}`,
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
