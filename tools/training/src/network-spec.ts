/**
 * One layer of a network description. The trainer and the ONNX exporter read the same description, so the
 * trained and the exported network cannot differ. Kernels are square; convolutions have stride 1.
 */
export type LayerSpec =
  | {
      readonly kind: 'conv';
      readonly name: string;
      readonly channels: number;
      readonly kernel: number;
      readonly padding: number;
    }
  | { readonly kind: 'dense'; readonly name: string; readonly units: number }
  | { readonly kind: 'relu' }
  | { readonly kind: 'maxPool'; readonly kernel: number; readonly stride: number; readonly padding: number }
  | { readonly kind: 'globalAveragePool' }
  /** All branches read the same input. Their outputs are concatenated along the channels. */
  | { readonly kind: 'branches'; readonly branches: readonly (readonly LayerSpec[])[] };

/** Dimensions of one sample. A vector of n numbers is n channels of 1 × 1. */
export interface Shape {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** A small classifier: one image input, one row of logits. */
export interface NetworkSpec {
  readonly name: string;
  readonly input: Shape;
  readonly layers: readonly LayerSpec[];
}

export function shapeSize(shape: Shape): number {
  return shape.channels * shape.height * shape.width;
}
