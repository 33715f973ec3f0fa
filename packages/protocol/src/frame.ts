/**
 * The binary frame of a tensor message: a fixed header, a descriptor per tensor, then the elements of the tensors, all
 * little-endian. docs/PROTOCOL.md shows the layout as a table.
 *
 * Elements start at a multiple of 8 bytes in the frame. If the transport delivers an aligned buffer, decoded tensors are
 * views of it, and nothing is copied.
 */
import { LIMITS } from './limits.ts';
import {
  BYTES_PER_ELEMENT,
  bytesOf,
  ELEMENT_TYPES,
  type ElementType,
  elementCount,
  type Tensor,
  type TensorType,
  viewTensorData,
} from './tensor.ts';
import {
  type Answer,
  type ComputeRequest,
  type FromDevice,
  PROTOCOL_VERSION,
  type ToDevice,
} from './wire.ts';

/** 'S': the first byte of every frame. Detects binary data that is not a frame. */
export const FRAME_MAGIC = 0x53;
export const FRAME_HEADER_BYTES = 16;
/** Elements start at multiples of this: the size of the largest element, float64 and int64. */
const DATA_ALIGNMENT = 8;
/** Type, rank and two reserved bytes; the dimensions follow, 4 bytes each. */
const DESCRIPTOR_BYTES = 4;
const REFUSAL_CODE_BYTES = 60;
const REFUSAL_MESSAGE_BYTES = 2_000;

/** The third byte of a frame. Kind 5 is a blob chunk on `/control`, see blob-frame.ts. */
const KIND_CODES = { compute: 1, cancel: 2, answer: 3, refusal: 4 } as const;

/** Of a computation: `ComputeRequest.batch`. */
const BATCH_FLAG = 1;

/** Type and dimensions of a tensor. */
export type TensorShape = Pick<Tensor, 'type' | 'dims'>;

/** The bytes are not a frame. The peer is broken or hostile; close the connection. */
export class MalformedFrameError extends Error {
  override readonly name = 'MalformedFrameError';
  readonly reason: string;
  /** Byte offset of the error. */
  readonly offset: number;

  constructor(reason: string, offset: number) {
    super(`malformed frame at byte ${offset}: ${reason}`);
    this.reason = reason;
    this.offset = offset;
  }
}

/** The message cannot be sent: it exceeds a limit, or the data of a tensor do not match its shape. */
export class UnencodableMessageError extends Error {
  override readonly name = 'UnencodableMessageError';
}

/**
 * Encodes a message as one frame. Copies the elements of its tensors.
 * @throws {UnencodableMessageError} a limit of LIMITS is exceeded, or a tensor's data do not fill its dims
 */
export function encodeFrame(message: ToDevice | FromDevice): Uint8Array<ArrayBuffer> {
  switch (message.kind) {
    case 'compute':
      return encodeTensors(message.kind, message, message.tensors, detailOf(message));
    case 'answer':
      return encodeTensors(message.kind, message, message.tensors, detailOf(message));
    case 'cancel':
      return encodeTensors(message.kind, message, [], 0);
    case 'refusal':
      return encodeRefusal(message);
  }
}

/**
 * Decodes a frame. Tensors are views of `bytes` if it is aligned, otherwise copies. Do not change `bytes` afterwards.
 * Allocates at most the size of the frame.
 * @throws {MalformedFrameError} the bytes are not exactly one valid frame
 */
export function decodeFrame(bytes: Uint8Array): ToDevice | FromDevice {
  if (bytes.byteLength < FRAME_HEADER_BYTES) {
    throw new MalformedFrameError(`${bytes.byteLength} bytes are too few for a header`, bytes.byteLength);
  }
  if (bytes.byteLength > LIMITS.frameBytes) {
    throw new MalformedFrameError(`${bytes.byteLength} bytes exceed the limit of ${LIMITS.frameBytes}`, 0);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint8(0) !== FRAME_MAGIC) throw new MalformedFrameError('unknown magic', 0);
  if (view.getUint8(1) !== PROTOCOL_VERSION) {
    throw new MalformedFrameError(`version ${view.getUint8(1)}, expected ${PROTOCOL_VERSION}`, 1);
  }
  const kind = view.getUint8(2);
  const count = view.getUint8(3);
  const request = view.getUint32(4, true);
  const task = view.getUint32(8, true);
  const detail = view.getUint32(12, true);
  switch (kind) {
    case KIND_CODES.compute:
      if (detail > BATCH_FLAG) throw new MalformedFrameError('reserved bits are not zero', 12);
      return {
        kind: 'compute',
        request,
        task,
        tensors: decodeTensors(bytes, view, count),
        ...(detail === BATCH_FLAG ? { batch: true } : {}),
      };
    case KIND_CODES.answer:
      return {
        kind: 'answer',
        request,
        task,
        computeMicros: detail,
        tensors: decodeTensors(bytes, view, count),
      };
    case KIND_CODES.cancel:
      if (count !== 0 || detail !== 0) throw new MalformedFrameError('reserved field is not zero', 3);
      expectEnd(bytes, FRAME_HEADER_BYTES);
      return { kind: 'cancel', request, task };
    case KIND_CODES.refusal:
      if (count !== 0) throw new MalformedFrameError('a refusal has no tensors', 3);
      return { kind: 'refusal', request, task, ...decodeRefusal(bytes, detail) };
    default:
      throw new MalformedFrameError(`unknown kind ${kind}`, 2);
  }
}

