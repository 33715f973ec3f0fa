import { elementCount } from '@sparewheel/protocol';
import { int, ints } from './exported.ts';
import { type AddLayer, withAxis } from './random-graph-builder.ts';
import { window } from './random-linear-layers.ts';

const elementwise: AddLayer = ({ draw, graph, input: { name, dims } }) => {
  const op = draw.pick([
    'Relu',
    'Sigmoid',
    'Tanh',
    'LeakyRelu',
    'Neg',
    'Abs',
    'Elu',
    'HardSigmoid',
    'Erf',
    'Identity',
  ]);
  return [graph.add(op, [name], dims)];
};

const clip: AddLayer = ({ graph, input: { name, dims } }) => [
  graph.add('Clip', [name, graph.between([], -1, -0.5), graph.between([], 0.5, 2)], dims),
];

/** Combines with a constant that broadcasts, as a folded normalization does. */
const scaled: AddLayer = ({ draw, graph, input: { name, dims } }) => {
  const op = draw.pick(['Add', 'Mul', 'Sub', 'Div', 'PRelu']);
  const shape = draw.pick<readonly number[]>([
    [],
    [dims.at(-1)!],
    ...(dims.length > 2 ? [[dims[1]!, ...dims.slice(2).map(() => 1)]] : []),
  ]);
  const constant = graph.between(op === 'PRelu' && shape.length === 0 ? [1] : shape, 0.5, 1.5);
  const inputs = op !== 'PRelu' && draw.chance(0.3) && op !== 'Div' ? [constant, name] : [name, constant];
  return [graph.add(op, inputs, dims)];
};

/** Combines with a value of the same shape, possibly itself. */
const residual: AddLayer = ({ draw, graph, input, values }) => {
  const sameShape = values.filter(({ dims }) => dims.join() === input.dims.join());
  const other = draw.pick(sameShape);
  const op = draw.pick(['Add', 'Sub', 'Max', 'Mul']);
  const [joined] = [
    graph.add(op, draw.chance(0.5) ? [input.name, other.name] : [other.name, input.name], input.dims),
  ];
  // Limits the range, because repeated products would overflow float32.
  return [op === 'Mul' ? graph.add('Tanh', [joined!.name], input.dims) : joined!];
};

const concat: AddLayer = ({ draw, graph, input, values }) => {
  const axis = draw.from(0, input.dims.length - 1);
  const candidates = values.filter(
    ({ dims }) =>
      dims.length === input.dims.length && dims.every((dim, i) => i === axis || dim === input.dims[i]),
  );
  const parts = Array.from({ length: draw.from(1, 2) }, () => draw.pick(candidates));
  const all = [input, ...parts];
  const size = all.reduce((sum, { dims }) => sum + dims[axis]!, 0);
  return [
    graph.add(
      'Concat',
      all.map(({ name }) => name),
      withAxis(input.dims, axis, size),
      [int('axis', draw.chance(0.5) ? axis : axis - input.dims.length)],
    ),
  ];
};

const split: AddLayer = ({ draw, graph, input: { name, dims } }) => {
  const axis = draw.from(0, dims.length - 1);
  if (dims[axis]! < 2) return null;
  const first = draw.from(1, dims[axis]! - 1);
  const sizes = [first, dims[axis]! - first];
  return graph.addMany(
    'Split',
    [name, graph.int64s(...sizes)],
    sizes.map((size) => withAxis(dims, axis, size)),
    [int('axis', axis)],
  );
};

const slice: AddLayer = ({ draw, graph, input: { name, dims } }) => {
  const axis = draw.from(0, dims.length - 1);
  const from = draw.from(0, dims[axis]! - 1);
  const to = draw.from(from + 1, dims[axis]!);
  const inputs = [name, graph.int64s(from), graph.int64s(to), graph.int64s(axis)];
  return [graph.add('Slice', inputs, withAxis(dims, axis, to - from))];
};

const transpose: AddLayer = ({ draw, graph, input: { name, dims } }) => {
  const perm = dims.map((_, i) => i);
  for (let i = perm.length - 1; i > 0; i--) {
    const j = draw.from(0, i);
    [perm[i], perm[j]] = [perm[j]!, perm[i]!];
  }
  return [
    graph.add(
      'Transpose',
      [name],
      perm.map((axis) => dims[axis]!),
      [ints('perm', ...perm)],
    ),
  ];
};

const flatten: AddLayer = ({ draw, graph, input: { name, dims } }) => {
  const axis = draw.from(0, dims.length);
  return [
    graph.add(
      'Flatten',
      [name],
      [elementCount(dims.slice(0, axis)), elementCount(dims.slice(axis))],
      [int('axis', axis)],
    ),
  ];
};

