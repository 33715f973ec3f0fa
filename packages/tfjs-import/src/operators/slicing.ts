import { invalid, unsupported } from '../errors.ts';
import { type Emitter, firstValue, intValue, lastValue } from '../tensors/emitter.ts';
import { elementCount, firstAxis, isFirst, type Known, knownElements, type Value } from '../tensors/value.ts';
import { positiveAxis } from './reduction.ts';
import { expandDims, reshapeTo, squeeze } from './reshaping.ts';

/** A number that ONNX's Slice limits to the size of the axis. */
const TO_END = Number.MAX_SAFE_INTEGER;

/** A range of one axis. `end` null means to the end. */
export interface AxisRange {
  readonly axis: number;
  readonly begin: number;
  readonly end: number | null;
  readonly step: number;
}

/** Cuts ranges out of a tensor. Axes are not negative. */
export function sliceAxes(emitter: Emitter, input: Value, ranges: readonly AxisRange[], name: string): Value {
  const { dims } = input;
  if (!dims) throw invalid(`node "${name}" has an input of unknown rank`);
  const result = [...dims];
  const cut = ranges.filter(({ begin, end, step }) => begin !== 0 || end !== null || step !== 1);
  for (const range of cut) result[range.axis] = sizeOf(range, dims[range.axis]!);
  if (cut.length === 0) return input;
  if (input.elements && dims.length === 1 && dims[0] !== null) {
    const { begin, end, step } = cut[0]!;
    const elements = step === 1 ? input.elements.slice(begin, end ?? undefined) : undefined;
    if (elements?.every((each) => each !== null)) {
      return intValue(elements as readonly number[], [elements.length], input.type);
    }
    return { ...emitSlice(emitter, input, cut, result, name), elements };
  }
  return emitSlice(emitter, input, cut, result, name);
}

function emitSlice(
  emitter: Emitter,
  input: Value,
  cut: readonly AxisRange[],
  dims: readonly Known[],
  name: string,
): Value {
  const first = isFirst(input);
  const tensor = first ? input.names.first! : emitter.last(input);
  const lists = [
    cut.map(({ begin }) => begin),
    cut.map(({ end, step }) => end ?? (step > 0 ? TO_END : -TO_END)),
    cut.map(({ axis }) => (first ? firstAxis(axis, dims.length) : axis)),
    cut.map(({ step }) => step),
  ];
  const output = emitter.node('Slice', [tensor, ...lists.map((list) => emitter.ints(list))], {}, name);
  return first ? firstValue(output, input.type, dims) : lastValue(output, input.type, dims);
}

function sizeOf({ begin, end, step }: AxisRange, size: Known): Known {
  if (size === null) return null;
  const clamp = (at: number, low: number, high: number) =>
    Math.min(high, Math.max(low, at < 0 ? at + size : at));
  const [from, to] =
    step > 0
      ? [clamp(begin, 0, size), end === null ? size : clamp(end, 0, size)]
      : [clamp(begin, -1, size - 1), end === null ? -1 : clamp(end, -1, size - 1)];
  return Math.max(0, Math.ceil((to - from) / step));
}

export interface StridedSliceMasks {
  readonly begin: number;
  readonly end: number;
  readonly ellipsis: number;
  readonly newAxis: number;
  readonly shrinkAxis: number;
}

/** Adds TensorFlow's strided slice with constant ranges. A bit of a mask stands for an entry of the ranges. */
export function stridedSlice(
  emitter: Emitter,
  input: Value,
  ranges: { begin: readonly number[]; end: readonly number[]; strides: readonly number[] },
  masks: StridedSliceMasks,
  name: string,
): Value {
  const rank = input.dims?.length;
  if (rank === undefined) throw invalid(`node "${name}" has an input of unknown rank`);
  const entries = ranges.begin.length;
  const bit = (mask: number, entry: number) => (mask & (1 << entry)) !== 0;
  const cut: AxisRange[] = [];
  const removed: number[] = [];
  /** Positions of new axes in the result before axes are removed. */
  const added: number[] = [];
  let axis = 0;
  for (let entry = 0; entry < entries; entry++) {
    if (bit(masks.ellipsis, entry)) {
      let after = 0;
      for (let later = entry + 1; later < entries; later++) if (!bit(masks.newAxis, later)) after++;
      axis = Math.max(axis, rank - after);
      continue;
    }
    if (bit(masks.newAxis, entry)) {
      added.push(axis + added.length);
      continue;
    }
    if (axis >= rank) throw invalid(`node "${name}" slices more axes than its input has`);
    const begin = ranges.begin[entry]!;
    const step = ranges.strides[entry]!;
    if (bit(masks.shrinkAxis, entry)) {
      cut.push({ axis, begin, end: begin === -1 ? null : begin + 1, step: 1 });
      removed.push(axis);
    } else {
      if (step === 0) throw invalid(`node "${name}" has a stride of 0`);
      const from = bit(masks.begin, entry) ? (step > 0 ? 0 : TO_END) : begin;
      cut.push({ axis, begin: from, end: bit(masks.end, entry) ? null : ranges.end[entry]!, step });
    }
    axis++;
  }
  if (removed.length > 0 && added.length > 0) {
    throw unsupported(`the slice "${name}", which adds and removes axes,`);
  }
  const sliced = sliceAxes(emitter, input, cut, name);
  if (removed.length > 0) return removeAxes(emitter, sliced, removed, `${name}/squeeze`);
  return added.reduce((value, at) => expandDims(emitter, value, at, `${name}/axis`), sliced);
}

