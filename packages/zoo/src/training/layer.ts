import type { Shape } from '../network-spec.ts';

/** Trainable numbers of one tensor; the gradient is added to by `backward` and cleared by the optimizer. */
export interface Parameter {
  /** As in the ONNX file: "conv1.weight". */
  readonly name: string;
  readonly dims: readonly number[];
  readonly values: Float64Array;
  readonly gradient: Float64Array;
}

/**
 * One differentiable step over a batch of samples, [count, channels, height, width] row-major in float64.
 * A layer owns the arrays that it returns and reuses them in its next call.
 */
export interface Layer {
  readonly outputShape: Shape;
  readonly parameters: readonly Parameter[];
  forward(input: Float64Array, count: number): Float64Array;
  /**
   * Adds to the gradients of its parameters; must follow the `forward` of the same batch.
   * @returns the gradient by the input of that `forward`
   */
  backward(outputGradient: Float64Array, count: number): Float64Array;
}

export function makeParameter(name: string, dims: readonly number[]): Parameter {
  let size = 1;
  for (const dim of dims) size *= dim;
  return { name, dims, values: new Float64Array(size), gradient: new Float64Array(size) };
}
