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
] as const;

export type ElementType = (typeof ELEMENT_TYPES)[number];

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
}

export type TensorData = TensorDataByType[ElementType];

/** A dense, row-major tensor. `data.length` is the product of `dims` (1 for a scalar, whose `dims` is []). */
export interface Tensor<T extends ElementType = ElementType> {
  readonly type: T;
  readonly dims: readonly number[];
  readonly data: TensorDataByType[T];
}

/** An input or output as its model declares it. A dimension of -1 may have any size. */
export interface TensorSpec {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly number[];
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
export function viewTensorData<T extends ElementType>(type: T, bytes: Uint8Array): TensorDataByType[T] {
  const size = BYTES_PER_ELEMENT[type];
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