/** The last field of the header: an answer's compute time in microseconds, or a computation's flags. */
export function detailOf(message: ComputeRequest | Answer): number {
  if (message.kind === 'answer') return message.computeMicros;
  return message.batch ? BATCH_FLAG : 0;
}

function writeHeader(
  view: DataView,
  kind: keyof typeof KIND_CODES,
  count: number,
  ids: { readonly request: number; readonly task: number },
  detail: number,
): void {
  view.setUint8(0, FRAME_MAGIC);
  view.setUint8(1, PROTOCOL_VERSION);
  view.setUint8(2, KIND_CODES[kind]);
  view.setUint8(3, count);
  view.setUint32(4, uint32(ids.request, 'request'), true);
  view.setUint32(8, uint32(ids.task, 'task'), true);
  view.setUint32(12, uint32(detail, 'detail'), true);
}

function encodeTensors(
  kind: 'compute' | 'answer' | 'cancel',
  ids: { readonly request: number; readonly task: number },
  tensors: readonly Tensor[],
  detail: number,
): Uint8Array<ArrayBuffer> {
  const layout = layOut(tensors);
  const frame = new Uint8Array(layout.bytes);
  writeHead(frame, kind, ids, tensors, detail);
  for (const [index, { data }] of tensors.entries()) frame.set(bytesOf(data), layout.offsets[index]);
  return frame;
}

/** Where the elements of each tensor start in a frame, and the length of the frame, in bytes. */
export interface FrameLayout {
  readonly bytes: number;
  readonly offsets: readonly number[];
}

/**
 * Computes the layout of a frame with these tensors.
 * @throws {UnencodableMessageError} a limit of LIMITS is exceeded, or a tensor has strings or does not fill its dims
 */
export function layOut(tensors: readonly Tensor[]): FrameLayout {
  for (const { type, dims, data } of tensors) {
    if (data.byteLength !== elementCount(dims) * elementBytes(type)) {
      throw new UnencodableMessageError(
        `a ${type} tensor of shape [${dims.join(', ')}] cannot have ${data.byteLength} bytes of data`,
      );
    }
  }
  return layOutShapes(tensors);
}

/**
 * Returns the bytes of an element on the wire.
 * @throws {UnencodableMessageError} strings have no fixed size, and stay on the data plane
 */
export function elementBytes(type: TensorType): number {
  if (type === 'string') throw new UnencodableMessageError('a string tensor cannot be sent to a device');
  return BYTES_PER_ELEMENT[type];
}

/** @throws {UnencodableMessageError} a limit of LIMITS is exceeded, or a tensor has strings */
export function layOutShapes(shapes: readonly TensorShape[]): FrameLayout {
  if (shapes.length > LIMITS.tensorsPerFrame) {
    throw new UnencodableMessageError(
      `${shapes.length} tensors in one message, at most ${LIMITS.tensorsPerFrame} fit`,
    );
  }
  let at = FRAME_HEADER_BYTES;
  for (const { dims } of shapes) {
    if (dims.length > LIMITS.tensorRank) {
      throw new UnencodableMessageError(`a tensor of rank ${dims.length}, the limit is ${LIMITS.tensorRank}`);
    }
    at += DESCRIPTOR_BYTES + 4 * dims.length;
  }
  const offsets = shapes.map(({ type, dims }) => {
    const start = align(at);
    at = start + elementCount(dims) * elementBytes(type);
    return start;
  });
  if (at > LIMITS.frameBytes) {
    throw new UnencodableMessageError(`a frame of ${at} bytes, the limit is ${LIMITS.frameBytes}`);
  }
  return { bytes: at, offsets };
}

/**
 * Writes the header and the descriptors of a frame. The frame may be longer or shorter than its tensors.
 * @param detail  see `detailOf`
 */
export function writeHead(
  frame: Uint8Array,
  kind: 'compute' | 'answer' | 'cancel',
  ids: { readonly request: number; readonly task: number },
  shapes: readonly TensorShape[],
  detail: number,
): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  // The field holds at most 71 minutes of compute time.
  writeHeader(view, kind, shapes.length, ids, Math.min(Math.round(detail), 0xffff_ffff));
  let at = FRAME_HEADER_BYTES;
  for (const { type, dims } of shapes) {
    view.setUint32(at, ELEMENT_TYPES.indexOf(type as ElementType) | (dims.length << 8), true);
    at += DESCRIPTOR_BYTES;
    for (const dim of dims) {
      view.setUint32(at, uint32(dim, 'dimension'), true);
      at += 4;
    }
  }
}

