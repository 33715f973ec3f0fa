/**
 * The bytes of a string tensor: each element in UTF-8 after its length in 4 bytes, little-endian. It is the encoding of
 * BYTES tensors in the Open Inference Protocol.
 */
import { elementCount, type Tensor } from './tensor.ts';

const LENGTH_BYTES = 4;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** An element of a string tensor is not a text that ONNX Runtime keeps. */
export class InvalidStringError extends Error {
  override readonly name = 'InvalidStringError';
  /** Index of the element. */
  readonly element: number;
  /** What the element is: "is not valid UTF-8". */
  readonly problem: string;

  constructor(element: number, problem: string) {
    super(`element ${element} ${problem}`);
    this.element = element;
    this.problem = problem;
  }
}

/** Encodes texts. A lone surrogate becomes U+FFFD. */
export function encodeStrings(texts: readonly string[]): Uint8Array<ArrayBuffer> {
  return joinStrings(texts.map((text) => encoder.encode(text)));
}

/** Writes each element after its length. */
export function joinStrings(elements: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = elements.reduce((sum, element) => sum + LENGTH_BYTES + element.byteLength, 0);
  const joined = new Uint8Array(bytes);
  const view = new DataView(joined.buffer);
  let at = 0;
  for (const element of elements) {
    view.setUint32(at, element.byteLength, true);
    joined.set(element, at + LENGTH_BYTES);
    at += LENGTH_BYTES + element.byteLength;
  }
  return joined;
}

/**
 * Decodes the elements.
 * @throws {InvalidStringError} an element is cut off, or not UTF-8, or contains the character U+0000, at which ONNX
 *   Runtime's bindings end a string
 */
export function decodeStrings(bytes: Uint8Array): string[] {
  const texts: string[] = [];
  for (const element of splitStrings(bytes)) {
    const index = texts.length;
    if (element === null) throw new InvalidStringError(index, 'is longer than the data');
    if (element.includes(0)) throw new InvalidStringError(index, 'contains the character U+0000');
    try {
      texts.push(decoder.decode(element));
    } catch {
      throw new InvalidStringError(index, 'is not valid UTF-8');
    }
  }
  return texts;
}

/** Yields the bytes of each element, and null for an element that is cut off. */
function* splitStrings(bytes: Uint8Array): Generator<Uint8Array | null> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.byteLength; ) {
    const start = at + LENGTH_BYTES;
    at = start > bytes.byteLength ? Number.POSITIVE_INFINITY : start + view.getUint32(at, true);
    yield at > bytes.byteLength ? null : bytes.subarray(start, at);
  }
}

/** Returns the number of elements in the data of a tensor; −1 if they cannot be read. */
export function storedElements({ type, data }: Pick<Tensor, 'type' | 'data'>): number {
  if (type !== 'string') return data.length;
  let count = 0;
  for (const element of splitStrings(data as Uint8Array)) {
    if (element === null) return -1;
    count++;
  }
  return count;
}

/** Returns whether the data of a tensor have as many elements as its shape needs. */
export function fillsShape(tensor: Tensor): boolean {
  return storedElements(tensor) === elementCount(tensor.dims);
}
