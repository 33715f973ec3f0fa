import type { LinearLayer } from './layer.ts';

/** What one device does: a smaller layer of the same kind, on a part of the input, with a part of the weights. */
export interface Share {
  /** The device's own layer: `computeLayer` on it is the device's product. */
  readonly layer: LinearLayer;
  /** Says which part of the input it works on; shares with the same key work on the same input. */
  readonly inputKey: string;
  takeInput(input: Float32Array): Float32Array;
  takeWeights(weights: Float32Array): Float32Array;
  /** Undefined where the bias is added after the merge. */
  takeBias(bias: Float32Array): Float32Array | undefined;
  /** Where its output goes along the split's output axis; undefined where it is a partial sum of all of it. */
  readonly output: { readonly axis: number; readonly start: number; readonly size: number } | undefined;
}
