/** Conversions of the operators that move, cut, join or create tensors. */
import { DATA_TYPE } from '@sparewheel/onnx';
import { invalid, unsupported } from '../errors.ts';
import { positiveAxis } from '../operators/reduction.ts';
import { expandDims, reshape, squeeze, transpose, unknownDims } from '../operators/reshaping.ts';
import {
  asScalar,
  concat,
  gather,
  pack,
  pad,
  sliceAxes,
  split,
  stridedSlice,
  unpack,
} from '../operators/slicing.ts';
import { intValue, lastValue } from '../tensors/emitter.ts';
import { elementCount, type Known, knownElements, MAX_ELEMENTS, type Value } from '../tensors/value.ts';
import type { Conversion, NodeContext } from './node-context.ts';

const shape: Conversion = (node) => {
  const { emitter, name } = node;
  const { dims } = node.input(0);
  if (dims?.every((dim) => dim !== null)) return intValue(dims as number[], [dims.length]);
  const sizes = emitter.node('Shape', [emitter.last(node.input(0))], {}, `${name}/int64`);
  const cast = emitter.node('Cast', [sizes], { to: DATA_TYPE.int32 }, name);
  const value = lastValue(cast, 'int32', dims && [dims.length], dims);
  return { ...value, names: { last: cast, int64: sizes } };
};

const strided: Conversion = (node) => {
  const { attributes } = node;
  const mask = (name: string) => attributes.int(name, 0);
  const ranges = {
    begin: node.constant(1, 'begin'),
    end: node.constant(2, 'end'),
    strides: node.constant(3, 'strides'),
  };
  if (ranges.begin.length !== ranges.end.length || ranges.begin.length !== ranges.strides.length) {
    throw invalid(`the ranges of node "${node.name}" have different lengths`);
  }
  const masks = {
    begin: mask('begin_mask'),
    end: mask('end_mask'),
    ellipsis: mask('ellipsis_mask'),
    newAxis: mask('new_axis_mask'),
    shrinkAxis: mask('shrink_axis_mask'),
  };
  return stridedSlice(node.emitter, node.input(0), ranges, masks, node.name);
};

/** Cuts a box of a given size; −1 is the rest of the axis. */
const slice: Conversion = (node) => {
  const begin = node.constant(1, 'begin');
  const size = node.constant(2, 'size');
  const rank = node.input(0).dims?.length;
  if (begin.length !== size.length || begin.length !== rank || begin.some((at) => at < 0)) {
    throw invalid(`the ranges of node "${node.name}" do not fit its input`);
  }
  const ranges = begin.map((from, axis) => ({
    axis,
    begin: from,
    end: size[axis] === -1 ? null : from + size[axis]!,
    step: 1,
  }));
  return sliceAxes(node.emitter, node.input(0), ranges, node.name);
};

const join: Conversion = (node) => {
  const axis = node.constantNumber(node.inputs.length - 1, 'axis');
  return concat(node.emitter, node.inputs.slice(0, -1), axis, node.name);
};

const pads =
  (mode: 'constant' | 'reflect'): Conversion =>
  (node) => {
    const amounts = node.constant(1, 'paddings');
    const pairs = Array.from({ length: amounts.length / 2 }, (_, axis): [number, number] => [
      amounts[axis * 2]!,
      amounts[axis * 2 + 1]!,
    ]);
    const fill = node.op === 'PadV2' ? floatOf(node, 2) : 0;
    if (fill !== 0 && node.input(0).type !== 'float32')
      throw unsupported(`the value of "PadV2" (node "${node.name}")`);
    return pad(node.emitter, node.input(0), pairs, mode, node.name, fill);
  };

function floatOf(node: NodeContext, index: number): number {
  const { constant, type, dims } = node.input(index);
  if (!constant || elementCount(dims) !== 1) {
    throw invalid(`an input of "${node.op}" (node "${node.name}") must be a constant number`);
  }
  const bytes = constant.read();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return type === 'float32' ? view.getFloat32(0, true) : view.getInt32(0, true);
}

