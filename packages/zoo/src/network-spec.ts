/**
 * A small convolutional network as data: the trainer runs it forwards and backwards, the exporter writes it as ONNX,
 * so that what was trained and what is shipped cannot differ. Square kernels, one image input, one row of logits.
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
  /** The mean over all positions of each channel. */
  | { readonly kind: 'globalAveragePool' }
  /** Every branch sees the same input; their outputs are concatenated along the channels. */
  | { readonly kind: 'branches'; readonly branches: readonly (readonly LayerSpec[])[] };

/** One sample's dimensions; a row of n numbers is n channels of 1 × 1. */
export interface Shape {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

export interface NetworkSpec {
  readonly name: string;
  readonly input: Shape;
  readonly layers: readonly LayerSpec[];
}

export function shapeSize(shape: Shape): number {
  return shape.channels * shape.height * shape.width;
}

/** Positions of a window that moves over a padded length. */
export function windowCount(length: number, kernel: number, stride: number, padding: number): number {
  return Math.floor((length + 2 * padding - kernel) / stride) + 1;
}
