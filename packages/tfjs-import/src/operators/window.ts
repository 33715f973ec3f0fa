import type { AttributeInput } from '../tensors/emitter.ts';
import type { Known } from '../tensors/value.ts';

/** "same" as in TensorFlow, or pairs of padding before and after for each spatial axis. */
export type Padding = 'same' | 'valid' | readonly (readonly [number, number])[];

export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padding: Padding;
}

/** Returns the ONNX attributes of a window over the spatial axes, and the sizes of the result. */
export function windowOver(
  spatial: readonly Known[],
  window: Window,
): { attributes: Record<string, AttributeInput>; sizes: Known[] } {
  const { kernel, strides, dilations } = window;
  const extents = kernel.map((size, axis) => (size - 1) * dilations[axis]! + 1);
  const pads = padsOf(spatial, window, extents);
  const sizes = spatial.map((size, axis) => {
    if (size === null) return null;
    const stride = strides[axis]!;
    if (window.padding === 'same') return Math.ceil(size / stride);
    const [before, after] = pads![axis]!;
    return Math.max(0, Math.floor((size + before + after - extents[axis]!) / stride) + 1);
  });
  const padding: Record<string, AttributeInput> = pads
    ? { pads: [...pads.map(([before]) => before), ...pads.map(([, after]) => after)] }
    : { auto_pad: 'SAME_UPPER' };
  return { attributes: { kernel_shape: kernel, strides, dilations, ...padding }, sizes };
}

/** Returns the padding for each axis; undefined if it depends on a size that is known only at run time. */
function padsOf(
  spatial: readonly Known[],
  { padding, strides }: Window,
  extents: readonly number[],
): (readonly [number, number])[] | undefined {
  if (padding === 'valid') return spatial.map(() => [0, 0]);
  if (padding !== 'same') return [...padding];
  const pads: (readonly [number, number])[] = [];
  for (const [axis, size] of spatial.entries()) {
    const stride = strides[axis]!;
    if (size === null && stride !== 1) return undefined;
    const covered =
      size === null ? extents[axis]! - 1 : (Math.ceil(size / stride) - 1) * stride + extents[axis]! - size;
    const total = Math.max(0, covered);
    pads.push([total >> 1, total - (total >> 1)]);
  }
  return pads;
}