function removeAxes(emitter: Emitter, input: Value, axes: readonly number[], name: string): Value {
  const result = squeeze(emitter, input, axes, name);
  return input.elements?.length === 1 ? { ...result, elements: input.elements } : result;
}

/** Joins tensors along an axis. If one of them has its channels first, the result has. */
export function concat(emitter: Emitter, inputs: readonly Value[], axis: number, name: string): Value {
  const rank = inputs.find(({ dims }) => dims)?.dims?.length;
  if (rank === undefined) throw invalid(`node "${name}" joins tensors of unknown rank`);
  const at = positiveAxis(axis, rank, name);
  const dims: Known[] = new Array<Known>(rank).fill(null);
  for (const value of inputs) {
    if (value.dims && value.dims.length !== rank)
      throw invalid(`node "${name}" joins tensors of different ranks`);
    for (let i = 0; i < rank; i++) dims[i] ??= value.dims?.[i] ?? null;
  }
  dims[at] = inputs.reduce<Known>((sum, value) => {
    const size = value.dims?.[at] ?? null;
    return sum === null || size === null ? null : sum + size;
  }, 0);
  const elements =
    rank === 1 && inputs.every((value) => value.elements)
      ? inputs.flatMap((value) => value.elements!)
      : undefined;
  if (elements?.every((each) => each !== null)) {
    return intValue(elements as readonly number[], [elements.length], inputs[0]!.type);
  }
  const { type } = inputs[0]!;
  if (rank >= 3 && inputs.every(({ dims: own }) => own) && inputs.some(isFirst)) {
    const tensors = inputs.map((value) => emitter.first(value));
    return firstValue(emitter.node('Concat', tensors, { axis: firstAxis(at, rank) }, name), type, dims);
  }
  const tensors = inputs.map((value) => emitter.last(value));
  return lastValue(emitter.node('Concat', tensors, { axis: at }, name), type, dims, elements);
}

/** Stacks tensors of one shape along a new axis. */
export function pack(emitter: Emitter, inputs: readonly Value[], axis: number, name: string): Value {
  if (inputs.every((value) => value.elements?.length === 1 && value.dims?.length === 0)) {
    const elements = inputs.map((value) => value.elements![0]!);
    if (elements.every((each) => each !== null)) {
      return intValue(elements as number[], [elements.length], inputs[0]!.type);
    }
  }
  const parts = inputs.map((value) => expandDims(emitter, value, axis, `${name}/axis`));
  return concat(emitter, parts, axis, name);
}

/** Returns the parts of a tensor along an axis, each without the axis. */
export function unpack(emitter: Emitter, input: Value, axis: number, count: number, name: string): Value[] {
  const rank = input.dims?.length;
  if (rank === undefined) throw invalid(`node "${name}" has an input of unknown rank`);
  const at = positiveAxis(axis, rank, name);
  if (input.dims![at] !== null && input.dims![at] !== count) {
    throw invalid(`node "${name}" has ${count} outputs for an axis of ${input.dims![at]}`);
  }
  return Array.from({ length: count }, (_, index) => {
    const range = { axis: at, begin: index, end: index + 1, step: 1 };
    return removeAxes(emitter, sliceAxes(emitter, input, [range], `${name}/part`), [at], `${name}/squeeze`);
  });
}

