import type { Tensor } from '@sparewheel/protocol';
import { sameDims } from './shape-memory.ts';

/**
 * By how much honest copies of a subgraph may differ, relative to the largest value of a tensor: different
 * processors and kernels (2⁻²⁰ measured between native and wasm for one layer), grown over the subgraph's depth.
 */
export const REPLICA_TOLERANCE = 2 ** -12;

/**
 * The largest difference between two copies of a subgraph's outputs, relative to the largest value of the tensor;
 * infinite where they are not even of one type and shape. Integers must be equal.
 */
export function disagreement(a: readonly Tensor[], b: readonly Tensor[]): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (const [i, tensor] of a.entries()) worst = Math.max(worst, between(tensor, b[i]!));
  return worst;
}

function between(a: Tensor, b: Tensor): number {
  if (a.type !== b.type || !sameDims(a.dims, b.dims)) return Number.POSITIVE_INFINITY;
  if (a.type !== 'float32' && a.type !== 'float64') {
    for (let i = 0; i < a.data.length; i++) if (a.data[i] !== b.data[i]) return Number.POSITIVE_INFINITY;
    return 0;
  }
  const [x, y] = [a.data as Float32Array, b.data as Float32Array];
  let largest = 0;
  let difference = 0;
  for (let i = 0; i < x.length; i++) {
    largest = Math.max(largest, Math.abs(x[i]!), Math.abs(y[i]!));
    difference = Math.max(difference, Math.abs(x[i]! - y[i]!));
  }
  return difference === 0 ? 0 : difference / largest;
}
