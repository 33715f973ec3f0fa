import { invalid } from '../errors.ts';
import { type Emitter, firstValue, lastValue } from '../tensors/emitter.ts';
import { elementCount, firstAxis, isFirst, type Known, product, type Value } from '../tensors/value.ts';
import { positiveAxis } from './reduction.ts';

/**
 * Adds a reshape.
 * @param shape  one-dimensional integers; at most one element is −1
 */
export function reshape(emitter: Emitter, input: Value, shape: Value, name: string): Value {
  const { elements } = shape;
  const length = elements?.length ?? (shape.dims?.length === 1 ? shape.dims[0] : undefined);
  if (elements) {
    const unknown = elements.filter((size) => size === null || size === -1).length;
    const zeros = elements.includes(0);
    if (unknown <= 1) {
      const target = elements.map((size) => size ?? -1);
      return reshapeTo(emitter, input, target, name, zeros);
    }
  }
  const dims = elements?.map((size) => (size === -1 ? null : size)) ?? unknownDims(length ?? null);
  const output = emitter.node('Reshape', [emitter.last(input), emitter.int64(shape)], {}, name);
  return lastValue(output, input.type, dims, carried(input, dims));
}

/** Reshapes to known sizes. −1 stands for the rest. */
export function reshapeTo(
  emitter: Emitter,
  input: Value,
  target: readonly number[],
  name: string,
  zeros = false,
): Value {
  const count = elementCount(input.dims);
  const others = product(target.filter((size) => size !== -1));
  const rest = count === undefined || others === 0 ? null : count / others;
  if (rest !== null && (target.includes(-1) ? !Number.isInteger(rest) : rest !== 1)) {
    throw invalid(`node "${name}" cannot reshape [${input.dims!.join(', ')}] to [${target.join(', ')}]`);
  }
  const dims = target.map((size) => (size === -1 ? rest : size));
  if (input.constant && dims.every((size) => size !== null)) {
    return { type: input.type, dims, elements: input.elements, constant: input.constant, names: {} };
  }
  const attributes = zeros ? { allowzero: 1 } : {};
  const output = emitter.node('Reshape', [emitter.last(input), emitter.ints(target)], attributes, name);
  return lastValue(output, input.type, dims, carried(input, dims));
}

/** Keeps the axis of the batch, and reshapes the others. −1 stands for the rest. */
export function reshapeRest(emitter: Emitter, input: Value, target: readonly number[], name: string): Value {
  const [batch = null, ...sizes] = input.dims ?? [];
  const count = elementCount(input.dims === undefined ? undefined : sizes);
  const others = product(target.filter((size) => size !== -1));
  const rest = count === undefined || others === 0 ? null : count / others;
  if (rest !== null && (target.includes(-1) ? !Number.isInteger(rest) : rest !== 1)) {
    throw invalid(`the layer "${name}" cannot reshape [${sizes.join(', ')}] to [${target.join(', ')}]`);
  }
  // In ONNX, 0 copies a size of the input.
  const output = emitter.node('Reshape', [emitter.last(input), emitter.ints([0, ...target])], {}, name);
  return lastValue(output, input.type, [batch, ...target.map((size) => (size === -1 ? rest : size))]);
}

/** Removes axes of size 1: the given ones, or all of them. */
export function squeeze(emitter: Emitter, input: Value, axes: readonly number[], name: string): Value {
  const { dims } = input;
  if (!dims) throw invalid(`node "${name}" has an input of unknown rank`);
  const removed =
    axes.length > 0
      ? axes.map((axis) => positiveAxis(axis, dims.length, name))
      : dims.flatMap((dim, axis) => (dim === 1 ? [axis] : []));
  const result = dims.filter((_, axis) => !removed.includes(axis));
  return reordered(emitter, 'Squeeze', input, removed, result, name);
}

/** Inserts an axis of size 1. */
export function expandDims(emitter: Emitter, input: Value, axis: number, name: string): Value {
  const { dims } = input;
  if (!dims) throw invalid(`node "${name}" has an input of unknown rank`);
  const at = positiveAxis(axis, dims.length + 1, name);
  return reordered(emitter, 'Unsqueeze', input, [at], dims.toSpliced(at, 0, 1), name);
}

function reordered(
  emitter: Emitter,
  opType: 'Squeeze' | 'Unsqueeze',
  input: Value,
  axes: readonly number[],
  dims: readonly Known[],
  name: string,
): Value {
  if (input.constant) return { ...input, dims, names: {} };
  const rank = input.dims!.length;
  // A spatial axis can go or come without a change of the order.
  if (opType === 'Squeeze' && isFirst(input) && axes.every((axis) => axis > 0 && axis < rank - 1)) {
    const onnxAxes = emitter.ints(axes.map((axis) => firstAxis(axis, rank)));
    const output = emitter.node(opType, [input.names.first!, onnxAxes], {}, name);
    return dims.length >= 3 ? firstValue(output, input.type, dims) : lastValue(output, input.type, dims);
  }
  if (opType === 'Unsqueeze' && isFirst(input) && axes[0]! > 0 && axes[0]! < rank) {
    const onnxAxes = emitter.ints([axes[0]! + 1]);
    return firstValue(emitter.node(opType, [input.names.first!, onnxAxes], {}, name), input.type, dims);
  }
  const output = emitter.node(opType, [emitter.last(input), emitter.ints(axes)], {}, name);
  return lastValue(output, input.type, dims, carried(input, dims));
}

/** Permutes the axes. */
export function transpose(emitter: Emitter, input: Value, order: readonly number[], name: string): Value {
  const rank = input.dims?.length ?? order.length;
  const axes = order.map((axis) => positiveAxis(axis, rank, name));
  if (axes.length !== rank || new Set(axes).size !== rank) {
    throw invalid(`node "${name}" has the invalid permutation [${order.join(', ')}]`);
  }
  const dims = input.dims && axes.map((axis) => input.dims![axis]!);
  if (isFirst(input)) {
    const perm = axes.map((axis) => firstAxis(axis, rank));
    return lastValue(emitter.node('Transpose', [input.names.first!], { perm }, name), input.type, dims);
  }
  return lastValue(emitter.node('Transpose', [emitter.last(input)], { perm: axes }, name), input.type, dims);
}

/** Returns the elements of a tensor that only got another shape. */
export function carried(input: Value, dims: readonly Known[] | undefined): readonly Known[] | undefined {
  return input.elements && elementCount(dims) === input.elements.length ? input.elements : undefined;
}

export function unknownDims(rank: Known): Known[] | undefined {
  return rank === null ? undefined : new Array<Known>(rank).fill(null);
}
