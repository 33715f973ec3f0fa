import { elementCount } from '@sparewheel/protocol';
import { int, ints } from './exported.ts';
import { type Layer, withAxis } from './growing.ts';
import { window } from './random-linear-layers.ts';

const elementwise: Layer = ({ draw, growing, of: { name, dims } }) => {
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
  return [growing.add(op, [name], dims)];
};

const clip: Layer = ({ growing, of: { name, dims } }) => [
  growing.add('Clip', [name, growing.between([], -1, -0.5), growing.between([], 0.5, 2)], dims),
];

/** A constant that broadcasts, as what is left of a normalisation does. */
const scaled: Layer = ({ draw, growing, of: { name, dims } }) => {
  const op = draw.pick(['Add', 'Mul', 'Sub', 'Div', 'PRelu']);
  const shape = draw.pick<readonly number[]>([
    [],
    [dims.at(-1)!],
    ...(dims.length > 2 ? [[dims[1]!, ...dims.slice(2).map(() => 1)]] : []),
  ]);
  const constant = growing.between(op === 'PRelu' && shape.length === 0 ? [1] : shape, 0.5, 1.5);
  const inputs = op !== 'PRelu' && draw.chance(0.3) && op !== 'Div' ? [constant, name] : [name, constant];
  return [growing.add(op, inputs, dims)];
};

/** Another value of the same shape, or the same one again. */
const residual: Layer = ({ draw, growing, of, values }) => {
  const alike = values.filter(({ dims }) => dims.join() === of.dims.join());
  const other = draw.pick(alike);
  const op = draw.pick(['Add', 'Sub', 'Max', 'Mul']);
  const [joined] = [
    growing.add(op, draw.chance(0.5) ? [of.name, other.name] : [other.name, of.name], of.dims),
  ];
  // Products of products of products would leave float32's range.
  return [op === 'Mul' ? growing.add('Tanh', [joined!.name], of.dims) : joined!];
};

const concat: Layer = ({ draw, growing, of, values }) => {
  const axis = draw.from(0, of.dims.length - 1);
  const suits = values.filter(
    ({ dims }) => dims.length === of.dims.length && dims.every((dim, i) => i === axis || dim === of.dims[i]),
  );
  const parts = Array.from({ length: draw.from(1, 2) }, () => draw.pick(suits));
  const all = [of, ...parts];
  const size = all.reduce((sum, { dims }) => sum + dims[axis]!, 0);
  return [
    growing.add(
      'Concat',
      all.map(({ name }) => name),
      withAxis(of.dims, axis, size),
      [int('axis', draw.chance(0.5) ? axis : axis - of.dims.length)],
    ),
  ];
};

const split: Layer = ({ draw, growing, of: { name, dims } }) => {
  const axis = draw.from(0, dims.length - 1);
  if (dims[axis]! < 2) return null;
  const first = draw.from(1, dims[axis]! - 1);
  const sizes = [first, dims[axis]! - first];
  return growing.addMany(
    'Split',
    [name, growing.whole(...sizes)],
    sizes.map((size) => withAxis(dims, axis, size)),
    [int('axis', axis)],
  );
};

const slice: Layer = ({ draw, growing, of: { name, dims } }) => {
  const axis = draw.from(0, dims.length - 1);
  const from = draw.from(0, dims[axis]! - 1);
  const to = draw.from(from + 1, dims[axis]!);
  const inputs = [name, growing.whole(from), growing.whole(to), growing.whole(axis)];
  return [growing.add('Slice', inputs, withAxis(dims, axis, to - from))];
};

const transpose: Layer = ({ draw, growing, of: { name, dims } }) => {
  const perm = dims.map((_, i) => i);
  for (let i = perm.length - 1; i > 0; i--) {
    const j = draw.from(0, i);
    [perm[i], perm[j]] = [perm[j]!, perm[i]!];
  }
  return [
    growing.add(
      'Transpose',
      [name],
      perm.map((axis) => dims[axis]!),
      [ints('perm', ...perm)],
    ),
  ];
};

const flatten: Layer = ({ draw, growing, of: { name, dims } }) => {
  const axis = draw.from(0, dims.length);
  return [
    growing.add(
      'Flatten',
      [name],
      [elementCount(dims.slice(0, axis)), elementCount(dims.slice(axis))],
      [int('axis', axis)],
    ),
  ];
};

