import type { WeightSource } from './graph-builder.ts';
import { seededRandom } from './random.ts';

/** Biases are small beside activations of about 1, but not zero: a code that forgot them would be noticed. */
const BIAS_RANGE = 0.05;

/**
 * Weights for a network that is never trained: uniform with variance 2 / fanIn [He et al. 2015], so that the mean
 * square of the activations stays the same from rectified layer to rectified layer. Uniform rather than normal
 * because it is several times faster for hundreds of millions of them and the sums are the same.
 */
export function seededWeights(seed: number): WeightSource {
  const random = seededRandom(seed);
  return (_name, dims, fanIn) => {
    const values = new Float32Array(dims.reduce((size, dim) => size * dim, 1));
    const range = fanIn === 0 ? BIAS_RANGE : Math.sqrt(6 / fanIn);
    random.fill(values, range);
    return values;
  };
}
