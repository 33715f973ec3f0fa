import { InvalidArgumentError, LengthMismatchError } from '../errors.ts';
import { requireCount } from '../partition.ts';

/** A layer y[batch, outputs] = x[batch, inputs] · W[outputs, inputs]ᵀ + b. [paper eq. 2, 3] */
export interface FullyConnected {
  readonly kind: 'fully-connected';
  readonly batch: number;
  readonly inputs: number;
  readonly outputs: number;
}

/**
 * A convolution over 1 to 3 spatial axes, with input [batch, channels, …size] and weights
 * [filters, channels / groups, …kernel].
 */
export interface Convolution {
  readonly kind: 'convolution';
  readonly batch: number;
  readonly channels: number;
  /** Spatial size of the input. */
  readonly size: readonly number[];
  readonly filters: number;
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly padsBegin: readonly number[];
  readonly padsEnd: readonly number[];
  readonly dilations: readonly number[];
  readonly groups: number;
}

export type LinearLayer = FullyConnected | Convolution;

export type Values = Float32Array | Float64Array;

/**
 * Describes a fully-connected layer.
 * @throws {InvalidArgumentError} a count below 1
 */
export function fullyConnected(layer: { inputs: number; outputs: number; batch?: number }): FullyConnected {
  const { inputs, outputs, batch = 1 } = layer;
  requireCount('inputs', inputs, 1);
  requireCount('outputs', outputs, 1);
  requireCount('batch', batch, 1);
  return { kind: 'fully-connected', batch, inputs, outputs };
}

/**
 * Describes a convolution. Defaults: batch, strides, dilations and groups 1; padding 0.
 * @throws {InvalidArgumentError} a size out of range, or shapes that do not match
 * @throws {LengthMismatchError} a list without one entry per spatial axis
 * @example
 * const layer = convolution({ channels: 3, size: [8, 8], filters: 4, kernel: [3, 3], strides: [2, 2] });
 * console.log(outputSize(layer));
 * // → [ 3, 3 ]
 */
export function convolution(
  layer: Pick<Convolution, 'channels' | 'size' | 'filters' | 'kernel'> &
    Partial<Omit<Convolution, 'kind' | 'channels' | 'size' | 'filters' | 'kernel'>>,
): Convolution {
  const rank = layer.size.length;
  if (rank < 1 || rank > 3) throw new InvalidArgumentError('size', layer.size, '1 to 3 spatial axes');
  const per = (value: number) => new Array<number>(rank).fill(value);
  const full: Convolution = {
    kind: 'convolution',
    batch: layer.batch ?? 1,
    channels: layer.channels,
    size: layer.size,
    filters: layer.filters,
    kernel: layer.kernel,
    strides: layer.strides ?? per(1),
    padsBegin: layer.padsBegin ?? per(0),
    padsEnd: layer.padsEnd ?? per(0),
    dilations: layer.dilations ?? per(1),
    groups: layer.groups ?? 1,
  };
  for (const [name, minimum] of [
    ['size', 1],
    ['kernel', 1],
    ['strides', 1],
    ['dilations', 1],
    ['padsBegin', 0],
    ['padsEnd', 0],
  ] as const) {
    if (full[name].length !== rank) throw new LengthMismatchError(name, rank, full[name].length);
    for (const [axis, value] of full[name].entries()) requireCount(`${name}[${axis}]`, value, minimum);
  }
  for (const name of ['batch', 'channels', 'filters', 'groups'] as const) requireCount(name, full[name], 1);
  for (const name of ['channels', 'filters'] as const) {
    if (full[name] % full.groups !== 0) {
      throw new InvalidArgumentError(name, full[name], `a multiple of the ${full.groups} groups`);
    }
  }
  for (const [axis, size] of outputSize(full).entries()) {
    if (size < 1) {
      throw new InvalidArgumentError(
        `kernel[${axis}]`,
        full.kernel[axis],
        'a kernel no larger than the padded input',
      );
    }
  }
  return full;
}

/** Returns the output size per axis: ⌊(i + p − d(f − 1) − 1) / s⌋ + 1. The paper's formula lacks the + 1. */
export function outputSize(layer: Convolution): number[] {
  return layer.size.map((size, axis) => {
    const window = layer.dilations[axis]! * (layer.kernel[axis]! - 1) + 1;
    const room = size + layer.padsBegin[axis]! + layer.padsEnd[axis]! - window;
    return Math.floor(room / layer.strides[axis]!) + 1;
  });
}

/** Returns the shapes of a layer's tensors, outermost axis first. The bias has one element per output row. */
export function shapesOf(layer: LinearLayer): {
  readonly input: readonly number[];
  readonly weights: readonly number[];
  readonly output: readonly number[];
} {
  if (layer.kind === 'fully-connected') {
    const { batch, inputs, outputs } = layer;
    return { input: [batch, inputs], weights: [outputs, inputs], output: [batch, outputs] };
  }
  return {
    input: [layer.batch, layer.channels, ...layer.size],
    weights: [layer.filters, layer.channels / layer.groups, ...layer.kernel],
    output: [layer.batch, layer.filters, ...outputSize(layer)],
  };
}

/** The computation, memory and traffic of a layer on one device. */
export interface Cost {
  readonly multiplyAdds: number;
  /** float32, without the bias. */
  readonly weightsBytes: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
}

export function costOf(layer: LinearLayer): Cost {
  const { input, weights, output } = shapesOf(layer);
  return {
    // Each output element takes one row of the weights.
    multiplyAdds: (count(output) * count(weights)) / weights[0]!,
    weightsBytes: 4 * count(weights),
    inputBytes: 4 * count(input),
    outputBytes: 4 * count(output),
  };
}

/** Returns the number of elements of a tensor. */
export function count(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