/** To [first dimension, the rest], the first one asked of the value as exporters do. */
const reshape: Layer = ({ draw, growing, of: { name, dims } }) => {
  const rest = elementCount(dims.slice(1));
  if (draw.chance(0.5))
    return [growing.add('Reshape', [name, growing.whole(dims[0]!, -1)], [dims[0]!, rest])];
  const shape = growing.add('Shape', [name], [dims.length]);
  const first = growing.add('Slice', [shape.name, growing.whole(0), growing.whole(1)], [1]);
  const wanted = growing.add('Concat', [first.name, growing.whole(-1)], [2], [int('axis', 0)]);
  return [growing.add('Reshape', [name, wanted.name], [dims[0]!, rest])];
};

const unsqueeze: Layer = ({ draw, growing, of: { name, dims } }) => {
  if (dims.length > 3) return null;
  const axis = draw.from(0, dims.length);
  return [
    growing.add('Unsqueeze', [name, growing.whole(axis)], [...dims.slice(0, axis), 1, ...dims.slice(axis)]),
  ];
};

const pool: Layer = ({ draw, growing, of: { name, dims } }) => {
  const spatial = dims.slice(2);
  if (spatial.length < 1 || spatial.length > 3) return null;
  const op = draw.pick(['MaxPool', 'AveragePool', 'GlobalAveragePool', 'GlobalMaxPool']);
  if (op.startsWith('Global'))
    return [growing.add(op, [name], [...dims.slice(0, 2), ...spatial.map(() => 1)])];
  const { kernel, strides } = window(draw, spatial);
  const out = spatial.map((size, i) => Math.floor((size - kernel[i]!) / strides[i]!) + 1);
  return [
    growing.add(
      op,
      [name],
      [...dims.slice(0, 2), ...out],
      [ints('kernel_shape', ...kernel), ints('strides', ...strides)],
    ),
  ];
};

const batchNormalization: Layer = ({ growing, of: { name, dims } }) => {
  if (dims.length < 2) return null;
  const channels = [dims[1]!];
  const [scale, bias, mean] = [0.5, -0.5, -0.5].map((low) => growing.between(channels, low, low + 1));
  const variance = growing.between(channels, 0.5, 1.5);
  return [growing.add('BatchNormalization', [name, scale!, bias!, mean!, variance], dims)];
};

const softmax: Layer = ({ draw, growing, of: { name, dims } }) => [
  growing.add('Softmax', [name], dims, [int('axis', draw.from(-dims.length, dims.length - 1))]),
];

const reduceMean: Layer = ({ draw, growing, of: { name, dims } }) => {
  const axis = draw.from(0, dims.length - 1);
  return [
    growing.add('ReduceMean', [name], withAxis(dims, axis, 1), [ints('axes', axis), int('keepdims', 1)]),
  ];
};

const gather: Layer = ({ draw, growing, of: { name, dims } }) => {
  const axis = draw.from(0, dims.length - 1);
  const indices = Array.from({ length: draw.from(1, 3) }, () => draw.from(0, dims[axis]! - 1));
  return [
    growing.add('Gather', [name, growing.whole(...indices)], withAxis(dims, axis, indices.length), [
      int('axis', axis),
    ]),
  ];
};

const pad: Layer = ({ draw, growing, of: { name, dims } }) => {
  const [before, after] = [dims.map(() => draw.from(0, 1)), dims.map(() => draw.from(0, 1))];
  const padded = dims.map((dim, i) => dim + before[i]! + after[i]!);
  return [growing.add('Pad', [name, growing.whole(...before, ...after)], padded)];
};

/** A product of two values, neither constant: nothing that could be coded. */
const attention: Layer = ({ growing, of: { name, dims } }) => {
  if (dims.length < 2) return null;
  const perm = dims.map((_, i) => i);
  [perm[perm.length - 1], perm[perm.length - 2]] = [perm.at(-2)!, perm.at(-1)!];
  const turned = growing.add(
    'Transpose',
    [name],
    perm.map((axis) => dims[axis]!),
    [ints('perm', ...perm)],
  );
  const scores = [...dims.slice(0, -1), dims.at(-2)!];
  const product = growing.add('MatMul', [name, turned.name], scores);
  return [growing.add('Softmax', [product.name], scores, [int('axis', -1)])];
};

/** What stands between. */
export const OPERATORS: readonly Layer[] = [
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
