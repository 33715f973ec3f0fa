import { DATA_TYPE } from '@sparewheel/onnx';
import { invalid, unsupported } from '../errors.ts';
import {
  type AttributeInput,
  type Emitter,
  firstValue,
  floatValue,
  intValue,
  lastValue,
} from '../tensors/emitter.ts';
import {
  elementCount,
  firstOrder,
  isFirst,
  type Known,
  MAX_ELEMENTS,
  ONNX_TYPE,
  rankOf,
  type TensorType,
  type Value,
} from '../tensors/value.ts';

/** Adds an operator that computes each element from one element. Keeps the order of axes. */
export function unary(
  emitter: Emitter,
  opType: string,
  input: Value,
  name: string,
  attributes: Readonly<Record<string, AttributeInput>> = {},
  type: TensorType = input.type,
): Value {
  return mapped(input, type, emitter, (tensor) => emitter.node(opType, [tensor], attributes, name));
}

/** Applies a function to the tensor in the order of axes that it already has. */
function mapped(input: Value, type: TensorType, emitter: Emitter, apply: (tensor: string) => string): Value {
  return isFirst(input)
    ? firstValue(apply(input.names.first!), type, input.dims!)
    : lastValue(apply(emitter.last(input)), type, input.dims);
}

/** Limits the elements to a range. */
export function clip(emitter: Emitter, input: Value, min: number, max: number, name: string): Value {
  const bounds = [min, max].map((bound) => emitter.last(floatValue([bound], [])));
  return mapped(input, input.type, emitter, (tensor) => emitter.node('Clip', [tensor, ...bounds], {}, name));
}

export function cast(emitter: Emitter, input: Value, type: TensorType, name: string): Value {
  if (type === input.type) return input;
  const { elements } = input;
  if (type === 'int32' && elements) {
    if (elements.every((element) => element !== null)) {
      return intValue(elements as readonly number[], input.dims as readonly number[]);
    }
    return lastValue(
      emitter.node('Cast', [emitter.last(input)], { to: DATA_TYPE.int32 }, name),
      type,
      input.dims,
      elements,
    );
  }
  return unary(emitter, 'Cast', input, name, { to: ONNX_TYPE[type] }, type);
}

/**
 * Adds an operator of several tensors with NumPy's broadcasting. If one of the largest tensors has its channels
 * first, all get their channels first.
 */
export function broadcast(
  emitter: Emitter,
  opType: string,
  inputs: readonly Value[],
  name: string,
  type: TensorType = inputs[0]!.type,
): Value {
  const dims = inputs
    .slice(1)
    .reduce<readonly Known[] | undefined>(
      (result, value) => broadcastDims(result, value.dims, name),
      inputs[0]!.dims,
    );
  const rank = dims?.length ?? 0;
  const first = rank >= 3 && inputs.some((value) => isFirst(value) && rankOf(value) === rank);
  const tensors = inputs.map((value) => (first ? alignedFirst(emitter, value, rank) : emitter.last(value)));
  const result = emitter.node(opType, tensors, {}, name);
  return first ? firstValue(result, type, dims!) : lastValue(result, type, dims);
}

/** Returns a tensor that broadcasts against channels-first tensors of a rank. */
export function alignedFirst(emitter: Emitter, value: Value, rank: number): string {
  const { dims, constant } = value;
  if (!dims) throw invalid('a tensor of unknown rank is broadcast');
  if (dims.length === rank) return emitter.first(value);
  if (elementCount(dims) === 1 && (dims.length === 0 || dims.length === 1)) return emitter.last(value);
  const missing = rank - dims.length;
  if (constant) {
    const padded: Value = { ...value, dims: [...new Array<number>(missing).fill(1), ...dims], names: {} };
    return emitter.initializer(padded, firstOrder(rank), 'constant');
  }
  if (dims.length === 1) {
    const axes = emitter.ints(Array.from({ length: rank - 2 }, (_, axis) => axis + 1));
    return emitter.node('Unsqueeze', [emitter.last(value), axes], {}, `${emitter.last(value)}/unsqueeze`);
  }
  const axes = emitter.ints(Array.from({ length: missing }, (_, axis) => axis));
  const padded = emitter.node(
    'Unsqueeze',
    [emitter.last(value), axes],
    {},
    `${emitter.last(value)}/unsqueeze`,
  );
  return emitter.node('Transpose', [padded], { perm: firstOrder(rank) }, `${padded}/transpose`);
}

