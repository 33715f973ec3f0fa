/**
 * Encodes a chunk of a blob on `/control` as one binary frame: the header of frame.ts with kind 5 and the number of the
 * acknowledgment in place of the request, then the blob's digest and size, the chunk's offset, and the bytes.
 */
import { FRAME_HEADER_BYTES, FRAME_MAGIC, MalformedFrameError, UnencodableMessageError } from './frame.ts';
import { LIMITS } from './limits.ts';
import { PROTOCOL_VERSION } from './wire.ts';

export const BLOB_KIND = 5;
/** Frame header, 32 bytes of SHA-256, then the blob's size and the chunk's offset as 64-bit integers. */
export const BLOB_HEADER_BYTES = FRAME_HEADER_BYTES + 32 + 8 + 8;
const NO_ACKNOWLEDGMENT = 0xffff_ffff;

export interface BlobChunk {
  /** Lower-case hexadecimal digest of the whole blob. */
  readonly sha256: string;
  /** Size of the whole blob. */
  readonly bytes: number;
  /** Offset of `data` in the blob. */
  readonly offset: number;
  readonly data: Uint8Array;
  /** A frame that contains the data from `BLOB_HEADER_BYTES` on, so that encoding does not copy. */
  readonly frame?: Uint8Array<ArrayBuffer>;
}

/**
 * Creates a frame for a chunk of the largest size.
 * @returns the frame and its data part; use `data.subarray(0, n)` for a smaller chunk
 */
export function blobFrameBuffer(): { frame: Uint8Array<ArrayBuffer>; data: Uint8Array<ArrayBuffer> } {
  const frame = new Uint8Array(BLOB_HEADER_BYTES + LIMITS.blobChunkBytes);
  return { frame, data: frame.subarray(BLOB_HEADER_BYTES) };
}

/**
 * Encodes a chunk.
 * @returns a new frame, or the chunk's own, which must not change until the chunk is acknowledged
 * @throws {UnencodableMessageError} the chunk exceeds LIMITS.blobChunkBytes or the end of its blob
 */
export function encodeBlobFrame(
  chunk: BlobChunk,
  acknowledgment: number | undefined,
): Uint8Array<ArrayBuffer> {
  const reason = faultOf(chunk);
  if (reason !== null) throw new UnencodableMessageError(reason);
  if (!/^[0-9a-f]{64}$/.test(chunk.sha256))
    throw new UnencodableMessageError('the digest is not a SHA-256 in lower-case hexadecimal');
  const frame = frameOf(chunk);
  const view = new DataView(frame.buffer, frame.byteOffset);
  view.setUint8(0, FRAME_MAGIC);
  view.setUint8(1, PROTOCOL_VERSION);
  view.setUint8(2, BLOB_KIND);
  view.setUint8(3, 0);
  view.setUint32(4, acknowledgment ?? NO_ACKNOWLEDGMENT, true);
  view.setBigUint64(8, 0n, true);
  for (let byte = 0; byte < 32; byte++) {
    frame[FRAME_HEADER_BYTES + byte] = Number.parseInt(chunk.sha256.slice(2 * byte, 2 * byte + 2), 16);
  }
  view.setBigUint64(48, BigInt(chunk.bytes), true);
  view.setBigUint64(56, BigInt(chunk.offset), true);
  return frame;
}

/** Returns the chunk's frame with its data. */
function frameOf({ data, frame }: BlobChunk): Uint8Array<ArrayBuffer> {
  const length = BLOB_HEADER_BYTES + data.byteLength;
  if (frame === undefined) {
    const own = new Uint8Array(length);
    own.set(data, BLOB_HEADER_BYTES);
    return own;
  }
  const inPlace = data.buffer === frame.buffer && data.byteOffset === frame.byteOffset + BLOB_HEADER_BYTES;
  if (!inPlace || frame.byteLength < length) {
    throw new UnencodableMessageError('the data of a chunk must start behind the header of its frame');
  }
  return frame.subarray(0, length);
}

/**
 * Decodes a chunk.
 * @returns the chunk; its data is a view of `bytes`
 * @throws {MalformedFrameError}
 */
export function decodeBlobFrame(bytes: Uint8Array): {
  chunk: BlobChunk;
  acknowledgment: number | undefined;
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
  const acknowledgment = view.getUint32(4, true);
  return { chunk, acknowledgment: acknowledgment === NO_ACKNOWLEDGMENT ? undefined : acknowledgment };
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