/** Divides a tensor along an axis into parts of the given sizes, or of equal sizes. */
export function split(
  emitter: Emitter,
  input: Value,
  axis: number,
  parts: number | readonly number[],
  name: string,
): Value[] {
  const rank = input.dims?.length;
  if (rank === undefined) throw invalid(`node "${name}" has an input of unknown rank`);
  const at = positiveAxis(axis, rank, name);
  const size = input.dims![at]!;
  const count = typeof parts === 'number' ? parts : parts.length;
  if (!Number.isSafeInteger(count) || count < 1 || count > 10_000) {
    throw invalid(`node "${name}" has the invalid number of parts ${count}`);
  }
  const even = size === null ? null : size / count;
  const sizes: Known[] = typeof parts === 'number' ? new Array<Known>(count).fill(even) : [...parts];
  if (size !== null && sizes.filter((each) => each === -1).length === 1) {
    const others = sizes.reduce<number>((sum, each) => sum + (each === -1 ? 0 : each!), 0);
    sizes[sizes.indexOf(-1)] = size - others;
  }
  if (sizes.some((each) => each !== null && (!Number.isInteger(each) || each < 0))) {
    throw invalid(`node "${name}" divides ${size} into parts of the sizes [${sizes.join(', ')}]`);
  }
  const first = isFirst(input);
  const tensor = first ? input.names.first! : emitter.last(input);
  const onnxAxis = first ? firstAxis(at, rank) : at;
  const known = sizes.every((each) => each !== null);
  const outputs = known
    ? emitter.nodeOf('Split', [tensor, emitter.ints(sizes as number[])], { axis: onnxAxis }, name, count)
    : emitter.nodeOf('Split', [tensor], { axis: onnxAxis, num_outputs: count }, name, count);
  return outputs.map((output, index) => {
    const dims = input.dims!.toSpliced(at, 1, sizes[index]!);
    return first ? firstValue(output, input.type, dims) : lastValue(output, input.type, dims);
  });
}

/** Returns the elements of an axis at the given indices. */
export function gather(emitter: Emitter, input: Value, indices: Value, axis: number, name: string): Value {
  const rank = input.dims?.length;
  if (rank === undefined) throw invalid(`node "${name}" has an input of unknown rank`);
  const at = positiveAxis(axis, rank, name);
  const chosen = knownElements(indices);
  const dims = indices.dims && input.dims!.toSpliced(at, 1, ...indices.dims);
  if (input.elements && rank === 1 && chosen && indices.dims) {
    const elements = chosen.map((index) => input.elements![index] ?? null);
    if (elements.every((each) => each !== null))
      return intValue(elements as number[], indices.dims as number[], input.type);
  }
  const output = emitter.node('Gather', [emitter.last(input), emitter.last(indices)], { axis: at }, name);
  return lastValue(output, input.type, dims);
}

/**
 * Adds padding.
 * @param amounts  before and after, for each axis
 * @param mode  ONNX's mode
 * @param value  the constant, for the mode "constant"
 */
export function pad(
  emitter: Emitter,
  input: Value,
  amounts: readonly (readonly [number, number])[],
  mode: 'constant' | 'reflect',
  name: string,
  value = 0,
): Value {
  const { dims } = input;
  if (!dims || amounts.length !== dims.length) {
    throw invalid(`node "${name}" has ${amounts.length} amounts of padding for another number of axes`);
  }
  if (amounts.flat().some((amount) => !Number.isSafeInteger(amount) || amount < 0)) {
    throw invalid(`node "${name}" has an invalid amount of padding`);
  }
  if (amounts.flat().every((amount) => amount === 0)) return input;
  const first = isFirst(input);
  const result = dims.map((dim, axis) => (dim === null ? null : dim + amounts[axis]![0] + amounts[axis]![1]));
  const ordered = amounts.map((_, position) => position);
  const order = first ? [0, dims.length - 1, ...ordered.slice(1, -1)] : ordered;
  const pads = [...order.map((axis) => amounts[axis]![0]), ...order.map((axis) => amounts[axis]![1])];
  const tensor = first ? input.names.first! : emitter.last(input);
  const inputs = [tensor, emitter.ints(pads)];
  if (mode === 'constant' && value !== 0) inputs.push(emitter.floats([value], []));
  const output = emitter.node('Pad', inputs, { mode }, name);
  return first ? firstValue(output, input.type, result) : lastValue(output, input.type, result);
}

/** Returns a scalar from a tensor of one element. */
export function asScalar(emitter: Emitter, input: Value, name: string): Value {
  return input.dims?.length === 0 || elementCount(input.dims) !== 1
    ? input
    : reshapeTo(emitter, input, [], name);
}
