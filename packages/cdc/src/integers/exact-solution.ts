import type { Generator } from '../generator.ts';

/** The solution of one erasure pattern in integers modulo 2³². */
export interface ExactSolution {
  /** Data shards to recover, ascending. */
  readonly missing: readonly number[];
  /** The k shards to combine: the present data shards, then one parity shard per missing data shard. */
  readonly used: readonly number[];
  /** missing × used, row-major, modulo 2³². */
  readonly coefficients: Int32Array;
  /** By missing shard: the combination is the output × an odd number × 2^shift. */
  readonly shifts: readonly number[];
  /** By missing shard: the inverse of that odd number modulo 2³². */
  readonly inverses: Int32Array;
}

/**
 * Solves one erasure pattern over the integers: adjugate · right-hand side = determinant · outputs. Both sides are
 * divided by their common powers of 2.
 * @param missing  data shards, ascending
 * @param rows  as many parity rows
 * @returns undefined if the submatrix is singular, or if a number needs more than 53 bits
 */
export function solveExactly(
  { dataShards: k, parity }: Generator,
  missing: readonly number[],
  rows: readonly number[],
): ExactSolution | undefined {
  const m = missing.length;
  const matrix = rows.map((row) => missing.map((column) => parity[row * k + column]!));
  const determinant = determinantOf(matrix);
  if (determinant === 0) return undefined;
  const data = Array.from({ length: k }, (_, shard) => shard).filter((shard) => !missing.includes(shard));
  const coefficients = new Int32Array(m * k);
  const inverses = new Int32Array(m);
  const shifts: number[] = [];
  for (let i = 0; i < m; i++) {
    // Row i of the adjugate: the cofactors of column i.
    const adjugate = rows.map((_, p) => ((i + p) % 2 === 0 ? 1 : -1) * determinantOf(without(matrix, p, i)));
    const line = [
      ...data.map(
        (column) => -rows.reduce((sum, row, p) => sum + adjugate[p]! * parity[row * k + column]!, 0),
      ),
      ...adjugate,
    ];
    if (![determinant, ...line].every(Number.isSafeInteger)) return undefined;
    const common = Math.min(twos(determinant), ...adjugate.filter((value) => value !== 0).map(twos));
    const scale = 2 ** common;
    for (const [at, value] of line.entries()) coefficients[i * k + at] = value / scale;
    const shift = twos(determinant) - common;
    shifts.push(shift);
    inverses[i] = inverseOfOdd(determinant / scale / 2 ** shift);
  }
  return { missing, used: [...data, ...rows.map((row) => k + row)], coefficients, shifts, inverses };
}

/** Returns the exponent of 2 in a non-zero integer. */
function twos(value: number): number {
  let count = 0;
  for (let rest = value; rest % 2 === 0; rest /= 2) count++;
  return count;
}

/** Returns the inverse of an odd integer modulo 2³², by Newton's iteration. */
function inverseOfOdd(value: number): number {
  const odd = value | 0;
  let inverse = odd;
  // An odd number is its own inverse modulo 8. Each step doubles the correct bits: 3, 6, 12, 24, 48.
  for (let step = 0; step < 4; step++) inverse = Math.imul(inverse, 2 - Math.imul(odd, inverse));
  return inverse;
}

function determinantOf(matrix: readonly (readonly number[])[]): number {
  if (matrix.length === 0) return 1;
  return matrix[0]!.reduce(
    (sum, value, column) =>
      sum + (column % 2 === 0 ? value : -value) * determinantOf(without(matrix, 0, column)),
    0,
  );
}

function without(matrix: readonly (readonly number[])[], row: number, column: number): number[][] {
  return matrix.filter((_, i) => i !== row).map((line) => line.filter((_, j) => j !== column));
}
