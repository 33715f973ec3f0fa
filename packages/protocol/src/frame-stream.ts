/**
 * Frames on a byte stream: the tensor socket. Each frame follows a prefix of 8 bytes, its length (4 bytes,
 * little-endian) and zero, so that frames and their elements stay aligned to 8 bytes in a buffer that holds both.
 */
import {
  detailOf,
  elementBytes,
  encodeFrame,
  FRAME_HEADER_BYTES,
  layOut,
  layOutShapes,
  MalformedFrameError,
  type TensorShape,
  writeHead,
} from './frame.ts';
import { LIMITS } from './limits.ts';
import { bytesOf, elementCount, type Tensor, viewTensorData } from './tensor.ts';
import type { FromDevice, ToDevice } from './wire.ts';

export const STREAM_PREFIX_BYTES = 8;

/** Up to this length, copying a frame into one buffer is cheaper than writing several buffers. */
const COPIED_BYTES = 32 * 1024;

/** A peer that announces more gets memory only as its bytes arrive. */
const TRUSTED_BYTES = 4 * 1024 * 1024;

/** Writes the prefix of a frame of `length` bytes. */
export function writeStreamPrefix(view: DataView, offset: number, length: number): void {
  view.setUint32(offset, length, true);
  view.setUint32(offset + 4, 0, true);
}

/**
 * Encodes a message for a byte stream.
 * @returns buffers to write one after the other; large tensors are views of the message's data, which must not change
 *   until the buffers are written
 * @throws {UnencodableMessageError} a limit of LIMITS is exceeded, or a tensor's data do not fill its dims
 */
export function encodeForStream(message: ToDevice | FromDevice): readonly Uint8Array[] {
  if (message.kind === 'refusal') {
    const frame = encodeFrame(message);
    return [withPrefix(frame.byteLength, frame.byteLength, (bytes) => bytes.set(frame))];
  }
  const tensors: readonly Tensor[] = message.kind === 'cancel' ? [] : message.tensors;
  const { bytes, offsets } = layOut(tensors);
  const detail = message.kind === 'cancel' ? 0 : detailOf(message);
  const copied = bytes <= COPIED_BYTES;
  const first = withPrefix(copied ? bytes : offsets[0]!, bytes, (frame) => {
    writeHead(frame, message.kind, message, tensors, detail);
    if (copied) for (const [index, { data }] of tensors.entries()) frame.set(bytesOf(data), offsets[index]);
  });
  if (copied) return [first];
  const parts: Uint8Array[] = [first];
  let at = offsets[0]!;
  for (const [index, { data }] of tensors.entries()) {
    if (offsets[index]! > at) parts.push(new Uint8Array(offsets[index]! - at));
    if (data.byteLength > 0) parts.push(bytesOf(data));
    at = offsets[index]! + data.byteLength;
  }
  return parts;
}

function withPrefix(
  bytes: number,
  frameBytes: number,
  write: (frame: Uint8Array<ArrayBuffer>) => void,
): Uint8Array<ArrayBuffer> {
  const buffer = new Uint8Array(STREAM_PREFIX_BYTES + bytes);
  writeStreamPrefix(new DataView(buffer.buffer), 0, frameBytes);
  write(buffer.subarray(STREAM_PREFIX_BYTES));
  return buffer;
}

/**
 * An answer that is computed into the frame that carries it, so that its tensors are not copied. The engine writes
 * `tensors`; `finish` completes the header.
 */
export class AnswerFrame {
  /** The stream prefix and the frame. */
  readonly buffer: ArrayBuffer;
  /** Views of the buffer, in the order of the task's fetches. */
  readonly tensors: readonly Tensor[];

  /**
   * @param allocate  returns a buffer of a length in bytes, with any content
   * @throws {UnencodableMessageError} a limit of LIMITS is exceeded
   */
  constructor(shapes: readonly TensorShape[], allocate: (bytes: number) => ArrayBuffer) {
    const { bytes, offsets } = layOutShapes(shapes);
    this.buffer = allocate(STREAM_PREFIX_BYTES + bytes);
    writeStreamPrefix(new DataView(this.buffer), 0, bytes);
    const frame = new Uint8Array(this.buffer, STREAM_PREFIX_BYTES);
    let end = FRAME_HEADER_BYTES;
    for (const { dims } of shapes) end += 4 + 4 * dims.length;
    this.tensors = shapes.map(({ type, dims }, index) => {
      const start = offsets[index]!;
      // Padding must be zero, and the buffer may have been used before.
      frame.fill(0, end, start);
      end = start + elementCount(dims) * elementBytes(type);
      return { type, dims, data: viewTensorData(type, frame.subarray(start, end)) };
    });
  }

