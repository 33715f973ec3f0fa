/** Each operator of graph models against TensorFlow.js. */
import { describe, expect, it, test } from 'vitest';
import {
  convert,
  type Feed,
  onnxOutputs,
  randomFeed,
  relativeError,
  tfjsOutputs,
} from '../testing/compare.ts';
import {
  attr,
  constant,
  floats,
  type GraphParts,
  graphFiles,
  ints,
  node,
  placeholder,
} from '../testing/graph.ts';

const TOLERANCE = 1e-5;
const random = (seed: number, dims: readonly number[]) => floats(dims, randomFeed(seed, dims).data);

async function errorOf(parts: GraphParts, feeds: readonly Feed[]): Promise<number> {
  const files = graphFiles(parts);
  const expected = await tfjsOutputs(files, feeds);
  const actual = await onnxOutputs(convert(files), feeds);
  return Math.max(...expected.map((output, index) => relativeError(actual[index]!, output)));
}

type Case = readonly [
  name: string,
  inputs: readonly (readonly number[])[],
  parts: () => Omit<GraphParts, 'inputs'>,
];

const image = [2, 7, 6, 4];
const one = (op: string, attrs = {}, extra: readonly string[] = []) => [
  node('y', op, ['x0', ...extra], attrs),
];
const two = (op: string) => [node('y', op, ['x0', 'x1'])];
const ones = attr.list([1, 1, 1, 1]);
const same = { padding: attr.s('SAME'), strides: attr.list([1, 2, 2, 1]), dilations: ones };
const axes = (...values: number[]) => constant('axes', ints([values.length], values));
const positive = [
  node('p', 'Square', ['x0']),
  node('half', 'AddV2', ['p', 'c']),
  constant('c', floats([], [0.5])),
];

/** Operators that need a size which only the shape of their input gives. */
const NEEDS_SIZES = new Set(['Conv2DBackpropInput']);