function decodeTensors(bytes: Uint8Array, view: DataView, count: number): Tensor[] {
  if (count > LIMITS.tensorsPerFrame) {
    throw new MalformedFrameError(`${count} tensors, the limit is ${LIMITS.tensorsPerFrame}`, 3);
  }
  const shapes: { type: ElementType; dims: number[] }[] = [];
  let at = FRAME_HEADER_BYTES;
  for (let tensor = 0; tensor < count; tensor++) {
    if (at + DESCRIPTOR_BYTES > bytes.byteLength) throw new MalformedFrameError('descriptors cut off', at);
    const type = ELEMENT_TYPES[view.getUint8(at)];
    const rank = view.getUint8(at + 1);
    if (type === undefined) throw new MalformedFrameError(`unknown element type ${view.getUint8(at)}`, at);
    if (rank > LIMITS.tensorRank) {
      throw new MalformedFrameError(`rank ${rank}, the limit is ${LIMITS.tensorRank}`, at + 1);
    }
    if (view.getUint16(at + 2, true) !== 0)
      throw new MalformedFrameError('reserved field is not zero', at + 2);
    at += DESCRIPTOR_BYTES;
    if (at + 4 * rank > bytes.byteLength) throw new MalformedFrameError('dimensions cut off', at);
    // Array.from is several times slower, and this runs for every answer.
    const dims = new Array<number>(rank);
    for (let axis = 0; axis < rank; axis++) dims[axis] = view.getUint32(at + 4 * axis, true);
    at += 4 * rank;
    shapes.push({ type, dims });
  }
  const tensors = shapes.map(({ type, dims }): Tensor => {
    const start = align(at);
    const size = elementCount(dims) * BYTES_PER_ELEMENT[type];
    if (start + size > bytes.byteLength) {
      throw new MalformedFrameError(`${type} [${dims.join(', ')}] does not fit into the frame`, start);
    }
    for (let pad = at; pad < start; pad++) {
      if (bytes[pad] !== 0) throw new MalformedFrameError('padding is not zero', pad);
    }
    at = start + size;
    const section = new Uint8Array(bytes.buffer, bytes.byteOffset + start, size);
    if (type === 'bool') {
      const wrong = section.findIndex((byte) => byte > 1);
      if (wrong >= 0) throw new MalformedFrameError('a bool is neither 0 nor 1', start + wrong);
    }
    return { type, dims, data: viewTensorData(type, section) };
  });
  expectEnd(bytes, at);
  return tensors;
}

const textEncoder = new TextEncoder();
const textDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function encodeRefusal(message: Extract<FromDevice, { kind: 'refusal' }>): Uint8Array<ArrayBuffer> {
  // encodeInto stops at a whole character, so it shortens a long message correctly.
  const code = new Uint8Array(REFUSAL_CODE_BYTES);
  const codeBytes = textEncoder.encodeInto(message.code, code).written;
  const text = new Uint8Array(REFUSAL_MESSAGE_BYTES);
  const textBytes = textEncoder.encodeInto(message.message, text).written;
  const frame = new Uint8Array(FRAME_HEADER_BYTES + codeBytes + textBytes);
  writeHeader(new DataView(frame.buffer), 'refusal', 0, message, codeBytes);
  frame.set(code.subarray(0, codeBytes), FRAME_HEADER_BYTES);
  frame.set(text.subarray(0, textBytes), FRAME_HEADER_BYTES + codeBytes);
  return frame;
}

function decodeRefusal(bytes: Uint8Array, codeBytes: number): { code: string; message: string } {
  const messageBytes = bytes.byteLength - FRAME_HEADER_BYTES - codeBytes;
  if (codeBytes > REFUSAL_CODE_BYTES || messageBytes < 0) {
    throw new MalformedFrameError(`a refusal code of ${codeBytes} bytes`, 12);
  }
  if (messageBytes > REFUSAL_MESSAGE_BYTES) {
    throw new MalformedFrameError(`a refusal message of ${messageBytes} bytes`, FRAME_HEADER_BYTES);
  }
  const middle = FRAME_HEADER_BYTES + codeBytes;
  try {
    return {
      code: textDecoder.decode(bytes.subarray(FRAME_HEADER_BYTES, middle)),
      message: textDecoder.decode(bytes.subarray(middle)),
    };
  } catch {
    throw new MalformedFrameError('a refusal that is not UTF-8', FRAME_HEADER_BYTES);
  }
}

function expectEnd(bytes: Uint8Array, end: number): void {
  if (bytes.byteLength !== end) {
    throw new MalformedFrameError(`${bytes.byteLength - end} bytes after the end`, end);
  }
}

function align(offset: number): number {
  return Math.ceil(offset / DATA_ALIGNMENT) * DATA_ALIGNMENT;
}

function uint32(value: number, what: string): number {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
    throw new UnencodableMessageError(`${what} ${value} is not a 32-bit unsigned integer`);
  }
  return value;
}