  /**
   * Writes the header.
   * @returns the prefix and the frame, ready to be sent
   */
  finish(
    ids: { readonly request: number; readonly task: number },
    computeMicros: number,
  ): Uint8Array<ArrayBuffer> {
    writeHead(new Uint8Array(this.buffer, STREAM_PREFIX_BYTES), 'answer', ids, this.tensors, computeMicros);
    return new Uint8Array(this.buffer);
  }
}

/**
 * Splits a byte stream into frames. Each frame lies in a buffer of its own, aligned, so that its tensors are views of
 * it. Chunks may end anywhere.
 */
export class FrameSplitter {
  readonly #onFrame: (frame: Uint8Array<ArrayBuffer>) => void;
  readonly #prefix = new Uint8Array(STREAM_PREFIX_BYTES);
  readonly #prefixView = new DataView(this.#prefix.buffer);
  #prefixBytes = 0;
  /** The frame under way; null between frames. */
  #frame: Uint8Array<ArrayBuffer> | null = null;
  #length = 0;
  #filled = 0;
  readonly #allocate: (bytes: number) => Uint8Array<ArrayBuffer>;

  /**
   * @param onFrame  takes a whole frame and owns its buffer
   * @param allocate  returns memory for a frame of a length, at least in part; more is allocated as bytes arrive
   */
  constructor(
    onFrame: (frame: Uint8Array<ArrayBuffer>) => void,
    allocate = (bytes: number) => new Uint8Array(Math.min(bytes, TRUSTED_BYTES)),
  ) {
    this.#onFrame = onFrame;
    this.#allocate = allocate;
  }

  /** The bytes of an unfinished frame or prefix. */
  get pendingBytes(): number {
    return this.#frame === null ? this.#prefixBytes : STREAM_PREFIX_BYTES + this.#filled;
  }

  /**
   * Takes the next bytes of the stream; the chunk may be reused afterwards.
   * @throws {MalformedFrameError} a length that no frame has; the stream is useless from then on
   */
  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.byteLength; ) {
      at += this.#frame === null ? this.#takePrefix(chunk, at) : this.#takeFrame(chunk, at);
    }
  }

  #takePrefix(chunk: Uint8Array, at: number): number {
    const count = Math.min(STREAM_PREFIX_BYTES - this.#prefixBytes, chunk.byteLength - at);
    this.#prefix.set(chunk.subarray(at, at + count), this.#prefixBytes);
    this.#prefixBytes += count;
    if (this.#prefixBytes < STREAM_PREFIX_BYTES) return count;
    this.#prefixBytes = 0;
    const length = this.#prefixView.getUint32(0, true);
    if (length < FRAME_HEADER_BYTES || length > LIMITS.frameBytes) {
      throw new MalformedFrameError(`a frame of ${length} bytes on the stream`, 0);
    }
    if (this.#prefixView.getUint32(4, true) !== 0) {
      throw new MalformedFrameError('reserved field of the stream prefix is not zero', 4);
    }
    this.#length = length;
    this.#filled = 0;
    this.#frame = this.#allocate(length);
    return count;
  }

  #takeFrame(chunk: Uint8Array, at: number): number {
    let frame = this.#frame!;
    if (this.#filled === frame.byteLength) {
      const larger = new Uint8Array(Math.min(this.#length, 2 * frame.byteLength));
      larger.set(frame);
      frame = larger;
      this.#frame = frame;
    }
    const count = Math.min(frame.byteLength - this.#filled, chunk.byteLength - at);
    frame.set(at === 0 && count === chunk.byteLength ? chunk : chunk.subarray(at, at + count), this.#filled);
    this.#filled += count;
    if (this.#filled === this.#length) {
      this.#frame = null;
      this.#onFrame(frame);
    }
    return count;
  }
}
