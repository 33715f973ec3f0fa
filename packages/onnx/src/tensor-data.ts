import { ExternalDataError } from './errors.ts';
import { halfToFloat32, isHalf } from './half.ts';
import { type ConstantTensor, DATA_TYPE, type TensorStorage } from './model.ts';

/** A range of a file with the elements of a constant. */
export type ExternalStorage = Extract<TensorStorage, { kind: 'external' }>;

/** The source of external tensors. A location is a file name inside the model's directory. */
export interface ExternalData {
  /**
   * Reads a range of a file.
   * @param length  undefined for the rest of the file
   * @param into  output array of at least `length` bytes, if the bytes must be copied; default: a new array
   * @returns undefined if the file is missing or too short
   */
  read(
    location: string,
    offset: number,
    length: number | undefined,
    into?: Uint8Array<ArrayBuffer>,
  ): Uint8Array | undefined;
}

export const NO_EXTERNAL_DATA: ExternalData = { read: () => undefined };

/** Returns external data from files in memory, by location. */
export function externalDataFrom(files: ReadonlyMap<string, Uint8Array>): ExternalData {
  return {
    read(location, offset, length) {
      const file = files.get(location);
      const end = length === undefined ? file?.byteLength : offset + length;
      if (!file || end === undefined || end > file.byteLength || offset > end) return undefined;
      return file.subarray(offset, end);
    },
  };
}

/**
 * Returns the little-endian bytes of a constant: a view where possible.
 * @throws {ExternalDataError} its file is missing or too short
 * @throws {TypeError} it contains strings
 */
export function tensorBytes(tensor: ConstantTensor, external: ExternalData): Uint8Array {
  const { storage } = tensor;
  switch (storage.kind) {
    case 'raw':
      return storage.bytes;
    case 'external':
      return externalBytes(tensor.name, storage, external);
    case 'computed': {
      const whole = new Uint8Array(storage.byteLength);
      let at = 0;
      for (const piece of storage.pieces()) {
        whole.set(piece, at);
        at += piece.byteLength;
      }
      return whole;
    }
    case 'strings':
      throw new TypeError(`constant "${tensor.name}" contains strings, which have no byte representation`);
  }
}

/**
 * Reads a constant's range of a file.
 * @param into  as in `ExternalData.read`
 * @throws {ExternalDataError} the file is missing or too short
 */
export function externalBytes(
  constant: string,
  { location, offset, length }: ExternalStorage,
  external: ExternalData,
  into?: Uint8Array<ArrayBuffer>,
): Uint8Array {
  const bytes = external.read(location, offset, length, into);
  if (bytes) return bytes;
  const end = length === undefined ? '' : ` to ${offset + length}`;
  throw new ExternalDataError(constant, location, `whose bytes ${offset}${end} are missing`);
}

/** Size of a read when a constant is copied: small enough for a processor's cache. */
const PIECE_BYTES = 1024 * 1024;

/**
 * Yields the bytes of a constant in pieces, so that external data is never in memory as a whole. The next
 * piece may overwrite the previous one.
 * @throws as `tensorBytes`
 */
export function* tensorPieces(tensor: ConstantTensor, external: ExternalData): Generator<Uint8Array> {
  const { storage } = tensor;
  if (storage.kind === 'computed') {
    yield* storage.pieces();
    return;
  }
  if (storage.kind !== 'external' || storage.length === undefined) {
    yield tensorBytes(tensor, external);
    return;
  }
  const piece = new Uint8Array(Math.min(PIECE_BYTES, storage.length));
  for (let done = 0; done < storage.length; done += PIECE_BYTES) {
    const length = Math.min(PIECE_BYTES, storage.length - done);
    yield externalBytes(tensor.name, { ...storage, offset: storage.offset + done, length }, external, piece);
  }
}

/**
 * Returns the elements of a float32 constant, row-major: a view if the bytes are aligned, otherwise a copy. Converts
 * float16 and bfloat16.
 * @throws {TypeError} it has another type
 */
export function float32Data(tensor: ConstantTensor, external: ExternalData): Float32Array {
  if (isHalf(tensor.dataType)) return halfToFloat32(halfData(tensor, external), tensor.dataType);
  if (tensor.dataType !== DATA_TYPE.float32) throw new TypeError(`constant "${tensor.name}" is not float32`);
  const bytes = tensorBytes(tensor, external);
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength >> 2);
}

/** Returns the bits of the elements of a float16 or bfloat16 constant: a view if they are aligned, otherwise a copy. */
export function halfData(tensor: ConstantTensor, external: ExternalData): Uint16Array {
  const bytes = tensorBytes(tensor, external);
  const aligned = bytes.byteOffset % 2 === 0 ? bytes : new Uint8Array(bytes);
  return new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength >> 1);
}

/** Returns the size of a constant in bytes; 0 for strings and for external data of unknown length. */
export function tensorByteLength(tensor: ConstantTensor): number {
  const { storage } = tensor;
  if (storage.kind === 'raw') return storage.bytes.byteLength;
  if (storage.kind === 'computed') return storage.byteLength;
  return storage.kind === 'external' ? (storage.length ?? 0) : 0;
}
