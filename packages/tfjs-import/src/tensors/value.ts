import { DATA_TYPE } from '@sparewheel/onnx';

/** The element types of TensorFlow.js that have a conversion. */
export type TensorType = 'float32' | 'int32' | 'bool';

export const ONNX_TYPE = {
  float32: DATA_TYPE.float32,
  int32: DATA_TYPE.int32,
  bool: DATA_TYPE.bool,
} as const satisfies Record<TensorType, number>;

/** A size or an element that is null where it is known only at run time. */
export type Known = number | null;

/** The elements of a constant. */
export interface Constant {
  readonly byteLength: number;
  /** Returns little-endian elements, row-major in TensorFlow's order of axes. */
  read(): Uint8Array;
}

/**
 * A tensor of the TensorFlow graph. In the ONNX graph it exists with its channels last (TensorFlow's order of
 * axes), with its channels first (ONNX's), or both. The emitter adds a missing form when an operator asks for
 * it, so that a chain of convolutions has no transposes between its layers.
 */
export interface Value {
  readonly type: TensorType;
  /** In TensorFlow's order of axes; undefined if the rank is unknown. */
  readonly dims: readonly Known[] | undefined;
  /** Elements of a small integer or boolean tensor, row-major. Shapes are computed with them. */
  readonly elements?: readonly Known[] | undefined;
  readonly constant?: Constant | undefined;
  /** Names in the ONNX graph. */
  readonly names: { last?: string; first?: string; int64?: string };
}

/** Tensors with more elements take no part in the computation of shapes. */
export const MAX_ELEMENTS = 1024;

export function rankOf(value: Value): number | undefined {
  return value.dims?.length;
}

/** Returns whether a tensor exists only with its channels first. */
export function isFirst(value: Value): boolean {
  return value.names.first !== undefined && value.names.last === undefined && !value.constant;
}

/** Returns all elements of a tensor; undefined if one is unknown. */
export function knownElements(value: Value): readonly number[] | undefined {
  const { elements } = value;
  return elements?.every((element) => element !== null) ? (elements as readonly number[]) : undefined;
}

export function product(dims: readonly number[]): number {
  return dims.reduce((result, dim) => result * dim, 1);
}

/** Returns the number of elements; undefined if it is unknown. */
export function elementCount(dims: readonly Known[] | undefined): number | undefined {
  return dims?.every((dim) => dim !== null) ? product(dims as readonly number[]) : undefined;
}

/** Returns the axes of the channels-first form: entry i is the TensorFlow axis at position i. */
export function firstOrder(rank: number): number[] {
  return [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, axis) => axis + 1)];
}

/** Returns the permutation from the channels-first form back to TensorFlow's order. */
export function lastOrder(rank: number): number[] {
  return [0, ...Array.from({ length: rank - 2 }, (_, axis) => axis + 2), 1];
}

/** Returns the position of a TensorFlow axis in the channels-first form. */
export function firstAxis(axis: number, rank: number): number {
  return axis === 0 ? 0 : axis === rank - 1 ? 1 : axis + 1;
}

/** Transposes row-major elements of `size` bytes. */
export function transposeBytes(
  bytes: Uint8Array,
  dims: readonly number[],
  order: readonly number[],
  size: number,
): Uint8Array {
  if (order.every((axis, position) => axis === position)) return bytes;
  const strides = new Array<number>(dims.length).fill(1);
  for (let axis = dims.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * dims[axis + 1]!;
  const sizes = order.map((axis) => dims[axis]!);
  const steps = order.map((axis) => strides[axis]!);
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  const view = (array: Uint8Array) =>
    size === 1 ? array : new Uint32Array(array.buffer, array.byteOffset, array.byteLength / 4);
  const source = view(aligned);
  const result = new Uint8Array(bytes.byteLength);
  const target = view(result);
  const index = new Array<number>(sizes.length).fill(0);
  let from = 0;
  for (let to = 0; to < target.length; to++) {
    target[to] = source[from]!;
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++index[axis]! < sizes[axis]!) break;
      from -= steps[axis]! * sizes[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}
