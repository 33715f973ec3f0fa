import { InvalidArgumentError, LengthMismatchError } from './errors.ts';
import { GENERATOR_TABLE, TABLE_DENOMINATOR } from './generator-table.ts';
import { requireCount } from './partition.ts';

/**
 * A systematic generator matrix [I; P]. Data shard j holds block j unchanged. Parity shard i holds
 * `Σ_j parity[i·k + j] · block_j`. Shard indices list the k data shards first, then the r parity shards.
 */
export interface Generator {
  /** k ≥ 1 */
  readonly dataShards: number;
  /** r ≥ 0 */
  readonly parityShards: number;
  /** P, r × k, row-major. */
  readonly parity: Float64Array;
}

/**
 * Returns the generator for k data shards and r parity shards. It is MDS: any k of the k + r shards determine
 * the data. Its first parity row is all ones, so one erasure is recovered by subtraction. [paper §5.2]
 *
 * For k ≤ 32 and r ≤ 4 the other rows come from a table. A search minimized the worst amplification over all
 * erasure patterns (docs/NUMERICS.md). Beyond the table they are Vandermonde rows, which are MDS too, but
 * their conditioning grows with k and r: check `conditioning` first.
 * @throws {InvalidArgumentError} k < 1 or r < 0
 * @example
 * console.log(...generatorMatrix(4, 1).parity, totalShards(generatorMatrix(4, 2)));
 * // → 1 1 1 1 6
 */
export function generatorMatrix(k: number, r: number): Generator {
  requireCount('k', k, 1);
  requireCount('r', r, 0);
  const entry = r >= 2 ? GENERATOR_TABLE[`${k},${r}`] : undefined;
  if (!entry) return vandermondeGenerator(k, r);
  const parity = new Float64Array(r * k).fill(1, 0, k);
  for (const [i, numerator] of entry.split(' ').entries())
    parity[k + i] = Number(numerator) / TABLE_DENOMINATOR;
  return { dataShards: k, parityShards: r, parity };
}

/**
 * Builds a generator from r given rows of k coefficients. It does not check invertibility: see `requireMds`.
 * @throws {LengthMismatchError} a row does not have k coefficients
 * @throws {InvalidArgumentError} a coefficient is not finite
 * @example
 * const halves = generatorFromRows(4, [[1, 1, 0, 0], [0, 0, 1, 1]]);
 * const decoder = createDecoder(halves);
 * console.log(decoder.canReconstruct([false, true, false, true, true, true]));
 * // → true
 */
export function generatorFromRows(k: number, rows: readonly (readonly number[])[]): Generator {
  requireCount('k', k, 1);
  const parity = new Float64Array(rows.length * k);
  for (const [i, row] of rows.entries()) {
    if (row.length !== k) throw new LengthMismatchError(`parity row ${i}`, k, row.length);
    for (const [j, value] of row.entries()) {
      if (!Number.isFinite(value)) {
        throw new InvalidArgumentError(`parity row ${i}, column ${j}`, value, 'a finite number');
      }
      parity[i * k + j] = value;
    }
  }
  return { dataShards: k, parityShards: rows.length, parity };
}

/**
 * Returns the generator with parity rows x⁰, x¹, x², … at the nodes x_j = (j + 1) / k. Increasing positive
 * nodes make it totally positive: every square submatrix has a positive determinant. So it is MDS for all k
 * and r.
 * @throws {InvalidArgumentError} k < 1 or r < 0
 * @example
 * console.log(...vandermondeGenerator(2, 3).parity);
 * // → 1 1 0.5 1 0.25 1
 */
export function vandermondeGenerator(k: number, r: number): Generator {
  requireCount('k', k, 1);
  requireCount('r', r, 0);
  const parity = new Float64Array(r * k);
  for (let i = 0; i < r; i++) {
    for (let j = 0; j < k; j++) parity[i * k + j] = ((j + 1) / k) ** i;
  }
  return { dataShards: k, parityShards: r, parity };
}

/** Returns k + r. */
export function totalShards(generator: Generator): number {
  return generator.dataShards + generator.parityShards;
}
