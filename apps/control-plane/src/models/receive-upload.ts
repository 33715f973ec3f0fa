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
 * Writes a body to a new file and hashes it. The caller must remove the file. After an error there is no file.
 * @throws {ApiError} 413 more than `limitBytes`; 400 the body is empty or incomplete; 507 the disk is full
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
    `The model is larger than the limit of ${limitBytes} bytes.`,
    'A model has at most 2 GiB. Cut a larger network before the upload.',
  );
}

export function empty(): ApiError {
  return new ApiError(
    400,
    'not-onnx',
    'The request has no body, so it contains no model.',
    'Send the bytes of the file: curl --data-binary @model.onnx …',
  );
}

function explain(error: unknown): unknown {
  if (error instanceof ApiError || !(error instanceof Error) || !('code' in error)) return error;
  switch (error.code) {
    case 'ECONNRESET':
    case 'ERR_STREAM_PREMATURE_CLOSE':
    case 'ABORT_ERR':
      return new ApiError(400, 'upload-broken-off', 'The upload is incomplete.', 'Send it again.');
    case 'ENOSPC':
    case 'EDQUOT':
      return new ApiError(
        507,
        'disk-full',
        'The disk is too full for the upload.',
        'Delete models that you no longer need, or move SPAREWHEEL_HOME to a larger disk.',
      );
    default:
      return error;
  }
}
