import { type Generator, generatorFromRows } from '../generator.ts';
import { requireCount } from '../partition.ts';
import { combinations } from '../small-matrix.ts';
import { solveExactly } from './exact-solution.ts';

/**
 * Returns the generator for layers with integer weights: parity row i has the coefficients (j + 1)ⁱ. The
 * nodes are positive and increasing, so every square submatrix is invertible over the rationals: any k of the
 * k + r shards determine the data. The first row is all ones. `lostBits` tells up to which magnitude
 * answers of 32 bits are enough.
 * @throws {InvalidArgumentError} k < 1 or r < 0
 * @example
 * console.log(...integerGenerator(4, 2).parity);
 * // → 1 1 1 1 1 2 3 4
 */
export function integerGenerator(k: number, r: number): Generator {
  requireCount('k', k, 1);
  requireCount('r', r, 0);
  const rows = Array.from({ length: r }, (_, i) => Array.from({ length: k }, (_, j) => (j + 1) ** i));
  return generatorFromRows(k, rows);
}

/** Results of `lostBits` by generator. A planner asks for few of them, many times. */
const known = new Map<string, number>();
const KEPT_RESULTS = 256;

/**
 * Returns how many of the 32 bits of an answer are lost in the worst erasure pattern. Answers are known modulo
 * 2³², and recovery divides by a determinant: each factor of 2 in it costs one bit. Outputs below
 * 2^(31 − lostBits) in magnitude are recovered exactly. For one sum (r = 1) the result is 0: recovery is exact
 * for every output, even one that overflows int32.
 */
export function lostBits(generator: Generator): number {
  const { dataShards: k, parityShards: r, parity } = generator;
  const key = `${k}: ${parity.join()}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const shards = Array.from({ length: k }, (_, shard) => shard);
  const parities = Array.from({ length: r }, (_, row) => row);
  let lost = 0;
  for (let missing = 1; missing <= Math.min(k, r); missing++) {
    for (const columns of combinations(shards, missing)) {
      for (const rows of combinations(parities, missing)) {
        const solution = solveExactly(generator, columns, rows);
        if (solution) lost = Math.max(lost, ...solution.shifts);
      }
    }
  }
  if (known.size >= KEPT_RESULTS) known.clear();
  known.set(key, lost);
  return lost;
}
