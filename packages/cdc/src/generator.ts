import { InvalidArgumentError, LengthMismatchError } from './errors.ts';
import { GENERATOR_TABLE, TABLE_DENOMINATOR } from './generator-table.ts';
import { requireCount } from './partition.ts';

/**
 * A systematic generator [I; P]: data shard j holds block j as it is, parity shard i holds
 * `Σ_j parity[i·k + j] · block_j`. Shard indices run over the k data shards first, then the r parity shards.
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
 * The generator for k data shards and r parity shards. Its first row is ones, so that one failure is repaired
 * by plain subtraction [paper §5.2]; every k of the k + r shards determine the data (MDS).
 *
 * For k ≤ 32 and r ≤ 4 the other rows come from a table that was searched for the smallest worst amplification over
 * all erasure patterns (docs/NUMERICS.md). Beyond it they are Vandermonde rows: MDS for certain, but the worse
 * conditioned the larger they are; ask `conditioning` before relying on one.
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

/** A generator with coefficients of one's own, r rows of k. Checks shapes and finiteness, not invertibility. */
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
 * Rows x⁰, x¹, x², … at the nodes x_j = (j + 1) / k. Vandermonde matrices with increasing positive nodes are
 * totally positive: every square submatrix has a positive determinant, so this is MDS for every k and r.
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

/** k + r: how many devices the layer runs on. */
export function totalShards(generator: Generator): number {
  return generator.dataShards + generator.parityShards;
}
