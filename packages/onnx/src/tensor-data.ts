import { ExternalDataError } from './errors.ts';
import { type ConstantTensor, DATA_TYPE, type TensorStorage } from './model.ts';

/** Where a constant lies in a file beside the model. */
export type ExternalStorage = Extract<TensorStorage, { kind: 'external' }>;

/** Where the bytes of external tensors come from. A location is a file name; it never leads elsewhere. */
export interface ExternalData {
  /**
   * @param length  undefined for everything from `offset` on
   * @param into  where to put the bytes if they must be copied; `length` or more; made anew where it is not given
   * @returns undefined where there is no such file, or it has fewer bytes
   */
  read(
    location: string,
    offset: number,
    length: number | undefined,
    into?: Uint8Array<ArrayBuffer>,
  ): Uint8Array | undefined;
}

export const NO_EXTERNAL_DATA: ExternalData = { read: () => undefined };

/** External data that is in memory, by location. */
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
 * The little-endian bytes of a constant; a view on the model's or the external data's own bytes.
 * @throws {ExternalDataError} its file is missing or too short
 * @throws {TypeError} it holds strings
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
      throw new TypeError(`constant "${tensor.name}" holds strings`);
  }
}

/**
 * A range of a file; see `ExternalData`.
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

/** Pieces of this size are read where a constant is only passed on: they stay in a processor's cache. */
const PIECE_BYTES = 1024 * 1024;

/**
 * As `tensorBytes`, piece by piece: external data is read as it is asked for, so that it is never there as a whole.
 * A piece is there until the next one is asked for, which may take its place.
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
 * The elements of a float32 constant, row-major; a view where the bytes are aligned, one copy where they are not.
 * @throws {TypeError} it is not float32
 */
export function float32Data(tensor: ConstantTensor, external: ExternalData): Float32Array {
  if (tensor.dataType !== DATA_TYPE.float32) throw new TypeError(`constant "${tensor.name}" is not float32`);
  const bytes = tensorBytes(tensor, external);
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength >> 2);
}

/** Bytes that a constant takes; 0 for strings, whose size nobody needs. */
export function tensorByteLength(tensor: ConstantTensor): number {
  const { storage } = tensor;
  if (storage.kind === 'raw') return storage.bytes.byteLength;
  if (storage.kind === 'computed') return storage.byteLength;
  return storage.kind === 'external' ? (storage.length ?? 0) : 0;
}