/**
 * Reshapes to [first dimension, rest]; sometimes computes the first dimension at run time, as exporters do.
 */
const reshape: AddLayer = ({ draw, graph, input: { name, dims } }) => {
  const rest = elementCount(dims.slice(1));
  if (draw.chance(0.5)) return [graph.add('Reshape', [name, graph.int64s(dims[0]!, -1)], [dims[0]!, rest])];
  const shape = graph.add('Shape', [name], [dims.length]);
  const first = graph.add('Slice', [shape.name, graph.int64s(0), graph.int64s(1)], [1]);
  const wanted = graph.add('Concat', [first.name, graph.int64s(-1)], [2], [int('axis', 0)]);
  return [graph.add('Reshape', [name, wanted.name], [dims[0]!, rest])];
};

const unsqueeze: AddLayer = ({ draw, graph, input: { name, dims } }) => {
  if (dims.length > 3) return null;
  const axis = draw.from(0, dims.length);
  return [
    graph.add('Unsqueeze', [name, graph.int64s(axis)], [...dims.slice(0, axis), 1, ...dims.slice(axis)]),
  ];
};

const pool: AddLayer = ({ draw, graph, input: { name, dims } }) => {
  const spatial = dims.slice(2);
  if (spatial.length < 1 || spatial.length > 3) return null;
  const op = draw.pick(['MaxPool', 'AveragePool', 'GlobalAveragePool', 'GlobalMaxPool']);
  if (op.startsWith('Global')) return [graph.add(op, [name], [...dims.slice(0, 2), ...spatial.map(() => 1)])];
  const { kernel, strides } = window(draw, spatial);
  const out = spatial.map((size, i) => Math.floor((size - kernel[i]!) / strides[i]!) + 1);
  return [
    graph.add(
      op,
      [name],
      [...dims.slice(0, 2), ...out],
      [ints('kernel_shape', ...kernel), ints('strides', ...strides)],
    ),
  ];
};

const batchNormalization: AddLayer = ({ graph, input: { name, dims } }) => {
  if (dims.length < 2) return null;
  const channels = [dims[1]!];
  const [scale, bias, mean] = [0.5, -0.5, -0.5].map((low) => graph.between(channels, low, low + 1));
  const variance = graph.between(channels, 0.5, 1.5);
  return [graph.add('BatchNormalization', [name, scale!, bias!, mean!, variance], dims)];
};

const softmax: AddLayer = ({ draw, graph, input: { name, dims } }) => [
  graph.add('Softmax', [name], dims, [int('axis', draw.from(-dims.length, dims.length - 1))]),
];

const reduceMean: AddLayer = ({ draw, graph, input: { name, dims } }) => {
  const axis = draw.from(0, dims.length - 1);
  return [graph.add('ReduceMean', [name], withAxis(dims, axis, 1), [ints('axes', axis), int('keepdims', 1)])];
};

const gather: AddLayer = ({ draw, graph, input: { name, dims } }) => {
  const axis = draw.from(0, dims.length - 1);
  const indices = Array.from({ length: draw.from(1, 3) }, () => draw.from(0, dims[axis]! - 1));
  return [
    graph.add('Gather', [name, graph.int64s(...indices)], withAxis(dims, axis, indices.length), [
      int('axis', axis),
    ]),
  ];
};

const pad: AddLayer = ({ draw, graph, input: { name, dims } }) => {
  const [before, after] = [dims.map(() => draw.from(0, 1)), dims.map(() => draw.from(0, 1))];
  const padded = dims.map((dim, i) => dim + before[i]! + after[i]!);
  return [graph.add('Pad', [name, graph.int64s(...before, ...after)], padded)];
};

/** Multiplies two values without constants, so that the product cannot be coded. */
const attention: AddLayer = ({ graph, input: { name, dims } }) => {
  if (dims.length < 2) return null;
  const perm = dims.map((_, i) => i);
  [perm[perm.length - 1], perm[perm.length - 2]] = [perm.at(-2)!, perm.at(-1)!];
  const turned = graph.add(
    'Transpose',
    [name],
    perm.map((axis) => dims[axis]!),
    [ints('perm', ...perm)],
  );
  const scores = [...dims.slice(0, -1), dims.at(-2)!];
  const product = graph.add('MatMul', [name, turned.name], scores);
  return [graph.add('Softmax', [product.name], scores, [int('axis', -1)])];
};

/** Operators between the linear layers. */
export const OPERATORS: readonly AddLayer[] = [
  elementwise,
  elementwise,
  clip,
  scaled,
  residual,
  residual,
  concat,
  split,
  slice,
  transpose,
  flatten,
  reshape,
  unsqueeze,
  pool,
  batchNormalization,
  softmax,
  reduceMean,
  gather,
  pad,
  attention,
];
