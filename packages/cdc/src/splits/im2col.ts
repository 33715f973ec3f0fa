import { LengthMismatchError } from '../errors.ts';
import { type Convolution, count, type LinearLayer, outputSize, shapesOf, type Values } from './layer.ts';

/**
 * Unrolls the input patches of one image and group into the columns of a matrix. The convolution is then a
 * matrix product O[K × WH] = W[K × F²C] · I[F²C × WH]. [paper §3, fig. 4, eq. 4; here 1 to 3 axes, with
 * stride, padding, dilation and groups]
 * @param input  [batch, channels, …size]; not mutated
 * @returns [channels / groups · kernel elements, output positions], row-major
 */
export function im2col(layer: Convolution, input: Values, image = 0, group = 0): Float64Array {
  const { size, kernel, strides, padsBegin, dilations } = layer;
  const rank = size.length;
  const positions = outputSize(layer);
  const positionCount = count(positions);
  const taps = count(kernel);
  const pixels = count(size);
  const channels = layer.channels / layer.groups;
  const matrix = new Float64Array(channels * taps * positionCount);
  const strideOf = (axis: number) => count(size.slice(axis + 1));
  for (let tap = 0; tap < taps; tap++) {
    const at = unravel(tap, kernel);
    for (let position = 0; position < positionCount; position++) {
      const to = unravel(position, positions);
      let pixel = 0;
      let inside = true;
      for (let axis = 0; axis < rank; axis++) {
        const x = to[axis]! * strides[axis]! - padsBegin[axis]! + at[axis]! * dilations[axis]!;
        if (x < 0 || x >= size[axis]!) inside = false;
        pixel += x * strideOf(axis);
      }
      if (!inside) continue;
      for (let channel = 0; channel < channels; channel++) {
        const source = (image * layer.channels + group * channels + channel) * pixels + pixel;
        matrix[(channel * taps + tap) * positionCount + position] = input[source]!;
      }
    }
  }
  return matrix;
}

/**
 * Computes a layer in float64: the reference for every split.
 * @param input  [batch, inputs] or [batch, channels, …size]; not mutated
 * @param weights  [outputs, inputs] or [filters, channels / groups, …kernel]; not mutated
 * @param bias  one value per output row
 * @returns the pre-activation, [batch, outputs] or [batch, filters, …output size]
 * @throws {LengthMismatchError} a tensor of the wrong length
 * @example
 * const layer = convolution({ channels: 1, size: [4], filters: 1, kernel: [2] });
 * console.log(...computeLayer(layer, Float32Array.of(1, 2, 3, 4), Float32Array.of(10, 1)));
 * // → 12 23 34
 */
export function computeLayer(
  layer: LinearLayer,
  input: Values,
  weights: Values,
  bias?: Values | undefined,
): Float64Array {
  const shapes = shapesOf(layer);
  requireLength('input', input, count(shapes.input));
  requireLength('weights', weights, count(shapes.weights));
  const rows = shapes.weights[0]!;
  if (bias) requireLength('bias', bias, rows);
  const columns = count(shapes.weights) / rows;
  const positions = count(shapes.output.slice(2));
  const output = new Float64Array(count(shapes.output));
  const groups = layer.kind === 'convolution' ? layer.groups : 1;
  const rowsPerGroup = rows / groups;
  for (let image = 0; image < layer.batch; image++) {
    for (let group = 0; group < groups; group++) {
      const matrix =
        layer.kind === 'convolution'
          ? im2col(layer, input, image, group)
          : input.subarray(image * columns, (image + 1) * columns);
      for (let r = 0; r < rowsPerGroup; r++) {
        const row = group * rowsPerGroup + r;
        const to = (image * rows + row) * positions;
        if (bias) output.fill(bias[row]!, to, to + positions);
        for (let column = 0; column < columns; column++) {
          const weight = weights[row * columns + column]!;
          for (let p = 0; p < positions; p++) output[to + p]! += weight * matrix[column * positions + p]!;
        }
      }
    }
  }
  return output;
}

function requireLength(what: string, values: Values, expected: number): void {
  if (values.length !== expected) throw new LengthMismatchError(what, expected, values.length);
}

/** Returns the coordinates of a flat index, outermost axis first. */
function unravel(index: number, shape: readonly number[]): number[] {
  const coordinates = new Array<number>(shape.length);
  let rest = index;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    coordinates[axis] = rest % shape[axis]!;
    rest = Math.floor(rest / shape[axis]!);
  }
  return coordinates;
}