const mirrorPad: Conversion = (node) => {
  const mode = node.attributes.text('mode', 'reflect');
  if (mode !== 'reflect') throw unsupported(`the mode "${mode}" of "MirrorPad" (node "${node.name}")`);
  return pads('reflect')(node);
};

const divide: Conversion = (node) => {
  const count = node.attributes.int('num_split', 1);
  return split(node.emitter, node.input(1), node.constantNumber(0, 'axis'), count, node.name);
};

const divideAt: Conversion = (node) =>
  split(node.emitter, node.input(0), node.constantNumber(2, 'axis'), node.constant(1, 'sizes'), node.name);

const gatherAxis: Conversion = (node) => {
  if (node.attributes.int('batch_dims', 0) !== 0)
    throw unsupported(`batch_dims of "${node.op}" (node "${node.name}")`);
  const axis = node.inputs.length > 2 ? node.constantNumber(2, 'axis') : 0;
  return gather(node.emitter, node.input(0), node.input(1), axis, node.name);
};

const gatherNd: Conversion = (node) => {
  const { emitter, name } = node;
  const [input, indices] = [node.input(0), node.input(1)];
  const depth = indices.dims?.at(-1);
  const dims =
    input.dims && indices.dims && depth != null
      ? [...indices.dims.slice(0, -1), ...input.dims.slice(depth)]
      : undefined;
  const output = emitter.node('GatherND', [emitter.last(input), emitter.int64(indices)], {}, name);
  return lastValue(output, input.type, dims);
};

const tile: Conversion = (node) => {
  const { emitter, name } = node;
  const [input, repeats] = [node.input(0), node.input(1)];
  const dims = input.dims?.map((dim, axis) => {
    const count = repeats.elements?.[axis] ?? null;
    return dim === null || count === null ? null : dim * count;
  });
  return lastValue(
    emitter.node('Tile', [emitter.last(input), emitter.int64(repeats)], {}, name),
    input.type,
    dims,
  );
};

/** Fills a shape with one number. */
const fill: Conversion = (node) => {
  const { emitter, name } = node;
  const [sizes, value] = [node.input(0), node.input(1)];
  const rank = sizes.elements?.length ?? (sizes.dims?.length === 1 ? sizes.dims[0]! : null);
  const dims: readonly Known[] | undefined = sizes.elements ?? unknownDims(rank);
  const count = elementCount(dims);
  const [number] = knownElements(value) ?? [];
  if (count !== undefined && count <= MAX_ELEMENTS && number !== undefined && value.type !== 'float32') {
    return intValue(new Array<number>(count).fill(number), dims as number[], value.type);
  }
  const scalar = emitter.last(asScalar(emitter, value, `${name}/value`));
  return lastValue(emitter.node('Expand', [scalar, emitter.int64(sizes)], {}, name), value.type, dims);
};

const range: Conversion = (node) => {
  const { emitter, name } = node;
  const [start, limit, delta] = [0, 1, 2].map((index) => knownElements(node.input(index))?.[0]);
  const { type } = node.input(0);
  if (start !== undefined && limit !== undefined && delta !== undefined && delta !== 0 && type === 'int32') {
    const count = Math.max(0, Math.ceil((limit - start) / delta));
    if (count <= MAX_ELEMENTS)
      return intValue(
        Array.from({ length: count }, (_, i) => start + i * delta),
        [count],
      );
  }
  const inputs = [0, 1, 2].map((index) => emitter.last(node.input(index)));
  return lastValue(emitter.node('Range', inputs, {}, name), type, [null]);
};

const filledLike =
  (number: number): Conversion =>
  (node) => {
    const { emitter, name } = node;
    const input = node.input(0);
    const zero = emitter.node('Sub', [emitter.last(input), emitter.last(input)], {}, `${name}/zero`);
    if (number === 0) return lastValue(zero, input.type, input.dims);
    const one = emitter.node('Pow', [zero, zero], {}, name);
    return lastValue(one, input.type, input.dims);
  };

