import { partitionRows } from '../partition.ts';
import { sliceAxis } from './axis.ts';
import { type FullyConnected, fullyConnected, shapesOf } from './layer.ts';
import type { Share } from './share.ts';

/** Output splitting: rows of W; every device needs all of the input. [paper fig. 5a, 6] */
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

/** Input splitting: columns of W and the inputs that go with them; partial sums. [paper fig. 5b, 7, eq. 13, 14] */
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
