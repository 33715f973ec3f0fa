/**
 * A chunk of a blob on `/control` as one binary frame: the header of frame.ts with kind 5 and the acknowledgement's
 * number in place of the request, then the blob's digest, its size, the chunk's offset, and the bytes.
 */
import { FRAME_HEADER_BYTES, FRAME_MAGIC, MalformedFrameError, UnencodableMessageError } from './frame.ts';
import { LIMITS } from './limits.ts';
import { PROTOCOL_VERSION } from './wire.ts';

export const BLOB_KIND = 5;
/** Header, 32 bytes of SHA-256, the blob's size and the chunk's offset as 64-bit integers, and 0 in between. */
export const BLOB_HEADER_BYTES = FRAME_HEADER_BYTES + 32 + 8 + 8;
const NO_ACKNOWLEDGEMENT = 0xffff_ffff;

export interface BlobChunk {
  /** Lower-case hexadecimal digest of the whole blob. */
  readonly sha256: string;
  /** Size of the whole blob. */
  readonly bytes: number;
  /** Where `data` belongs in it. */
  readonly offset: number;
  readonly data: Uint8Array;
  /** The frame in which the data lies already, from `BLOB_HEADER_BYTES` on: encoding then copies nothing. */
  readonly frame?: Uint8Array<ArrayBuffer>;
}

/**
 * Room for a chunk of the largest size behind the header of its frame.
 * @returns the frame, and its part that the data go into; `data.subarray(0, n)` for fewer
 */
export function blobFrameBuffer(): { frame: Uint8Array<ArrayBuffer>; data: Uint8Array<ArrayBuffer> } {
  const frame = new Uint8Array(BLOB_HEADER_BYTES + LIMITS.blobChunkBytes);
  return { frame, data: frame.subarray(BLOB_HEADER_BYTES) };
}

/**
 * @returns a frame of its own, or the chunk's, which must not change until the chunk is acknowledged
 * @throws {UnencodableMessageError} a chunk over LIMITS.blobChunkBytes, or one that lies outside its blob
 */
export function encodeBlobFrame(
  chunk: BlobChunk,
  acknowledgement: number | undefined,
): Uint8Array<ArrayBuffer> {
  const reason = faultOf(chunk);
  if (reason !== null) throw new UnencodableMessageError(reason);
  if (!/^[0-9a-f]{64}$/.test(chunk.sha256)) throw new UnencodableMessageError('a digest that is not SHA-256');
  const frame = frameOf(chunk);
  const view = new DataView(frame.buffer, frame.byteOffset);
  view.setUint8(0, FRAME_MAGIC);
  view.setUint8(1, PROTOCOL_VERSION);
  view.setUint8(2, BLOB_KIND);
  view.setUint8(3, 0);
  view.setUint32(4, acknowledgement ?? NO_ACKNOWLEDGEMENT, true);
  view.setBigUint64(8, 0n, true);
  for (let byte = 0; byte < 32; byte++) {
    frame[FRAME_HEADER_BYTES + byte] = Number.parseInt(chunk.sha256.slice(2 * byte, 2 * byte + 2), 16);
  }
  view.setBigUint64(48, BigInt(chunk.bytes), true);
  view.setBigUint64(56, BigInt(chunk.offset), true);
  return frame;
}

/** The chunk's frame, its data in place. */
function frameOf({ data, frame }: BlobChunk): Uint8Array<ArrayBuffer> {
  const length = BLOB_HEADER_BYTES + data.byteLength;
  if (frame === undefined) {
    const own = new Uint8Array(length);
    own.set(data, BLOB_HEADER_BYTES);
    return own;
  }
  const inPlace = data.buffer === frame.buffer && data.byteOffset === frame.byteOffset + BLOB_HEADER_BYTES;
  if (!inPlace || frame.byteLength < length) {
    throw new UnencodableMessageError('a chunk whose data do not lie behind the header of its frame');
  }
  return frame.subarray(0, length);
}

/**
 * @returns the chunk, its data a view of `bytes`
 * @throws {MalformedFrameError}
 */
export function decodeBlobFrame(bytes: Uint8Array): {
  chunk: BlobChunk;
  acknowledgement: number | undefined;
} {
  if (bytes.byteLength < BLOB_HEADER_BYTES) {
    throw new MalformedFrameError(`${bytes.byteLength} bytes are too few for a blob chunk`, bytes.byteLength);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint8(0) !== FRAME_MAGIC || view.getUint8(1) !== PROTOCOL_VERSION) {
    throw new MalformedFrameError('unknown magic or version', 0);
  }
  if (view.getUint8(2) !== BLOB_KIND) throw new MalformedFrameError('not a blob chunk', 2);
  if (view.getUint8(3) !== 0 || view.getBigUint64(8, true) !== 0n) {
    throw new MalformedFrameError('reserved field is not zero', 3);
  }
  let sha256 = '';
  for (const byte of bytes.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + 32)) {
    sha256 += byte.toString(16).padStart(2, '0');
  }
  const chunk: BlobChunk = {
    sha256,
    bytes: Number(view.getBigUint64(48, true)),
    offset: Number(view.getBigUint64(56, true)),
    data: new Uint8Array(
      bytes.buffer,
      bytes.byteOffset + BLOB_HEADER_BYTES,
      bytes.byteLength - BLOB_HEADER_BYTES,
    ),
  };
  const reason = faultOf(chunk);
  if (reason !== null) throw new MalformedFrameError(reason, 48);
  const acknowledgement = view.getUint32(4, true);
  return { chunk, acknowledgement: acknowledgement === NO_ACKNOWLEDGEMENT ? undefined : acknowledgement };
}

function faultOf({ bytes, offset, data }: BlobChunk): string | null {
  if (!Number.isSafeInteger(bytes) || bytes < 0 || bytes > LIMITS.modelBytes)
    return `a blob of ${bytes} bytes`;
  if (data.byteLength > LIMITS.blobChunkBytes) {
    return `a chunk of ${data.byteLength} bytes, the limit is ${LIMITS.blobChunkBytes}`;
  }
  if (!Number.isSafeInteger(offset) || offset < 0 || offset + data.byteLength > bytes) {
    return `a chunk of ${data.byteLength} bytes at ${offset} lies outside a blob of ${bytes} bytes`;
  }
  return null;
}