/** @throws {ModelRejectedError} INVALID_GRAPH: the shapes do not fit together */
export function broadcastDims(
  a: readonly Known[] | undefined,
  b: readonly Known[] | undefined,
  name: string,
): readonly Known[] | undefined {
  if (!a || !b) return undefined;
  const [long, short] = a.length >= b.length ? [a, b] : [b, a];
  const offset = long.length - short.length;
  return long.map((dim, axis) => {
    const other = axis < offset ? 1 : short[axis - offset]!;
    if (dim === 1) return other;
    if (other === 1 || other === dim) return dim;
    if (dim === null) return other;
    if (other === null) return dim;
    throw invalid(
      `the shapes [${a.map(sizeText)}] and [${b.map(sizeText)}] of node "${name}" do not fit together`,
    );
  });
}

function sizeText(dim: Known): string {
  return dim === null ? '?' : String(dim);
}

export function addBias(emitter: Emitter, input: Value, bias: Value, name: string): Value {
  return broadcast(emitter, 'Add', [input, bias], name);
}

/** Functions of one element that have an operator in ONNX. */
export const UNARY: Readonly<Record<string, string>> = {
  relu: 'Relu',
  sigmoid: 'Sigmoid',
  tanh: 'Tanh',
  softplus: 'Softplus',
  softsign: 'Softsign',
  mish: 'Mish',
  exponential: 'Exp',
};

/**
 * Adds an activation by its name in TensorFlow.js, in lower case.
 * @param what  the node or layer, for the message of a rejection
 * @param alpha  slope of leaky_relu, or coefficient of elu
 */
export function activation(
  emitter: Emitter,
  kind: string,
  input: Value,
  name: string,
  what: string,
  alpha?: number,
): Value {
  const plain = Object.hasOwn(UNARY, kind) ? UNARY[kind] : undefined;
  if (plain !== undefined) return unary(emitter, plain, input, name);
  switch (kind) {
    case 'linear':
      return input;
    case 'relu6':
      return clip(emitter, input, 0, 6, name);
    case 'elu':
      return unary(emitter, 'Elu', input, name, { alpha: { float: alpha ?? 1 } });
    case 'selu':
      return unary(emitter, 'Selu', input, name);
    case 'leakyrelu':
    case 'leaky_relu':
      return unary(emitter, 'LeakyRelu', input, name, { alpha: { float: alpha ?? 0.2 } });
    case 'hardsigmoid':
    case 'hard_sigmoid':
      return unary(emitter, 'HardSigmoid', input, name);
    case 'swish':
    case 'silu':
      return broadcast(emitter, 'Mul', [input, unary(emitter, 'Sigmoid', input, `${name}/sigmoid`)], name);
    case 'softmax':
    case 'logsoftmax':
      return softmax(emitter, kind === 'softmax' ? 'Softmax' : 'LogSoftmax', input, name);
    default:
      throw unsupported(`the activation "${kind.slice(0, 40)}" of ${what}`);
  }
}

/** Adds a softmax over the last axis. */
export function softmax(
  emitter: Emitter,
  opType: 'Softmax' | 'LogSoftmax',
  input: Value,
  name: string,
): Value {
  return isFirst(input)
    ? firstValue(emitter.node(opType, [input.names.first!], { axis: 1 }, name), 'float32', input.dims!)
    : lastValue(emitter.node(opType, [emitter.last(input)], { axis: -1 }, name), 'float32', input.dims);
}

export function prelu(emitter: Emitter, input: Value, alpha: Value, name: string): Value {
  return broadcast(emitter, 'PRelu', [input, alpha], name);
}

