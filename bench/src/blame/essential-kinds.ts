/** The essential case of each kind of model that led to blame of honest devices, built with the ONNX model builder. */
import { type Attribute, type ConstantTensor, DATA_TYPE, type Model, type ValueInfo } from '@sparewheel/onnx';
import { floats, graph, model, node, value } from '@sparewheel/onnx/testing';
import type { Tensor } from '@sparewheel/protocol';

export interface EssentialKind {
  readonly model: Model;
  readonly feeds: Readonly<Record<string, Tensor>>;
  /** The outputs are random. */
  readonly random?: boolean;
  /** The number of replicated stages; absent for a coded plan. */
  readonly replicated?: number;
}

const { int64, bool } = DATA_TYPE;
const float = (dims: readonly number[], data: readonly number[]): Tensor => ({
  type: 'float32',
  dims,
  data: Float32Array.from(data),
});
const longs = (dims: readonly number[], data: readonly number[]): Tensor => ({
  type: 'int64',
  dims,
  data: BigInt64Array.from(data, BigInt),
});
const wave = (count: number) => Array.from({ length: count }, (_, i) => Math.cos(1.7 * i));
const int = (name: string, number: number): Attribute => ({ name, kind: 'int', value: BigInt(number) });
const ints = (name: string, list: readonly number[]): Attribute => ({
  name,
  kind: 'ints',
  value: list.map(BigInt),
});
const constants = (name: string, dims: readonly number[], list: readonly number[]): ConstantTensor => ({
  name,
  dims,
  dataType: int64,
  storage: { kind: 'raw', bytes: new Uint8Array(BigInt64Array.from(list, BigInt).buffer) },
});
const result = (name: string, dataType: number = DATA_TYPE.float32): ValueInfo => ({
  name,
  type: { kind: 'tensor', dataType },
});

const THRESHOLD = model({
  inputs: [value('x', [8])],
  initializers: [floats('limit', [], [5]), constants('axis', [1], [1]), floats('w', [1, 6])],
  nodes: [
    node('Greater', ['x', 'limit'], ['over']),
    node('NonZero', ['over'], ['found']),
    node('Transpose', ['found'], ['rows'], [ints('perm', [1, 0])]),
    node('GatherND', ['x', 'rows'], ['values']),
    node('Unsqueeze', ['values', 'axis'], ['column']),
    node('MatMul', ['column', 'w'], ['y']),
  ],
  outputs: [result('y')],
});

/** Inputs decide a shape, which no trial input can find out. */
export const DECIDED_SHAPES: Readonly<Record<string, EssentialKind>> = {
  'a length is an input': {
    model: model({
      inputs: [value('x', [1, 10, 8]), value('length', [1], int64)],
      initializers: [constants('start', [1], [0]), constants('axis', [1], [1]), floats('w', [8, 8])],
      nodes: [node('Slice', ['x', 'start', 'length', 'axis'], ['s']), node('MatMul', ['s', 'w'], ['y'])],
      outputs: [result('y')],
    }),
    feeds: { x: float([1, 10, 8], wave(80)), length: longs([1], [5]) },
  },
  'a threshold selects rows': { model: THRESHOLD, feeds: { x: float([8], [9, 1, 7, 2, 8, 3, 6, 0]) } },
  'a threshold selects no row': { model: THRESHOLD, feeds: { x: float([8], [1, 2, 3, 4, 1, 2, 3, 4]) } },
  'a mask selects rows': {
    model: model({
      inputs: [value('x', [6, 2]), value('keep', [6], bool)],
      nodes: [node('Compress', ['x', 'keep'], ['kept'], [int('axis', 0)]), node('Exp', ['kept'], ['y'])],
      outputs: [result('y')],
    }),
    feeds: {
      x: float([6, 2], wave(12)),
      keep: { type: 'bool', dims: [6], data: Uint8Array.of(1, 0, 1, 1, 0, 0) },
    },
  },
  'a rate selects a branch': {
    model: model({
      inputs: [value('x', [1, 64]), value('rate', [], int64)],
      initializers: [
        constants('usual', [], [16_000]),
        constants('wide', [2], [8, 8]),
        constants('narrow', [2], [4, 16]),
        floats('w', [1, 8]),
      ],
      nodes: [
        node('Equal', ['rate', 'usual'], ['same']),
        node(
          'If',
          ['same'],
          ['frames'],
          [
            {
              name: 'then_branch',
              kind: 'graph',
              value: graph({ nodes: [node('Reshape', ['x', 'wide'], ['t'])], outputs: [result('t')] }),
            },
            {
              name: 'else_branch',
              kind: 'graph',
              value: graph({ nodes: [node('Reshape', ['x', 'narrow'], ['e'])], outputs: [result('e')] }),
            },
          ],
        ),
        node('ReduceMean', ['frames'], ['mean'], [ints('axes', [-1]), int('keepdims', 1)]),
        node('MatMul', ['mean', 'w'], ['y']),
      ],
      outputs: [result('y')],
    }),
    feeds: { x: float([1, 64], wave(64)), rate: longs([], [16_000]) },
  },
  'the number of distinct values is a size': {
    model: model({
      inputs: [value('ids', [6], int64)],
      initializers: [floats('table', [10, 8]), floats('w', [8, 8])],
      nodes: [
        node('Unique', ['ids'], ['unique', '', '', '']),
        node('Gather', ['table', 'unique'], ['rows']),
        node('MatMul', ['rows', 'w'], ['y']),
      ],
      outputs: [result('y')],
    }),
    feeds: { ids: longs([6], [3, 3, 5, 1, 1, 9]) },
  },
};

