import { invalid } from '../errors.ts';
import { type Emitter, firstValue } from '../tensors/emitter.ts';
import type { Known, Value } from '../tensors/value.ts';

/** Where the pixels of the result lie in the input. */
export type PixelPositions = 'align_corners' | 'half_pixel' | 'asymmetric';

/**
 * Resizes the two spatial axes of images [batch, height, width, channels].
 * @param size  [height, width] as integers
 */
export function resizeTo(
  emitter: Emitter,
  input: Value,
  size: Value,
  mode: 'linear' | 'nearest',
  positions: PixelPositions,
  name: string,
): Value {
  checkImage(input, name);
  const image = emitter.first(input);
  const [batch, , , channels] = input.dims!;
  const outer =
    batch !== null && channels !== null
      ? emitter.ints([batch!, channels!])
      : emitter.node('Shape', [image], { start: 0, end: 2 }, `${name}/shape`);
  const sizes = emitter.node('Concat', [outer, emitter.int64(size)], { axis: 0 }, `${name}/sizes`);
  const output = emitter.node('Resize', [image, '', '', sizes], attributesOf(mode, positions), name);
  const [height = null, width = null] = size.elements ?? [];
  return firstValue(output, input.type, [input.dims![0]!, height, width, input.dims![3]!]);
}

/** Enlarges the spatial axes of images by whole factors. */
export function enlarge(
  emitter: Emitter,
  input: Value,
  factors: readonly [number, number],
  mode: 'linear' | 'nearest',
  positions: PixelPositions,
  name: string,
): Value {
  checkImage(input, name);
  // ONNX Runtime moves transposes through Resize, and then mixes up the attribute "axes". So it is not used.
  const tensors = [emitter.first(input), '', emitter.floats([1, 1, ...factors])];
  const output = emitter.node('Resize', tensors, attributesOf(mode, positions), name);
  const scaled = (size: Known, factor: number) => (size === null ? null : size * factor);
  const [batch, height, width, channels] = input.dims as [Known, Known, Known, Known];
  return firstValue(output, input.type, [
    batch,
    scaled(height, factors[0]),
    scaled(width, factors[1]),
    channels,
  ]);
}

function attributesOf(mode: 'linear' | 'nearest', positions: PixelPositions) {
  // TensorFlow.js rounds half up where the positions are between pixels, and down otherwise.
  const rounding = positions === 'asymmetric' ? 'floor' : 'round_prefer_ceil';
  return {
    mode,
    coordinate_transformation_mode: positions,
    ...(mode === 'nearest' && { nearest_mode: rounding }),
  };
}

function checkImage(input: Value, name: string): void {
  if (input.dims?.length !== 4)
    throw invalid(`node "${name}" resizes a tensor that is not a batch of images`);
}
