import { invalid } from '../errors.ts';
import { type Emitter, firstValue, intValue, lastValue } from '../tensors/emitter.ts';
import { firstAxis, isFirst, knownElements, product, type Value } from '../tensors/value.ts';

export type Reduction = 'ReduceMean' | 'ReduceSum' | 'ReduceMax' | 'ReduceMin' | 'ReduceProd';

/** Adds a reduction over axes. Negative axes count from the end. */
export function reduce(
  emitter: Emitter,
  opType: Reduction,
  input: Value,
  axes: readonly number[],
  keep: boolean,
  name: string,
): Value {
  const { dims } = input;
  if (!dims) throw invalid(`the reduction "${name}" has an input of unknown rank`);
  const rank = dims.length;
  const reduced = [...new Set(axes.map((axis) => positiveAxis(axis, rank, name)))].sort((a, b) => a - b);
  const known = knownElements(input);
  if (opType === 'ReduceProd' && known && reduced.length === rank && !keep)
    return intValue([product(known)], []);
  const result = dims.flatMap((dim, axis) => (reduced.includes(axis) ? (keep ? [1] : []) : [dim]));
  // Without the reduced axes, [batch, channels] is the same in both orders.
  const spatial = reduced.length === rank - 2 && reduced.every((axis, i) => axis === i + 1);
  const first = isFirst(input) && (keep || spatial || reduced.length === rank);
  const tensor = first ? input.names.first! : emitter.last(input);
  const onnxAxes = emitter.ints(first ? reduced.map((axis) => firstAxis(axis, rank)) : reduced);
  const output = emitter.node(
    opType,
    [tensor, onnxAxes],
    { keepdims: keep ? 1 : 0, noop_with_empty_axes: 1 },
    name,
  );
  return first && keep ? firstValue(output, input.type, result) : lastValue(output, input.type, result);
}

/** @throws {ModelRejectedError} INVALID_GRAPH: the tensor has no such axis */
export function positiveAxis(axis: number, rank: number, name: string): number {
  const positive = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(positive) || positive < 0 || positive >= rank) {
    throw invalid(`node "${name}" uses the axis ${axis} of a tensor with ${rank} axes`);
  }
  return positive;
}