/** Values that correct devices can give, although they differ or are not finite. */
export const UNUSUAL_VALUES: Readonly<Record<string, EssentialKind>> = {
  'a mask is -∞ between two stages': {
    model: model({
      inputs: [value('x', [1, 8]), value('mask', [1, 8], int64)],
      initializers: [floats('zero', [], [0]), floats('never', [], [Number.NEGATIVE_INFINITY])],
      nodes: [
        node('Cast', ['mask'], ['visible'], [int('to', bool)]),
        node('Where', ['visible', 'zero', 'never'], ['bias']),
        node('Sigmoid', ['x'], ['scores']),
        node('Add', ['scores', 'bias'], ['masked']),
        node('Softmax', ['masked'], ['y'], [int('axis', -1)]),
      ],
      outputs: [result('y')],
    }),
    feeds: { x: float([1, 8], wave(8)), mask: longs([1, 8], [1, 1, 1, 1, 1, 0, 0, 0]) },
    replicated: 2,
  },
  'a linear layer gives -∞': {
    model: model({
      inputs: [value('x', [1, 4])],
      initializers: [floats('w', [4, 6], Array(24).fill(1))],
      nodes: [node('Log', ['x'], ['logs']), node('MatMul', ['logs', 'w'], ['y'])],
      outputs: [result('y')],
    }),
    feeds: { x: float([1, 4], [1, 2, 0, 3]) },
  },
  'values are random': {
    model: model({
      inputs: [value('x', [1, 16])],
      nodes: [node('RandomNormalLike', ['x'], ['noise']), node('Add', ['x', 'noise'], ['y'])],
      outputs: [result('y')],
    }),
    feeds: { x: float([1, 16], wave(16)) },
    random: true,
    replicated: 1,
  },
  'an input is called constructor': {
    model: model({
      inputs: [value('constructor', [1, 4])],
      initializers: [floats('w', [4, 6])],
      nodes: [node('MatMul', ['constructor', 'w'], ['y'])],
      outputs: [result('y')],
    }),
    feeds: { constructor: float([1, 4], [1, 2, 3, 4]) } as unknown as EssentialKind['feeds'],
  },
  'a near tie decides an index': {
    model: model({
      inputs: [value('x', [1, 64])],
      initializers: [floats('w', [64, 1024]), constants('count', [1], [1])],
      nodes: [
        node('MatMul', ['x', 'w'], ['scores']),
        node('Softmax', ['scores'], ['p'], [int('axis', -1)]),
        node('TopK', ['p', 'count'], ['largest', 'y'], [int('axis', -1)]),
      ],
      outputs: [result('y', int64)],
    }),
    feeds: {
      x: float(
        [1, 64],
        wave(64).map((each) => 1e-4 * each),
      ),
    },
  },
};
