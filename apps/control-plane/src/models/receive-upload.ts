import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ApiError } from '@sparewheel/protocol';

export interface ReceivedFile {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * Writes a body to a file of its own, hashing it on the way. The file is the caller's to remove; where this throws,
 * there is none.
 * @throws {ApiError} 413 more than `limitBytes`; 400 it is empty or broke off; 507 the disk is full
 */
export async function receiveUpload(
  body: Readable,
  directory: string,
  limitBytes: number,
): Promise<ReceivedFile> {
  const path = join(directory, `upload-${randomUUID()}`);
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    await pipeline(
      body,
      async function* (source: AsyncIterable<Buffer>) {
        for await (const chunk of source) {
          bytes += chunk.byteLength;
          if (bytes > limitBytes) throw tooLarge(limitBytes);
          hash.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(path, { flags: 'wx' }),
    );
    if (bytes === 0) throw empty();
  } catch (error) {
    await rm(path, { force: true });
    throw explain(error);
  }
  return { path, sha256: hash.digest('hex'), bytes };
}

export function tooLarge(limitBytes: number): ApiError {
  return new ApiError(
    413,
    'too-large',
    `The model is larger than ${limitBytes} bytes, the most that is taken.`,
    'An ONNX file ends at 2 GiB; a larger network must be cut before it is uploaded.',
  );
}

export function empty(): ApiError {
  return new ApiError(
    400,
    'not-onnx',
    'The request has no body, so there is no model in it.',
    'Send the bytes of the ONNX file: curl --data-binary @model.onnx …',
  );
}

function explain(error: unknown): unknown {
  if (error instanceof ApiError || !(error instanceof Error) || !('code' in error)) return error;
  switch (error.code) {
    case 'ECONNRESET':
    case 'ERR_STREAM_PREMATURE_CLOSE':
    case 'ABORT_ERR':
      return new ApiError(400, 'upload-broken-off', 'The upload broke off.', 'Send it again.');
    case 'ENOSPC':
    case 'EDQUOT':
      return new ApiError(
        507,
        'disk-full',
        'There is no room left on the disk for the upload.',
        'Delete models that are not needed, or give SPAREWHEEL_HOME a larger disk.',
      );
    default:
      return error;
  }
}
