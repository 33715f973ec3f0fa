import type { Readable } from 'node:stream';
import { ApiError, LIMITS } from '@sparewheel/protocol';
import { expand, parseContentEncoding } from './content-encoding.ts';
import { HEADER_LENGTH_HEADER } from './types.ts';

/** The body of an `infer` call: the JSON part and the binary tensors after it (empty in JSON form). */
export interface InferenceBody {
  readonly json: string;
  readonly binary: Uint8Array;
}

/** Alignment of the binary part. It allows views of 64-bit tensors without a copy. */
const ALIGNMENT = 8;

/**
 * Reads a request body, and expands it if it is compressed. Without compression and with a known length, the bytes are
 * copied once and the binary part is aligned, so that tensors can be views of it.
 * @param limitBytes  of the body as sent, and after expansion
 * @throws {ApiError} 400: the lengths contradict each other, or the compression is invalid; 413: the body exceeds the limit;
 *   415: the compression is unknown
 */
export async function readInferenceBody(
  stream: Readable,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  limitBytes: number = LIMITS.inferenceBodyBytes,
): Promise<InferenceBody> {
  const contentLength = wholeNumber(headers, 'content-length');
  const headerLength = wholeNumber(headers, HEADER_LENGTH_HEADER);
  if (contentLength !== null && contentLength > limitBytes) throw tooLarge(limitBytes);
  const encoding = parseContentEncoding(headers['content-encoding'] as string | undefined);
  const body =
    encoding !== null
      ? await expand(stream, encoding, (expanded) => readChunks(expanded, limitBytes, ' after expansion'))
      : contentLength === null
        ? await readChunks(stream, limitBytes, '')
        : await readInto(stream, contentLength, (ALIGNMENT - ((headerLength ?? 0) % ALIGNMENT)) % ALIGNMENT);
  if (headerLength === null) return { json: textOf(body), binary: body.subarray(body.byteLength) };
  if (headerLength > body.byteLength) {
    throw new ApiError(
      400,
      'wrong-length',
      `Inference-Header-Content-Length is ${headerLength}, but the whole body has ${body.byteLength} bytes`,
    );
  }
  return { json: textOf(body.subarray(0, headerLength)), binary: body.subarray(headerLength) };
}

async function readInto(stream: Readable, length: number, padding: number): Promise<Uint8Array> {
  const body = new Uint8Array(new ArrayBuffer(padding + length), padding, length);
  let at = 0;
  await consume(stream, (chunk) => {
    // Always fits: Node's HTTP parser ends a body at its content-length.
    body.set(chunk, at);
    at += chunk.byteLength;
  });
  return body;
}

async function readChunks(stream: Readable, limitBytes: number, when: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  await consume(stream, (chunk) => {
    size += chunk.byteLength;
    if (size > limitBytes) throw tooLarge(limitBytes, when);
    chunks.push(chunk);
  });
  return Buffer.concat(chunks);
}

/** Reads a stream by events. `for await` is slower, and leaving its loop early would close the connection. */
function consume(stream: Readable, take: (chunk: Uint8Array) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (outcome: () => void): void => {
      stream.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onError);
      outcome();
    };
    const onData = (chunk: Uint8Array): void => {
      try {
        take(chunk);
      } catch (error) {
        settle(() => reject(error));
        // Discards the rest of the body, so that the client can read the error response.
        stream.resume();
      }
    };
    const onEnd = (): void => settle(resolve);
    const onClose = (): void =>
      settle(() =>
        reject(new ApiError(400, 'incomplete-body', 'the body is shorter than its content-length')),
      );
    const onError = (error: Error): void => settle(() => reject(error));
    stream.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onError);
  });
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

function wholeNumber(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  name: string,
): number | null {
  const text = headers[name];
  if (text === undefined) return null;
  if (typeof text !== 'string' || !/^\d{1,15}$/.test(text)) {
    throw new ApiError(400, 'wrong-length', `the header ${name} is not an integer`);
  }
  return Number(text);
}

function tooLarge(limitBytes: number, when = ''): ApiError {
  return new ApiError(413, 'too-large', `the body exceeds the limit of ${limitBytes} bytes${when}`);
}