const CASES: readonly Case[] = [
  [
    'Conv2D',
    [image],
    () => ({ nodes: [constant('w', random(1, [3, 3, 4, 5])), ...one('Conv2D', same, ['w'])] }),
  ],
  [
    'Conv2D with explicit padding',
    [image],
    () => ({
      nodes: [
        constant('w', random(1, [3, 3, 4, 5])),
        ...one(
          'Conv2D',
          {
            padding: attr.s('EXPLICIT'),
            strides: ones,
            dilations: ones,
            explicit_paddings: attr.list([0, 0, 1, 2, 0, 1, 0, 0]),
          },
          ['w'],
        ),
      ],
    }),
  ],
  ...(['Relu', 'Relu6', 'Elu', 'Sigmoid', 'LeakyRelu'] as const).map(
    (kind): Case => [
      `_FusedConv2D with ${kind}`,
      [image],
      () => ({
        nodes: [
          constant('w', random(1, [3, 3, 4, 5])),
          constant('b', random(2, [5])),
          ...one('_FusedConv2D', { ...same, fused_ops: attr.texts(['BiasAdd', kind]), num_args: attr.i(1) }, [
            'w',
            'b',
          ]),
        ],
      }),
    ],
  ),
  [
    '_FusedConv2D with Prelu',
    [image],
    () => ({
      nodes: [
        constant('w', random(1, [3, 3, 4, 5])),
        constant('b', random(2, [5])),
        constant('a', random(3, [5])),
        ...one(
          '_FusedConv2D',
          { ...same, fused_ops: attr.texts(['BiasAdd', 'Prelu']), num_args: attr.i(2) },
          ['w', 'b', 'a'],
        ),
      ],
    }),
  ],
  [
    'DepthwiseConv2dNative',
    [image],
    () => ({ nodes: [constant('w', random(1, [3, 3, 4, 2])), ...one('DepthwiseConv2dNative', same, ['w'])] }),
  ],
  [
    'FusedDepthwiseConv2dNative',
    [image],
    () => ({
      nodes: [
        constant('w', random(1, [3, 3, 4, 1])),
        constant('b', random(2, [4])),
        ...one(
          'FusedDepthwiseConv2dNative',
          { ...same, fused_ops: attr.texts(['BiasAdd', 'Relu6']), num_args: attr.i(1) },
          ['w', 'b'],
        ),
      ],
    }),
  ],
  [
    'Conv2DBackpropInput',
    [[2, 4, 3, 4]],
    () => ({
      nodes: [
        constant('size', ints([4], [2, 7, 6, 5])),
        constant('w', random(1, [3, 3, 5, 4])),
        node('y', 'Conv2DBackpropInput', ['size', 'w', 'x0'], same),
      ],
    }),
  ],
  [
    'MatMul',
    [[3, 4]],
    () => ({
      nodes: [constant('w', random(1, [5, 4])), ...one('MatMul', { transpose_b: attr.b(true) }, ['w'])],
    }),
  ],
  [
    '_FusedMatMul',
    [[3, 4]],
    () => ({
      nodes: [
        constant('w', random(1, [4, 5])),
        constant('b', random(2, [5])),
        ...one('_FusedMatMul', { fused_ops: attr.texts(['BiasAdd', 'Relu']), num_args: attr.i(1) }, [
          'w',
          'b',
        ]),
      ],
    }),
  ],
  [
    'BatchMatMulV2',
    [
      [2, 3, 4],
      [2, 5, 4],
    ],
    () => ({ nodes: [node('y', 'BatchMatMulV2', ['x0', 'x1'], { adj_y: attr.b(true) })] }),
  ],
  ['BiasAdd', [image], () => ({ nodes: [constant('b', random(1, [4])), ...one('BiasAdd', {}, ['b'])] })],
  ['MaxPool', [image], () => ({ nodes: one('MaxPool', { ...same, ksize: attr.list([1, 3, 3, 1]) }) })],
  ['AvgPool', [image], () => ({ nodes: one('AvgPool', { ...same, ksize: attr.list([1, 3, 3, 1]) }) })],
  [
    'FusedBatchNormV3',
    [image],
    () => ({
      nodes: [
        ...[1, 2, 3].map((seed) => constant(`p${seed}`, random(seed, [4]))),
        constant('v', floats([4], [0.5, 1, 2, 3])),
        ...one('FusedBatchNormV3', { epsilon: attr.f(0.01) }, ['p1', 'p2', 'p3', 'v']),
      ],
    }),
  ],
  ...(['ResizeBilinear', 'ResizeNearestNeighbor'] as const).flatMap((op) =>
    [
      [14, 12],
      [9, 5],
      [3, 10],
    ].flatMap((size) =>
      ['align_corners', 'half_pixel_centers', ''].map(
        (positions): Case => [
          `${op} to ${size} ${positions}`,
          [image],
          () => ({
            nodes: [
              constant('s', ints([2], size)),
              ...one(op, positions ? { [positions]: attr.b(true) } : {}, ['s']),
            ],
          }),
        ],
      ),
    ),
  ),
  [
    'DepthToSpace',
    [[2, 3, 2, 8]],
    () => ({ nodes: one('DepthToSpace', { block_size: attr.i(2), data_format: attr.s('NHWC') }) }),
  ],
  ...[
    'Abs',
    'Neg',
    'Exp',
    'Square',
    'Floor',
    'Ceil',
    'Sign',
    'Sin',
    'Cos',
    'Tan',
    'Atan',
    'Erf',
    'Relu',
    'Relu6',
    'Elu',
    'Selu',
    'Sigmoid',
    'Tanh',
    'Softplus',
    'Softmax',
    'LogSoftmax',
    'ZerosLike',
    'OnesLike',
    'Identity',
    'Round',
    'Reciprocal',
  ].map((op): Case => [op, [image], () => ({ nodes: one(op) })]),
  ...['Log', 'Sqrt', 'Rsqrt'].map(
    (op): Case => [op, [image], () => ({ nodes: [...positive, node('y', op, ['half'])] })],
  ),
  ['LeakyRelu', [image], () => ({ nodes: one('LeakyRelu', { alpha: attr.f(0.3) }) })],
  ['Prelu', [image], () => ({ nodes: [constant('a', random(1, [1, 1, 4])), ...one('Prelu', {}, ['a'])] })],
  [
    'ClipByValue',
    [image],
    () => ({
      nodes: [
        constant('a', floats([], [-0.3])),
        constant('b', floats([], [0.4])),
        ...one('ClipByValue', {}, ['a', 'b']),
      ],
    }),
  ],
  ...[
    'Add',
    'AddV2',
    'Sub',
    'Mul',
    'RealDiv',
    'Div',
    'DivNoNan',
    'Maximum',
    'Minimum',
    'SquaredDifference',
    'FloorDiv',
    'FloorMod',
    'Mod',
  ].map((op): Case => [op, [image, [6, 1]], () => ({ nodes: two(op) })]),
  ['Pow', [image], () => ({ nodes: [...positive, node('y', 'Pow', ['half', 'x0'])] })],
  ['AddN', [image, image], () => ({ nodes: [node('y', 'AddN', ['x0', 'x1', 'x0'])] })],
  ...['Equal', 'NotEqual', 'Greater', 'GreaterEqual', 'Less', 'LessEqual'].map(
    (op): Case => [
      `${op}, Select and Cast`,
      [image, image],
      () => ({
        nodes: [
          node('xr', 'Round', ['x0']),
          node('yr', 'Round', ['x1']),
          node('cond', op, ['xr', 'yr']),
          node('s', 'SelectV2', ['cond', 'x0', 'x1']),
          node('i', 'Cast', ['cond'], { DstT: attr.type('DT_INT32') }),
          node('f', 'Cast', ['i'], { DstT: attr.type('DT_FLOAT') }),
          node('y', 'Add', ['s', 'f']),
        ],
      }),
    ],
  ),
  ...['LogicalAnd', 'LogicalOr'].map(
    (op): Case => [
      `${op} and LogicalNot`,
      [image, image],
      () => ({
        nodes: [
          constant('zero', floats([], [0])),
          node('a', 'Greater', ['x0', 'zero']),
          node('b', 'Less', ['x1', 'zero']),
          node('n', 'LogicalNot', ['a']),
          node('y', op, ['n', 'b']),
        ],
      }),
    ],
  ),
  ...['Mean', 'Sum', 'Max', 'Min', 'Prod'].flatMap((op) =>
    [[1, 2], [-1], [0, 3], [0, 1, 2, 3]].flatMap((list) =>
      [true, false].map(
        (keep): Case => [
          `${op} over ${list}${keep ? ', kept' : ''}`,
          [image],
          () => ({ nodes: [axes(...list), ...one(op, { keep_dims: attr.b(keep) }, ['axes'])] }),
        ],
      ),
    ),
  ),
  ...['All', 'Any'].map(
    (op): Case => [
      op,
      [image],
      () => ({
        nodes: [
          axes(1),
          constant('z', floats([], [-0.6])),
          node('g', 'Greater', ['x0', 'z']),
          node('y', op, ['g', 'axes']),
        ],
      }),
    ],
  ),
  ...['ArgMax', 'ArgMin'].map(
    (op): Case => [op, [image], () => ({ nodes: [constant('a', ints([], [2])), ...one(op, {}, ['a'])] })],
  ),
  [
    'Reshape',
    [image],
    () => ({ nodes: [constant('s', ints([3], [2, -1, 8])), ...one('Reshape', {}, ['s'])] }),
  ],
  ['Squeeze', [[2, 1, 5, 1]], () => ({ nodes: one('Squeeze', { squeeze_dims: attr.list([1]) }) })],
  [
    'ExpandDims',
    [image],
    () => ({ nodes: [constant('a', ints([], [-2])), ...one('ExpandDims', {}, ['a'])] }),
  ],
  [
    'Transpose',
    [image],
    () => ({ nodes: [constant('p', ints([4], [3, 1, 0, 2])), ...one('Transpose', {}, ['p'])] }),
  ],
  ...[
    { begin: [0, 1, 0, 0], end: [2, 5, 0, 3], strides: [1, 2, 1, 1], end_mask: 4 },
    { begin: [0, -1], end: [0, 0], strides: [1, -1], begin_mask: 1, end_mask: 3 },
    { begin: [1, 0], end: [2, 2], strides: [1, 1], ellipsis_mask: 2, shrink_axis_mask: 1 },
    { begin: [0, 0, 1], end: [0, 0, 3], strides: [1, 1, 1], begin_mask: 1, end_mask: 1, new_axis_mask: 2 },
    { begin: [-1, -3], end: [0, -1], strides: [1, 1], shrink_axis_mask: 1 },
  ].map(
    ({ begin, end, strides, ...masks }, index): Case => [
      `StridedSlice ${index}`,
      [image],
      () => ({
        nodes: [
          constant('b', ints([begin.length], begin)),
          constant('e', ints([end.length], end)),
          constant('s', ints([strides.length], strides)),
          ...one(
            'StridedSlice',
            Object.fromEntries(Object.entries(masks).map(([key, mask]) => [key, attr.i(mask)])),
            ['b', 'e', 's'],
          ),
        ],
      }),
    ],
  ),
  [
    'Slice',
    [image],
    () => ({
      nodes: [
        constant('b', ints([4], [0, 2, 1, 0])),
        constant('s', ints([4], [2, 3, -1, 4])),
        ...one('Slice', {}, ['b', 's']),
      ],
    }),
  ],
  ...[0, 1, -1].map(
    (at): Case => [
      `ConcatV2 at ${at}`,
      [image, image],
      () => ({ nodes: [constant('a', ints([], [at])), node('y', 'ConcatV2', ['x0', 'x1', 'a'])] }),
    ],
  ),
  [
    'Pack',
    [
      [3, 4],
      [3, 4],
    ],
    () => ({ nodes: [node('y', 'Pack', ['x0', 'x1'], { axis: attr.i(1) })] }),
  ],
  [
    'Unpack',
    [[3, 2, 4]],
    () => ({
      nodes: [
        node('u', 'Unpack', ['x0'], { axis: attr.i(1), num: attr.i(2) }),
        node('y', 'Sub', ['u:1', 'u']),
      ],
    }),
  ],
  [
    'Split',
    [image],
    () => ({
      nodes: [
        constant('a', ints([], [3])),
        node('s', 'Split', ['a', 'x0'], { num_split: attr.i(2) }),
        node('y', 'Sub', ['s:1', 's']),
      ],
    }),
  ],
  [
    'SplitV',
    [image],
    () => ({
      nodes: [
        constant('n', ints([2], [3, 4])),
        constant('a', ints([], [1])),
        node('s', 'SplitV', ['x0', 'n', 'a']),
        node('y', 'Neg', ['s:1']),
      ],
    }),
  ],
  [
    'Pad',
    [image],
    () => ({ nodes: [constant('p', ints([4, 2], [0, 0, 1, 2, 0, 3, 0, 0])), ...one('Pad', {}, ['p'])] }),
  ],
  [
    'PadV2',
    [image],
    () => ({
      nodes: [
        constant('p', ints([4, 2], [0, 0, 1, 2, 0, 3, 0, 0])),
        constant('v', floats([], [7])),
        ...one('PadV2', {}, ['p', 'v']),
      ],
    }),
  ],
  [
    'MirrorPad',
    [image],
    () => ({
      nodes: [
        constant('p', ints([4, 2], [0, 0, 1, 2, 0, 3, 0, 0])),
        ...one('MirrorPad', { mode: attr.s('REFLECT') }, ['p']),
      ],
    }),
  ],
  [
    'GatherV2',
    [image],
    () => ({
      nodes: [
        constant('i', ints([2, 2], [3, 0, 1, 1])),
        constant('a', ints([], [3])),
        ...one('GatherV2', {}, ['i', 'a']),
      ],
    }),
  ],
  [
    'GatherNd',
    [[3, 4, 2]],
    () => ({ nodes: [constant('i', ints([2, 2], [2, 3, 0, 1])), ...one('GatherNd', {}, ['i'])] }),
  ],
  ['Tile', [[3, 4]], () => ({ nodes: [constant('r', ints([2], [2, 3])), ...one('Tile', {}, ['r'])] })],
  [
    'TopKV2',
    [[3, 8]],
    () => ({ nodes: [constant('k', ints([], [3])), ...one('TopKV2', { sorted: attr.b(true) }, ['k'])] }),
  ],
  [
    'Shape, Fill and Range',
    [[3, 4]],
    () => ({
      nodes: [
        node('shape', 'Shape', ['x0']),
        constant('v', floats([], [2])),
        constant('zero', ints([], [0])),
        constant('two', ints([], [2])),
        constant('eight', ints([], [8])),
        node('f', 'Fill', ['shape', 'v']),
        node('r', 'Range', ['zero', 'eight', 'two']),
        node('rf', 'Cast', ['r'], { DstT: attr.type('DT_FLOAT') }),
        node('m', 'Mul', ['x0', 'f']),
        node('y', 'Add', ['m', 'rf']),
      ],
    }),
  ],
];