/** The arithmetic of shapes: results are known at the conversion where the operands are. */
const SHAPE_ARITHMETIC: Readonly<Record<string, (a: number, b: number) => number>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => Math.imul(a, b),
  FloorDiv: (a, b) => Math.floor(a / b),
  FloorMod: (a, b) => a - Math.floor(a / b) * b,
  Max: Math.max,
  Min: Math.min,
  Less: (a, b) => Number(a < b),
  LessOrEqual: (a, b) => Number(a <= b),
  Greater: (a, b) => Number(a > b),
  GreaterOrEqual: (a, b) => Number(a >= b),
  Equal: (a, b) => Number(a === b),
  And: (a, b) => Number(a !== 0 && b !== 0),
  Or: (a, b) => Number(a !== 0 || b !== 0),
};

/** Returns the elements of a binary operator on small integer tensors; undefined if they are not known. */
export function knownResult(opType: string, a: Value, b: Value): readonly Known[] | undefined {
  const apply = SHAPE_ARITHMETIC[opType];
  const [left, right] = [a.elements, b.elements];
  if (!apply || !left || !right) return undefined;
  const length = Math.max(left.length, right.length);
  const fits = (list: readonly Known[]) => list.length === length || list.length === 1;
  if (!fits(left) || !fits(right) || length > MAX_ELEMENTS || left.length === 0 || right.length === 0)
    return undefined;
  return Array.from({ length }, (_, i) => {
    const [x, y] = [left[left.length === 1 ? 0 : i]!, right[right.length === 1 ? 0 : i]!];
    if (x === null || y === null) return null;
    const result = apply(x, y);
    return Number.isSafeInteger(result) ? result : null;
  });
}

const COMPARISONS = new Set(['Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual', 'Equal', 'And', 'Or']);

/** Adds a binary operator. FloorDiv and FloorMod are not in ONNX: they are put together from others. */
export function binary(emitter: Emitter, opType: string, a: Value, b: Value, name: string): Value {
  const type = COMPARISONS.has(opType) ? 'bool' : a.type;
  const elements = knownResult(opType, a, b);
  const dims = broadcastDims(a.dims, b.dims, name);
  if (elements && dims && elementCount(dims) === elements.length && elements.every((each) => each !== null)) {
    return intValue(elements as readonly number[], dims as readonly number[], type);
  }
  const result = emitBinary(emitter, opType, a, b, name, type);
  return elements && dims && !isFirst(result) && elementCount(dims) === elements.length
    ? { ...result, elements }
    : result;
}

function emitBinary(
  emitter: Emitter,
  opType: string,
  a: Value,
  b: Value,
  name: string,
  type: TensorType,
): Value {
  const op = (kind: string, inputs: readonly Value[], part = '') =>
    broadcast(emitter, kind, inputs, part === '' ? name : `${name}/${part}`);
  switch (opType) {
    case 'FloorDiv': {
      if (a.type !== 'int32') return unary(emitter, 'Floor', op('Div', [a, b], 'quotient'), name);
      // ONNX rounds the quotient of integers toward zero, TensorFlow toward minus infinity.
      return op('Div', [op('Sub', [a, op('Mod', [a, b], 'rest')], 'multiple'), b]);
    }
    case 'FloorMod': {
      if (a.type === 'int32') return op('Mod', [a, b]);
      const quotient = unary(emitter, 'Floor', op('Div', [a, b], 'quotient'), `${name}/floor`);
      return op('Sub', [a, op('Mul', [quotient, b], 'multiple')]);
    }
    case 'SquaredDifference': {
      const difference = op('Sub', [a, b], 'difference');
      return op('Mul', [difference, difference]);
    }
    case 'DivNoNan': {
      const zero = floatValue([0], []);
      const isZero = broadcast(emitter, 'Equal', [b, zero], `${name}/zero`, 'bool');
      return broadcast(emitter, 'Where', [isZero, zero, op('Div', [a, b], 'quotient')], name, 'float32');
    }
    default:
      return broadcast(emitter, opType, [a, b], name, type);
  }
}