const topK: Conversion = (node) => {
  const { emitter, name } = node;
  const input = node.input(0);
  const count = node.inputs.length > 1 ? (node.input(1).elements?.[0] ?? null) : node.attributes.int('k', 1);
  if (!input.dims || input.dims.length === 0) throw invalid(`node "${name}" has an input of unknown rank`);
  const k =
    count !== null
      ? emitter.ints([count])
      : emitter.node('Reshape', [emitter.int64(node.input(1)), emitter.ints([1])], {}, `${name}/k`);
  const sorted = node.attributes.bool('sorted', true) ? 1 : 0;
  const [values, indices] = emitter.nodeOf('TopK', [emitter.last(input), k], { axis: -1, sorted }, name, 2);
  const dims = [...input.dims.slice(0, -1), count];
  const cast = emitter.node('Cast', [indices!], { to: DATA_TYPE.int32 }, `${name}/indices`);
  return [lastValue(values!, input.type, dims), lastValue(cast, 'int32', dims)];
};

/** Returns the positions of true elements. */
const where: Conversion = (node) => {
  const { emitter, name } = node;
  const input = node.input(0);
  if (node.inputs.length !== 1)
    throw unsupported(`"Where" with ${node.inputs.length} inputs (node "${name}")`);
  const found = emitter.node('NonZero', [emitter.last(input)], {}, `${name}/axes`);
  const rows = emitter.node('Transpose', [found], { perm: [1, 0] }, `${name}/rows`);
  const output = emitter.node('Cast', [rows], { to: DATA_TYPE.int32 }, name);
  return lastValue(output, 'int32', [null, input.dims?.length ?? null]);
};

const order: Conversion = (node) =>
  transpose(node.emitter, node.input(0), node.constant(1, 'permutation'), node.name);

const unstack: Conversion = (node) => {
  const { attributes, emitter, name } = node;
  const input = node.input(0);
  const axis = attributes.int('axis', 0);
  const at = input.dims && positiveAxis(axis, input.dims.length, name);
  const count = attributes.int('num', at === undefined ? 0 : (input.dims![at] ?? 0));
  if (count > 10_000 || count < 0) throw invalid(`node "${name}" has the invalid number of parts ${count}`);
  return unpack(emitter, input, axis, count, name);
};

const squeezeAxes: Conversion = (node) => {
  const { attributes } = node;
  const axes = attributes.ints(attributes.has('squeeze_dims') ? 'squeeze_dims' : 'axis');
  return squeeze(node.emitter, node.input(0), axes, node.name);
};

const identity: Conversion = (node) => node.input(0);

const identities: Conversion = (node): readonly Value[] => node.inputs;

export const SHAPE_OPERATORS: Readonly<Record<string, Conversion>> = {
  Identity: identity,
  IdentityN: identities,
  StopGradient: identity,
  Snapshot: identity,
  PreventGradient: identity,
  CheckNumerics: identity,
  PlaceholderWithDefault: identity,
  Shape: shape,
  Reshape: (node) => reshape(node.emitter, node.input(0), node.input(1), node.name),
  Squeeze: squeezeAxes,
  ExpandDims: (node) => expandDims(node.emitter, node.input(0), node.constantNumber(1, 'axis'), node.name),
  Transpose: order,
  StridedSlice: strided,
  Slice: slice,
  ConcatV2: join,
  Pack: (node) => pack(node.emitter, node.inputs, node.attributes.int('axis', 0), node.name),
  Unpack: unstack,
  Split: divide,
  SplitV: divideAt,
  Pad: pads('constant'),
  PadV2: pads('constant'),
  MirrorPad: mirrorPad,
  Gather: gatherAxis,
  GatherV2: gatherAxis,
  GatherNd: gatherNd,
  Tile: tile,
  Fill: fill,
  Range: range,
  ZerosLike: filledLike(0),
  OnesLike: filledLike(1),
  TopKV2: topK,
  Where: where,
};