describe('an operator gives the answer of TensorFlow.js:', () => {
  test.each(CASES)('%s', async (name, shapes, parts) => {
    const inputs = shapes.map((dims, index) => placeholder(`x${index}`, dims));
    const feeds = shapes.map((dims, index) => randomFeed(index + 11, dims));
    const expected = await tfjsOutputs(graphFiles({ ...parts(), inputs }), feeds);
    const check = async (given: GraphParts['inputs']) => {
      const actual = await onnxOutputs(convert(graphFiles({ ...parts(), inputs: given })), feeds);
      for (const [index, output] of expected.entries()) {
        expect(relativeError(actual[index]!, output)).toBeLessThan(TOLERANCE);
      }
    };
    await check(inputs);
    // With free dimensions.
    const free = shapes.map((dims, index) =>
      placeholder(
        `x${index}`,
        dims.map(() => -1),
      ),
    );
    if (NEEDS_SIZES.has(name))
      await expect(check(free)).rejects.toThrow('the free size of the input of node "y"');
    else await check(free);
    // After a convolution, so that the channels of the first input come first.
    if (shapes[0]!.length !== 4) return;
    const channels = shapes[0]!.at(-1)!;
    const eye = Array.from({ length: channels ** 2 }, (_, i) => (i % (channels + 1) === 0 ? 1 : 0));
    const plain = { strides: ones, dilations: ones, padding: attr.s('VALID') };
    const before = [
      placeholder('image', shapes[0]!),
      constant('eye', floats([1, 1, channels, channels], eye)),
      node('x0', 'Conv2D', ['image', 'eye'], plain),
    ];
    await check([...before, ...inputs.slice(1)]);
  });

  it('integers are divided with the result rounded down', async () => {
    const parts = {
      inputs: [placeholder('x0', [6], 'DT_INT32'), placeholder('x1', [6], 'DT_INT32')],
      nodes: [
        node('d', 'FloorDiv', ['x0', 'x1']),
        node('m', 'FloorMod', ['x0', 'x1']),
        constant('ten', ints([], [10])),
        node('t', 'Mul', ['d', 'ten']),
        node('y', 'Add', ['t', 'm']),
      ],
    };
    const feeds = [
      { dims: [6], data: Int32Array.from([7, -7, 7, -7, 0, 6]) },
      { dims: [6], data: Int32Array.from([2, 2, -2, -2, 3, 3]) },
    ];
    expect(await errorOf(parts, feeds)).toBe(0);
  });
});
