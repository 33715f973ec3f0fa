import { DEFAULT_ANSWER_TOLERANCE, encodeViews, type Generator } from '@sparewheel/cdc';
import { float16Value, type Tensor } from '@sparewheel/protocol';
import { sameDims } from './shape-memory.ts';

/**
 * Maximum difference between correct copies of a subgraph, relative to the largest value of a tensor, unless its plan
 * says more. Different processors and kernels round differently: 2⁻²⁰ was measured between native and wasm for one layer,
 * and the error grows with the depth of the subgraph.
 */
export const REPLICA_TOLERANCE = 2 ** -12;

/** A difference of up to so many tolerances is doubtful: it proves no device wrong. */
export const DOUBTFUL_TOLERANCES = 4;

/**
 * Finds the answers that differ from the reference outputs. Names a faulty shard even where the parity checks cannot
 * (r = 1).
 * @param answers    by shard index in [0, k + r), undefined where absent; not mutated
 * @param reference  the correct outputs of the k data shards, computed by the data plane
 * @param tolerance  maximum error of a correct answer, relative to the largest value that went into it
 * @returns the indices of the faulty shards
 */
export function findFaultyShards(
  generator: Generator,
  answers: readonly (Float32Array | undefined)[],
  reference: readonly Float32Array[],
  tolerance = DEFAULT_ANSWER_TOLERANCE,
): number[] {
  const { dataShards: k, parity } = generator;
  const scales = reference.map(largestMagnitude);
  const faulty: number[] = [];
  let expectedParity: Float32Array | undefined;
  for (const [shard, answer] of answers.entries()) {
    if (!answer) continue;
    let expected = reference[shard];
    let scale = scales[shard] ?? 0;
    if (shard >= k) {
      expectedParity ??= new Float32Array(reference[0]!.length);
      expected = encodeViews(generator, shard - k, reference, expectedParity);
      for (let j = 0; j < k; j++) scale += Math.abs(parity[(shard - k) * k + j]!) * scales[j]!;
    }
    if (deviates(answer, expected!, tolerance * scale)) faulty.push(shard);
  }
  return faulty;
}

function deviates(answer: Float32Array, expected: Float32Array, allowed: number): boolean {
  if (answer.length !== expected.length) return true;
  for (let i = 0; i < answer.length; i++) {
    // Negated, so that NaN deviates.
    if (!(Math.abs(answer[i]! - expected[i]!) <= allowed)) return true;
  }
  return false;
}

function largestMagnitude(values: Float32Array): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]!));
  return largest;
}

/**
 * Returns the largest difference between two copies of a subgraph's outputs, relative to the largest value of the
 * tensor. Returns infinity if types or shapes differ, or if integer tensors are not equal. Does not count a difference
 * of float16 values by one unit in the last place: copies that differ less may round to different sides.
 */
export function relativeDifference(a: readonly Tensor[], b: readonly Tensor[]): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (const [i, tensor] of a.entries()) worst = Math.max(worst, tensorDifference(tensor, b[i]!));
  return worst;
}

function tensorDifference(a: Tensor, b: Tensor): number {
  if (a.type !== b.type || !sameDims(a.dims, b.dims)) return Number.POSITIVE_INFINITY;
  if (a.type === 'float16') return halfDifference(a.data as Uint16Array, b.data as Uint16Array);
  if (a.type !== 'float32' && a.type !== 'float64') {
    for (let i = 0; i < a.data.length; i++) if (a.data[i] !== b.data[i]) return Number.POSITIVE_INFINITY;
    return 0;
  }
  const [x, y] = [a.data as Float32Array, b.data as Float32Array];
  let largest = 0;
  let difference = 0;
  for (let i = 0; i < x.length; i++) {
    if (!Number.isFinite(x[i]!) || !Number.isFinite(y[i]!)) {
      // Equal infinities have no difference, and neither have two NaN.
      if (Object.is(x[i], y[i])) continue;
      return Number.POSITIVE_INFINITY;
    }
    largest = Math.max(largest, Math.abs(x[i]!), Math.abs(y[i]!));
    difference = Math.max(difference, Math.abs(x[i]! - y[i]!));
  }
  return difference === 0 ? 0 : difference / largest;
}

function halfDifference(a: Uint16Array, b: Uint16Array): number {
  let largest = 0;
  let difference = 0;
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [float16Value(a[i]!), float16Value(b[i]!)];
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      if (Object.is(x, y)) continue;
      return Number.POSITIVE_INFINITY;
    }
    largest = Math.max(largest, Math.abs(x), Math.abs(y));
    // The bits of neighbors differ by one.
    if (Math.abs(a[i]! - b[i]!) > 1) difference = Math.max(difference, Math.abs(x - y));
  }
  return difference === 0 ? 0 : difference / largest;
}
