import { InvalidArgumentError } from '../errors.ts';
import { partitionRows } from '../partition.ts';
import { sliceAxis } from './axis.ts';
import {
  type Convolution,
  convolution,
  count,
  type FullyConnected,
  fullyConnected,
  type LinearLayer,
  outputSize,
  shapesOf,
} from './layer.ts';

/**
 * One device's part of a split: a smaller layer of the same kind, on part of the input with part of the
 * weights.
 */
export interface Share {
  /** The device's own layer. `computeLayer` computes its output. */
  readonly layer: LinearLayer;
  /** Identifies the part of the input. Shares with equal keys use the same input. */
  readonly inputKey: string;
  takeInput(input: Float32Array): Float32Array;
  takeWeights(weights: Float32Array): Float32Array;
  /** Returns undefined if the bias is added after the merge. */
  takeBias(bias: Float32Array): Float32Array | undefined;
  /**
   * Position of the device's output along the split axis; undefined if it is a partial sum of the whole
   * output.
   */
  readonly output: { readonly axis: number; readonly start: number; readonly size: number } | undefined;
}

/** Output splitting: each device has some rows of W and needs the whole input. [paper fig. 5a, 6] */
export function outputShares(layer: FullyConnected, k: number): Share[] {
  const shapes = shapesOf(layer);
  return partitionRows(layer.outputs, k).blocks.map(({ start, rows }) => ({
    layer: fullyConnected({ ...layer, outputs: rows }),
    inputKey: 'all',
    takeInput: (input) => input,
    takeWeights: (weights) => sliceAxis(weights, shapes.weights, 0, start, rows),
    takeBias: (bias) => bias.slice(start, start + rows),
    output: { axis: 1, start, size: rows },
  }));
}

/**
 * Input splitting: each device has some columns of W with their inputs, and computes partial sums.
 * [paper fig. 5b, 7, eq. 13, 14]
 */
export function inputShares(layer: FullyConnected, k: number): Share[] {
  const shapes = shapesOf(layer);
  return partitionRows(layer.inputs, k).blocks.map(({ start, rows: size }) => ({
    layer: fullyConnected({ ...layer, inputs: size }),
    inputKey: `inputs ${start} to ${start + size}`,
    takeInput: (input) => sliceAxis(input, shapes.input, 1, start, size),
    takeWeights: (weights) => sliceAxis(weights, shapes.weights, 1, start, size),
    takeBias: () => undefined,
    output: undefined,
  }));
}

/**
 * Channel splitting: each device has some filters. [paper fig. 8] In a grouped convolution a device needs
 * only the channels of its filters' groups. If its filters cover a group only partly, its layer is an
 * ungrouped convolution over the union of the channels, with zero weights for the channels that a filter does
 * not use.
 */
export function channelShares(layer: Convolution, k: number): Share[] {
  const shapes = shapesOf(layer);
  const channelsPerGroup = layer.channels / layer.groups;
  const filtersPerGroup = layer.filters / layer.groups;
  const taps = count(layer.kernel);
  return partitionRows(layer.filters, k).blocks.map(({ start, rows }) => {
    const firstGroup = Math.floor(start / filtersPerGroup);
    const endGroup = Math.ceil((start + rows) / filtersPerGroup);
    const groups = endGroup - firstGroup;
    const whole = rows === groups * filtersPerGroup;
    const channels = groups * channelsPerGroup;
    const firstChannel = firstGroup * channelsPerGroup;
    return {
      layer: convolution({ ...layer, channels, filters: rows, groups: whole ? groups : 1 }),
      inputKey: groups === layer.groups ? 'all' : `channels ${firstChannel} to ${firstChannel + channels}`,
      takeInput: (input) => sliceAxis(input, shapes.input, 1, firstChannel, channels),
      takeWeights: (weights) => {
        const own = sliceAxis(weights, shapes.weights, 0, start, rows);
        if (whole || groups === 1) return own;
        const row = channelsPerGroup * taps;
        const spread = new Float32Array(rows * channels * taps);
        for (let i = 0; i < rows; i++) {
          const group = Math.floor((start + i) / filtersPerGroup) - firstGroup;
          spread.set(own.subarray(i * row, (i + 1) * row), i * channels * taps + group * row);
        }
        return spread;
      },
      takeBias: (bias) => bias.slice(start, start + rows),
      output: { axis: 1, start, size: rows },
    };
  });
}

/**
 * Spatial splitting: each device computes a strip of the output. It needs all filters and the strip of the
 * input below it, including the halo of the kernel. [paper fig. 9]
 */
export function spatialShares(layer: Convolution, k: number, axis: number): Share[] {
  if (!Number.isInteger(axis) || axis < 0 || axis >= layer.size.length) {
    throw new InvalidArgumentError('axis', axis, `a spatial axis in [0, ${layer.size.length})`);
  }
  const shapes = shapesOf(layer);
  return partitionRows(outputSize(layer)[axis]!, k).blocks.map(({ start, rows }) => {
    const strip = inputStrip(layer, axis, start, rows);
    return {
      layer: convolution({
        ...layer,
        size: layer.size.with(axis, strip.size),
        padsBegin: layer.padsBegin.with(axis, strip.padBegin),
        padsEnd: layer.padsEnd.with(axis, strip.padEnd),
      }),
      inputKey: `axis ${axis} from ${strip.start} to ${strip.start + strip.size}, output from ${start}`,
      takeInput: (input) => sliceAxis(input, shapes.input, 2 + axis, strip.start, strip.size),
      takeWeights: (weights) => weights,
      takeBias: (bias) => bias,
      output: { axis: 2 + axis, start, size: rows },
    };
  });
}

/** Returns the input strip below the outputs `[start, start + rows)` of one axis, with its own padding. */
function inputStrip(
  layer: Convolution,
  axis: number,
  start: number,
  rows: number,
): { start: number; size: number; padBegin: number; padEnd: number } {
  const size = layer.size[axis]!;
  const stride = layer.strides[axis]!;
  const reach = layer.dilations[axis]! * (layer.kernel[axis]! - 1) + 1;
  const from = start * stride - layer.padsBegin[axis]!;
  const to = (start + rows - 1) * stride - layer.padsBegin[axis]! + reach;
  const first = Math.min(Math.max(from, 0), size - 1);
  const end = Math.max(Math.min(to, size), first + 1);
  if (first < from || end > to) {
    throw new InvalidArgumentError(
      'padsBegin, padsEnd',
      `${layer.padsBegin[axis]}, ${layer.padsEnd[axis]}`,
      `padding narrow enough that outputs ${start} to ${start + rows} use some of the input`,
    );
  }
  return { start: first, size: end - first, padBegin: first - from, padEnd: to - end };
}

/**
 * Filter splitting: each device has some input channels of every group and the matching part of every filter.
 * It computes partial sums of the whole output. [paper fig. 10]
 */
export function filterShares(layer: Convolution, k: number): Share[] {
  const shapes = shapesOf(layer);
  const channelsPerGroup = layer.channels / layer.groups;
  const grouped = [layer.batch, layer.groups, channelsPerGroup, ...layer.size];
  return partitionRows(channelsPerGroup, k).blocks.map(({ start, rows: size }) => ({
    layer: convolution({ ...layer, channels: size * layer.groups }),
    inputKey: `channels ${start} to ${start + size} of each group`,
    takeInput: (input) => sliceAxis(input, grouped, 2, start, size),
    takeWeights: (weights) => sliceAxis(weights, shapes.weights, 1, start, size),
    takeBias: () => undefined,
    output: undefined,
  }));
}
