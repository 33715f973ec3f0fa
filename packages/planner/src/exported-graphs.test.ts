/** Graphs as exporters write them: computed shapes, values used twice, bodies that read outer values. */
import { DATA_TYPE, type Model } from '@sparewheel/onnx';
import { floats, node, value } from '@sparewheel/onnx/testing';
import { describe, it } from 'vitest';
import { body, expectSameDivided, exported, int, int64s, ints, real, result } from './testing/exported.ts';

/** Graphs, with the number of distributed layers. */
const GRAPHS: Readonly<Record<string, readonly [Model, number]>> = {
  'a result that is an output and is also read by other nodes': [
    exported(
      [value('x', [1, 3, 8, 8])],
      [floats('w', [8, 3, 3, 3]), floats('v', [6, 8, 1, 1])],
      [
        node('Conv', ['x', 'w'], ['features']),
        node('Relu', ['features'], ['r']),
        node('Conv', ['r', 'v'], ['y']),
        node('GlobalAveragePool', ['features'], ['pooled']),
      ],
      [result('features'), result('y'), result('pooled'), result('r')],
    ),
    2,
  ],
  'the same weights for two inputs': [
    exported(
      [value('left', [1, 3, 8, 8]), value('right', [1, 3, 8, 8])],
      [floats('w', [8, 3, 3, 3]), floats('b', [8])],
      [
        node('Conv', ['left', 'w', 'b'], ['l']),
        node('Conv', ['right', 'w', 'b'], ['r']),
        node('Sub', ['l', 'r'], ['y']),
      ],
      [result('y')],
    ),
    2,
  ],
  'BatchNormalization after a convolution, and LayerNormalization (opset 17)': [
    exported(
      [value('x', [1, 4, 6, 6])],
      [
        floats('w', [8, 4, 3, 3]),
        floats('scale', [8]),
        floats('shift', [8]),
        floats('mean', [8]),
        floats('variance', [8], [1, 2, 3, 4, 5, 6, 7, 8]),
        floats('gain', [4]),
        floats('offset', [4]),
      ],
      [
        node('Conv', ['x', 'w'], ['c']),
        node('BatchNormalization', ['c', 'scale', 'shift', 'mean', 'variance'], ['n']),
        node('LayerNormalization', ['n', 'gain', 'offset'], ['y'], [int('axis', -1)]),
      ],
      [result('y')],
    ),
    1,
  ],
  'a shape computed from the input’s shape, as tracing exports it': [
    exported(
      [value('x', [2, 3, 6, 6])],
      [
        floats('w', [8, 3, 3, 3]),
        floats('v', [10, 128]),
        floats('b', [10]),
        int64s('zero', 0),
        int64s('rest', -1),
      ],
      [
        node('Conv', ['x', 'w'], ['c']),
        node('Shape', ['c'], ['shape']),
        node('Gather', ['shape', 'zero'], ['batch'], [int('axis', 0)]),
        node('Concat', ['batch', 'rest'], ['flat'], [int('axis', 0)]),
        node('Reshape', ['c', 'flat'], ['f']),
        node('Gemm', ['f', 'v', 'b'], ['y'], [int('transB', 1)]),
      ],
      [result('y')],
    ),
    2,
  ],
  'Constant nodes with every kind of value': [
    exported(
      [value('x', [2, 4])],
      [floats('w', [4, 8])],
      [
        node('Constant', [], ['half'], [real('value_float', 0.5)]),
        node('Constant', [], ['row'], [{ name: 'value_floats', kind: 'floats', value: [1, 2, 3, 4] }]),
        node('Constant', [], ['axes'], [ints('value_ints', 0)]),
        node('Mul', ['x', 'half'], ['a']),
        node('Add', ['a', 'row'], ['s']),
        node('MatMul', ['s', 'w'], ['h']),
        node('Unsqueeze', ['h', 'axes'], ['y']),
      ],
      [result('y')],
    ),
    1,
  ],
  'weights computed from constants': [
    exported(
      [value('x', [2, 4])],
      [floats('raw', [8, 4]), floats('gain', [8, 1])],
      [
        node('Mul', ['raw', 'gain'], ['scaled']),
        node('Transpose', ['scaled'], ['w'], [ints('perm', 1, 0)]),
        node('MatMul', ['x', 'w'], ['y']),
      ],
      [result('y')],
    ),
    1,
  ],
  'an If whose branches read a distributed layer’s result and contain layers': [
    exported(
      [value('x', [1, 3, 8, 8]), value('choice', [1], DATA_TYPE.bool)],
      [floats('w', [8, 3, 3, 3]), floats('v', [6, 8, 3, 3]), floats('u', [4, 6, 1, 1])],
      [
        node('Conv', ['x', 'w'], ['c']),
        node(
          'If',
          ['choice'],
          ['i'],
          [
            body('then_branch', { nodes: [node('Conv', ['c', 'v'], ['t'])], outputs: [result('t')] }),
            body('else_branch', {
              nodes: [node('Abs', ['c'], ['a']), node('Conv', ['a', 'v'], ['e'])],
              outputs: [result('e')],
            }),
          ],
        ),
        node('Conv', ['i', 'u'], ['y']),
      ],
      [result('y')],
    ),
    2,
  ],
  'a Loop whose body reads a distributed layer’s result': [
    exported(
      [value('x', [2, 4])],
      [floats('w', [4, 8]), floats('v', [8, 6]), { ...int64s('trips', 3), dims: [] }],
      [
        node('MatMul', ['x', 'w'], ['h']),
        node('Relu', ['h'], ['start']),
        node(
          'Loop',
          ['trips', '', 'start'],
          ['last', 'all'],
          [
            body('body', {
              inputs: [
                value('i', [], DATA_TYPE.int64),
                value('go', [], DATA_TYPE.bool),
                value('state', [2, 8]),
              ],
              nodes: [
                node('Identity', ['go'], ['on']),
                node('Add', ['state', 'h'], ['next']),
                node('Neg', ['next'], ['seen']),
              ],
              outputs: [value('on', [], DATA_TYPE.bool), value('next', [2, 8]), value('seen', [2, 8])],
            }),
          ],
        ),
        node('MatMul', ['last', 'v'], ['y']),
      ],
      [result('y'), result('all')],
    ),
    2,
  ],
  'unused results': [
    exported(
      [value('x', [1, 3, 8, 8])],
      [floats('w', [8, 3, 3, 3])],
      [
        node('Conv', ['x', 'w'], ['c']),
        node('MaxPool', ['c'], ['p', 'where'], [ints('kernel_shape', 2, 2)]),
        node('Dropout', ['p'], ['d', '']),
        node('Abs', ['c'], ['unused']),
        node('Relu', ['d'], ['y']),
      ],
      [result('y')],
    ),
    1,
  ],
  'int64 values across a distributed layer': [
    exported(
      [value('x', [1, 3, 8, 8])],
      [floats('w', [8, 3, 3, 3])],
      [
        node('Conv', ['x', 'w'], ['c']),
        node('ArgMax', ['x'], ['best'], [int('axis', 1), int('keepdims', 0)]),
        node('Cast', ['best'], ['bestReal'], [int('to', DATA_TYPE.float32)]),
        node('ReduceSum', ['bestReal'], ['sum'], [int('keepdims', 0)]),
        node('Add', ['c', 'sum'], ['y']),
      ],
      [result('y'), result('best', DATA_TYPE.int64)],
    ),
    1,
  ],
};

describe('an exported graph gives the undivided result, healthy and with each device dead:', () => {
  it.each(Object.entries(GRAPHS))('%s', (_, [graph, distributed]) => expectSameDivided(graph, distributed));
});
