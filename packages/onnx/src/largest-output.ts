import type { LoadedModel } from './cut.ts';
import { byteData } from './integer-shard.ts';
import { constantsOf, type LinearLayer } from './linear.ts';

/** The largest magnitude of an 8-bit input minus its zero point. */
const LARGEST_INPUT = 255;

/**
 * Returns the largest magnitude that an output of a layer with integer weights can have with any input: 255 times the
 * largest sum of the magnitudes of one output's weights. `layer.integers.largest` assumes the largest weights.
 * Reads the weights.
 */
export function largestOutput(loaded: LoadedModel, layer: LinearLayer): number {
  const constants = constantsOf(loaded.model.graph);
  const { weightsZeroPoint } = layer.integers!;
  const weights = byteData(constants.get(layer.weights)!, loaded);
  const zeroPoint =
    weightsZeroPoint === undefined ? null : byteData(constants.get(weightsZeroPoint)!, loaded);
  const { outer, rows, inner } = layer.layout;
  // The outer index of a convolution is its group, so each has outputs of its own. That of a product is summed over.
  const groups = layer.op === 'ConvInteger' ? outer : 1;
  const sums = new Float64Array(groups * rows);
  for (let o = 0; o < outer; o++) {
    for (let row = 0; row < rows; row++) {
      const zero = zeroPoint?.[zeroPoint.length === 1 ? 0 : row] ?? 0;
      const from = (o * rows + row) * inner;
      let sum = 0;
      for (let i = from; i < from + inner; i++) sum += Math.abs(weights[i]! - zero);
      sums[(groups === 1 ? 0 : o * rows) + row]! += sum;
    }
  }
  let largest = 0;
  for (const sum of sums) largest = Math.max(largest, sum);
  return Math.min(LARGEST_INPUT * largest, layer.integers!.largest);
}
