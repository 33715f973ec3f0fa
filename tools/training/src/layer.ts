import type { Shape } from './network-spec.ts';

/** A trainable tensor. `backward` adds to the gradient; the optimizer clears it. */
export interface Parameter {
  /** The initializer's name in the ONNX file, such as "conv1.weight". */
  readonly name: string;
  readonly dims: readonly number[];
  readonly values: Float64Array;
  readonly gradient: Float64Array;
}

/**
 * A differentiable layer over a batch of samples: [count, channels, height, width], row-major, float64.
 * The layer owns the arrays it returns and overwrites them in its next call.
 */
export interface Layer {
  readonly outputShape: Shape;
  readonly parameters: readonly Parameter[];
  forward(input: Float64Array, count: number): Float64Array;
  /**
   * Adds to the gradients of the layer's parameters. Call it after the `forward` of the same batch.
   * @param outputGradient  gradient of the loss with respect to the layer's output; not mutated
   * @returns the gradient of the loss with respect to the layer's input
   */
  backward(outputGradient: Float64Array, count: number): Float64Array;
}

export function makeParameter(name: string, dims: readonly number[]): Parameter {
  let size = 1;
  for (const dim of dims) size *= dim;
  return { name, dims, values: new Float64Array(size), gradient: new Float64Array(size) };
}
