/** Every attribute of the linear operators, as exporters write them. */
import type { Attribute, Model } from '@sparewheel/onnx';
import { floats, node, value } from '@sparewheel/onnx/testing';
import { describe, it } from 'vitest';
import { expectSameDivided, exported, int, ints, real, result, text } from './testing/exported.ts';

/** Builds a model with one layer; `w` is its constant. */
const layer = (
  op: string,
  dims: readonly number[],
  weights: readonly number[],
  attributes: readonly Attribute[],
  bias?: number,
): Model =>
  exported(
    [value('x', [...dims])],
    [floats('w', [...weights]), ...(bias === undefined ? [] : [floats('b', [bias])])],
    [
      node(op, ['x', 'w', ...(bias === undefined ? [] : ['b'])], ['h'], [...attributes]),
      // A grouped layer needs a later node whose step unfolds the groups.
      node('Relu', ['h'], ['y']),
    ],
    [result('y')],
  );

const gemm = (x: readonly number[], c: readonly number[], ...attributes: Attribute[]): Model =>
  exported(
    [value('x', [...x])],
    [floats('w', [6, 10]), floats('c', [...c])],
    [node('Gemm', ['x', 'w', 'c'], ['y'], attributes)],
    [result('y')],
  );

/** Models, with the number of distributed layers. */
const LAYERS: Readonly<Record<string, readonly [Model, number]>> = {
  'a 1-D convolution with stride, dilation and groups': [
    layer('Conv', [1, 6, 40], [12, 3, 5], [ints('strides', 2), ints('dilations', 2), int('group', 2)], 12),
    1,
  ],
  'a 1-D convolution padded on one side': [layer('Conv', [2, 4, 15], [7, 4, 3], [ints('pads', 2, 0)], 7), 1],
  'a convolution with auto_pad SAME_UPPER': [
    layer('Conv', [1, 3, 9, 7], [8, 3, 4, 3], [text('auto_pad', 'SAME_UPPER'), ints('strides', 2, 2)]),
    1,
  ],
  'a convolution with auto_pad SAME_LOWER': [
    layer('Conv', [1, 3, 9, 7], [8, 3, 4, 3], [text('auto_pad', 'SAME_LOWER')], 8),
    1,
  ],
  'a 3-D convolution with uneven strides and groups': [
    layer(
      'Conv',
      [1, 4, 6, 8, 8],
      [10, 2, 3, 3, 3],
      [ints('strides', 1, 2, 2), ints('pads', 1, 1, 1, 1, 1, 1), int('group', 2)],
      10,
    ),
    1,
  ],
  'a transposed convolution with output padding and groups': [
    layer(
      'ConvTranspose',
      [1, 6, 5, 4],
      [6, 5, 3, 3],
      [ints('strides', 2, 2), ints('pads', 1, 1, 1, 1), ints('output_padding', 1, 1), int('group', 3)],
      15,
    ),
    1,
  ],
  'a transposed 1-D convolution with dilation and output padding': [
    layer(
      'ConvTranspose',
      [2, 4, 9],
      [4, 6, 3],
      [ints('strides', 3), ints('dilations', 2), ints('output_padding', 2)],
      6,
    ),
    1,
  ],
  'a transposed convolution with an output shape': [
    layer('ConvTranspose', [1, 3, 5, 5], [3, 8, 3, 3], [ints('strides', 2, 2), ints('output_shape', 10, 10)]),
    1,
  ],
  'a transposed convolution with auto_pad': [
    layer(
      'ConvTranspose',
      [1, 3, 5, 5],
      [3, 8, 3, 3],
      [ints('strides', 2, 2), text('auto_pad', 'SAME_LOWER')],
      8,
    ),
    1,
  ],
  'Gemm with a transposed input, alpha, beta and a column as addend': [
    gemm([6, 5], [5, 1], int('transA', 1), real('alpha', 0.5), real('beta', 2)),
    1,
  ],
  'Gemm with a scalar as addend': [gemm([3, 6], [], real('beta', 3)), 1],
  'Gemm with a row as addend': [gemm([3, 6], [1, 10], real('alpha', -2)), 1],
  'Gemm with a matrix as addend': [gemm([3, 6], [3, 10], real('beta', -1)), 1],
  'Gemm with a transposed constant on the left': [
    exported(
      [value('x', [7, 6])],
      [floats('w', [6, 9]), floats('c', [9, 1])],
      [node('Gemm', ['w', 'x', 'c'], ['y'], [int('transA', 1), int('transB', 1), real('alpha', 2)])],
      [result('y')],
    ),
    1,
  ],
  'MatMul with a constant on the left of a batch': [
    exported(
      [value('x', [3, 6, 4])],
      [floats('w', [9, 6])],
      [node('MatMul', ['w', 'x'], ['y'])],
      [result('y')],
    ),
    1,
  ],
  'MatMul of a vector with a matrix, and of a matrix with a vector': [
    exported(
      [value('x', [6])],
      [floats('w', [6, 9]), floats('v', [5, 9])],
      [node('MatMul', ['x', 'w'], ['h']), node('MatMul', ['v', 'h'], ['y'])],
      [result('y')],
    ),
    2,
  ],
};

describe('an exported layer gives the undivided result, healthy and with each device dead:', () => {
  it.each(Object.entries(LAYERS))('%s', (_, [graph, distributed]) => expectSameDivided(graph, distributed));
});
