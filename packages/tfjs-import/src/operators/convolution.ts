import { invalid, unsupported } from '../errors.ts';
import { type Emitter, firstValue } from '../tensors/emitter.ts';
import type { Known, Value } from '../tensors/value.ts';
import { addBias } from './elementwise.ts';
import { type Window, windowOver } from './window.ts';

export interface ConvolutionOptions extends Omit<Window, 'kernel'> {
  readonly name: string;
  readonly bias?: Value | undefined;
  /** The filter has the axes [..., channels, multiplier], and each channel is convolved alone. */
  readonly depthwise?: boolean;
}

/**
 * Adds a convolution over one to three spatial axes.
 * @param input  [batch, ...spatial, channels]
 * @param filter  [...spatial, channels, filters]; transposed at the conversion
 */
export function convolution(
  emitter: Emitter,
  input: Value,
  filter: Value,
  options: ConvolutionOptions,
): Value {
  const { name, bias, depthwise = false, strides, dilations, padding } = options;
  const { rank, shape, kernel } = checkShapes(input, filter, strides, dilations, name);
  const [channelsOfFilter, last] = [shape[rank - 2]!, shape[rank - 1]!];
  const channels = input.dims![rank - 1] ?? (depthwise ? channelsOfFilter : null);
  const spatialAxes = kernel.map((_, axis) => axis);
  const outputs = depthwise ? channelsOfFilter * last : last;
  let group = 1;
  let weights: string;
  if (depthwise) {
    group = channelsOfFilter;
    const order = [rank - 2, rank - 1, ...spatialAxes];
    weights = reordered(emitter, filter, order, `${name}/filter`, [outputs, 1, ...kernel]);
  } else {
    // TensorFlow has no number of groups: it follows from the shapes.
    if (channels !== null && channelsOfFilter > 0) group = channels / channelsOfFilter;
    weights = reordered(emitter, filter, [rank - 1, rank - 2, ...spatialAxes], `${name}/filter`);
  }
  if (!Number.isInteger(group) || group < 1 || (depthwise && channels !== channelsOfFilter)) {
    throw invalid(
      `the filter of the convolution "${name}" has ${channelsOfFilter} channels, but its input has ${channels}`,
    );
  }
  const { attributes, sizes } = windowOver(input.dims!.slice(1, -1), { kernel, strides, dilations, padding });
  const inputs = [emitter.first(input), weights];
  const fusedBias = bias && isVector(bias, outputs) ? bias : undefined;
  if (fusedBias) inputs.push(emitter.last(fusedBias));
  const result = emitter.node('Conv', inputs, { ...attributes, group }, name);
  const value = firstValue(result, 'float32', [input.dims![0]!, ...sizes, outputs]);
  return bias && !fusedBias ? addBias(emitter, value, bias, `${name}/bias`) : value;
}

/**
 * Adds a transposed convolution.
 * @param filter  [...spatial, filters, channels]
 * @param outputSizes  sizes of the result's spatial axes; null for input size × stride
 */
export function transposedConvolution(
  emitter: Emitter,
  input: Value,
  filter: Value,
  outputSizes: readonly Known[],
  options: Omit<ConvolutionOptions, 'depthwise'>,
): Value {
  const { name, bias, strides, dilations, padding } = options;
  const { rank, shape, kernel } = checkShapes(input, filter, strides, dilations, name);
  if (padding !== 'same' && padding !== 'valid') throw unsupported(`the explicit padding of node "${name}"`);
  const spatial = input.dims!.slice(1, -1);
  const before: number[] = [];
  const after: number[] = [];
  const extra: number[] = [];
  const sizes: Known[] = [];
  for (const [axis, size] of spatial.entries()) {
    const stride = strides[axis]!;
    const extent = (kernel[axis]! - 1) * dilations[axis]! + 1;
    const wanted = outputSizes[axis] ?? null;
    if (size === null && wanted !== null) throw unsupported(`the free size of the input of node "${name}"`);
    // The sizes of the full result minus those of the wanted result.
    const usual = padding === 'same' ? extent - stride : Math.min(0, extent - stride);
    const surplus = size !== null && wanted !== null ? (size - 1) * stride + extent - wanted : usual;
    const total = padding === 'same' ? Math.max(0, surplus) : 0;
    before.push(total >> 1);
    after.push(total - (total >> 1));
    extra.push(Math.max(0, -surplus));
    sizes.push(
      wanted ?? (size === null ? null : (size - 1) * stride + extent - total + Math.max(0, -surplus)),
    );
  }
  const spatialAxes = kernel.map((_, axis) => axis);
  const weights = reordered(emitter, filter, [rank - 1, rank - 2, ...spatialAxes], `${name}/filter`);
  const inputs = [emitter.first(input), weights];
  const outputs = shape[rank - 2]!;
  const fusedBias = bias && isVector(bias, outputs) ? bias : undefined;
  if (fusedBias) inputs.push(emitter.last(fusedBias));
  const attributes = {
    kernel_shape: kernel,
    strides,
    dilations,
    pads: [...before, ...after],
    output_padding: extra,
  };
  const result = emitter.node('ConvTranspose', inputs, attributes, name);
  const value = firstValue(result, 'float32', [input.dims![0]!, ...sizes, outputs]);
  return bias && !fusedBias ? addBias(emitter, value, bias, `${name}/bias`) : value;
}

function checkShapes(
  input: Value,
  filter: Value,
  strides: readonly number[],
  dilations: readonly number[],
  name: string,
): { rank: number; shape: readonly number[]; kernel: readonly number[] } {
  const rank = input.dims?.length;
  const shape = filter.dims;
  if (rank === undefined || rank < 3 || rank > 5 || shape?.length !== rank || shape.includes(null)) {
    throw invalid(`the convolution "${name}" has an input or a filter of unknown or wrong rank`);
  }
  for (const list of [strides, dilations]) {
    if (list.length !== rank - 2 || !list.every((step) => Number.isSafeInteger(step) && step > 0)) {
      throw invalid(`the convolution "${name}" has the invalid strides or dilations [${list.join(', ')}]`);
    }
  }
  return { rank, shape: shape as readonly number[], kernel: shape.slice(0, -2) as readonly number[] };
}

/** Returns the filter in ONNX's order: a transposed constant, or a Transpose node if it is computed. */
function reordered(
  emitter: Emitter,
  filter: Value,
  order: readonly number[],
  name: string,
  dims?: readonly number[],
): string {
  if (filter.constant) return emitter.initializer(filter, order, name, dims);
  const transposed = emitter.node('Transpose', [emitter.last(filter)], { perm: order }, name);
  return dims ? emitter.node('Reshape', [transposed, emitter.ints(dims)], {}, name) : transposed;
}

function isVector(value: Value, length: number): boolean {
  return value.dims?.length === 1 && value.dims[0] === length;
}
