/** The element types on the wire, with the names of ONNX Runtime's `Tensor.type`. */
export const ELEMENT_TYPES = [
  'float32',
  'float64',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'bool',
  'float16',
] as const;

export type ElementType = (typeof ELEMENT_TYPES)[number];

/** The types of a model's tensors. Strings are not on the wire: only the data plane computes with them. */
export const TENSOR_TYPES = [...ELEMENT_TYPES, 'string'] as const;

export type TensorType = (typeof TENSOR_TYPES)[number];

export interface TensorDataByType {
  float32: Float32Array;
  float64: Float64Array;
  int8: Int8Array;
  uint8: Uint8Array;
  int16: Int16Array;
  uint16: Uint16Array;
  int32: Int32Array;
  uint32: Uint32Array;
  int64: BigInt64Array;
  uint64: BigUint64Array;
  /** One byte per element, 0 or 1. */
  bool: Uint8Array;
  /** The bits of each element, see float16.ts. */
  float16: Uint16Array;
  /** The bytes of all elements, see strings.ts. */
  string: Uint8Array;
}

export type TensorData = TensorDataByType[TensorType];

/**
 * A dense, row-major tensor. `data.length` is the product of `dims` (1 for a scalar, whose `dims` is []), except for
 * strings.
 */
export interface Tensor<T extends TensorType = TensorType> {
  readonly type: T;
  readonly dims: readonly number[];
  readonly data: TensorDataByType[T];
}

/** A dimension of an input that the model leaves open. */
export interface FreeDimension {
  /** The model's name for it, or "INPUT.AXIS". */
  readonly name: string;
  /** The size that plans are made for. */
  readonly usual: number;
  /** Requests with a larger size are refused. */
  readonly max: number;
  /** The node that accepts no other size than the usual one, if any: "Reshape "r"". The dimension is then fixed. */
  readonly fixedBy?: string;
}

/** An input or output as its model declares it. A dimension of -1 may have any size. */
export interface TensorSpec {
  readonly name: string;
  readonly type: TensorType;
  readonly dims: readonly number[];
  /** By axis of an input, null for a fixed dimension. Absent if the model leaves none open. */
  readonly free?: readonly (FreeDimension | null)[];
}

/** Returns the shape of a tensor at the usual sizes of its free dimensions; 1 where none is known. */
export function usualDims({ dims, free }: TensorSpec): number[] {
  return dims.map((dim, axis) => (dim === -1 ? (free?.[axis]?.usual ?? 1) : dim));
}

export const BYTES_PER_ELEMENT: Readonly<Record<ElementType, number>> = {
  float32: 4,
  float64: 8,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
  bool: 1,
  float16: 2,
};

const VIEWS = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
  float16: Uint16Array,
  string: Uint8Array,
} as const;

/** Returns the number of elements of a shape: 1 for a scalar, 0 if a dimension is 0. */
export function elementCount(dims: readonly number[]): number {
  let count = 1;
  for (const dim of dims) count *= dim;
  return count;
}

/**
 * Returns bytes as tensor data. Copies them if the offset is not aligned to the element size.
 * @param bytes  little-endian elements; shared with the result if aligned
 * @throws {RangeError} the length is not a whole number of elements
 */
export function viewTensorData<T extends TensorType>(type: T, bytes: Uint8Array): TensorDataByType[T] {
  const size = type === 'string' ? 1 : BYTES_PER_ELEMENT[type as ElementType];
  if (bytes.byteLength % size !== 0) {
    throw new RangeError(
      `${bytes.byteLength} bytes are not a whole number of ${type} elements of ${size} bytes`,
    );
  }
  // Not bytes.slice(): a Node Buffer's slice is a view of the same, misaligned memory.
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  const View = VIEWS[type] as unknown as new (
    buffer: ArrayBufferLike,
    offset: number,
    length: number,
  ) => TensorDataByType[T];
  return new View(aligned.buffer, aligned.byteOffset, aligned.byteLength / size);
}

/** Returns the bytes of a typed array without a copy. */
export function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
