import { seededRandom } from '@sparewheel/zoo/random';

/** Returns repeatable weights, uniform in [-1, 1). */
export function seededWeights(length: number, seed: number): Float32Array {
  const values = new Float32Array(length);
  seededRandom(seed).fill(values, 1);
  return values;
}
