/** Compression of HTTP bodies: gzip, and deflate in zlib's format (RFC 9110). */
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { constants, createGunzip, createInflate, deflate, gzip } from 'node:zlib';
import { ApiError } from '@sparewheel/protocol';

export type Encoding = 'gzip' | 'deflate';

/** The quickest level. Tensors of measured values gain little from a higher one. */
const LEVEL = constants.Z_BEST_SPEED;
/** A smaller body is sent as it is: it fits into one packet, and compression costs more than it saves. */
const SMALLEST_BYTES = 1024;

const compressors = { gzip: promisify(gzip), deflate: promisify(deflate) } as const;

/**
 * Reads the header Content-Encoding. Returns null for a body without compression.
 * @throws {ApiError} 415: an unknown encoding
 */
export function parseContentEncoding(header: string | undefined): Encoding | null {
  const name = header?.trim().toLowerCase() ?? '';
  if (name === '' || name === 'identity') return null;
  if (name === 'gzip' || name === 'x-gzip') return 'gzip';
  if (name === 'deflate') return 'deflate';
  throw new ApiError(
    415,
    'unknown-encoding',
    `the Content-Encoding '${header}' is not supported`,
    'Use gzip or deflate, or send the body without compression.',
  );
}

/**
 * Expands a compressed body while it arrives.
 * @param stream   the body as sent. On an error, its rest is discarded and it stays open, so that the client can read the
 *   response
 * @param consume  reads the expanded stream. If it rejects, the expansion ends at once
 * @throws {ApiError} 400: the body is not in its encoding, or ends too early
 */
export async function expand<Result>(
  stream: Readable,
  encoding: Encoding,
  consume: (expanded: Readable) => Promise<Result>,
): Promise<Result> {
  const expansion = encoding === 'gzip' ? createGunzip() : createInflate();
  const closed = (): void => {
    if (!stream.readableEnded) expansion.destroy(new Error('the connection closed'));
  };
  stream.once('close', closed).pipe(expansion);
  try {
    return await consume(expansion);
  } catch (error) {
    if (error instanceof ApiError) throw error;
    const { message } = error as Error;
    throw new ApiError(400, 'invalid-encoding', `the body is not valid ${encoding} data: ${message}`);
  } finally {
    stream.off('close', closed).unpipe(expansion);
    expansion.destroy();
    stream.resume();
  }
}

/**
 * Chooses the encoding of a response.
 * @param accept  the header Accept-Encoding
 * @returns the accepted encoding with the highest weight, gzip before deflate; null for none
 */
export function chooseEncoding(accept: string | undefined): Encoding | null {
  const weights = new Map<string, number>();
  for (const part of (accept ?? '').split(',')) {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    const weight = parameters.find((text) => text.startsWith('q='))?.slice(2) ?? '1';
    if (name !== '') weights.set(name === 'x-gzip' ? 'gzip' : name, Number(weight) || 0);
  }
  const weightOf = (name: string): number => weights.get(name) ?? weights.get('*') ?? 0;
  const identity = weights.get('identity') ?? 0;
  const [gzipWeight, deflateWeight] = [weightOf('gzip'), weightOf('deflate')];
  const best = Math.max(gzipWeight, deflateWeight);
  // A client that prefers identity gets the body as it is.
  if (best === 0 || best < identity) return null;
  return gzipWeight >= deflateWeight ? 'gzip' : 'deflate';
}

/** Compresses a response outside this thread. Returns null if it is too small to gain from it. */
export async function compressed(body: string | Uint8Array, encoding: Encoding): Promise<Buffer | null> {
  if (Buffer.byteLength(body) < SMALLEST_BYTES) return null;
  return compressors[encoding](body, { level: LEVEL });
}
