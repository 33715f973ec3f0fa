import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeviceId } from '@sparewheel/coordinator';
import type { BlobRef } from '@sparewheel/planner';
import { type BlobChunk, blobFrameBuffer, LIMITS, type Outcome } from '@sparewheel/protocol';
import { GATEWAY_LIMITS } from '../gateway/gateway-limits.ts';
import { untilAborted } from './until-aborted.ts';

/** Chunks per disk read. The two thread switches of a read cost as much as reading one chunk. */
const CHUNKS_PER_READ = 4;

/** A device rejected a blob or a task. */
export class InstallRefusedError extends Error {
  override readonly name = 'InstallRefusedError';
  readonly device: DeviceId;
  readonly code: string;

  constructor(device: DeviceId, what: string, outcome: { code: string; message: string }) {
    super(`device ${device} rejected ${what}: ${outcome.message}`);
    this.device = device;
    this.code = outcome.code;
  }
}

/** A blob file has fewer bytes than its reference. */
class ShortBlobError extends Error {
  override readonly name = 'ShortBlobError';
}

/** Returns whether a transfer failed because of a blob file: it is missing, short, or has another content. */
export function isFileError(error: unknown): boolean {
  if (error instanceof InstallRefusedError) return error.code === 'digest-mismatch';
  return error instanceof ShortBlobError || (error as NodeJS.ErrnoException).code === 'ENOENT';
}

/** Frames that one read fills. */
interface FrameGroup {
  readonly buffers: readonly ReturnType<typeof blobFrameBuffer>[];
  /** Settles when every sent frame of the group is acknowledged. */
  acknowledged: Promise<unknown>;
}

/** Sends a chunk and resolves with its acknowledgement. Rejects if the device disconnects or times out. */
export type SendChunk = (device: DeviceId, chunk: BlobChunk, timeoutMs: number) => Promise<Outcome>;

export interface SendOptions {
  readonly signal: AbortSignal;
  /** Called with the number of bytes that an acknowledgement adds. */
  readonly onAcknowledged: (bytes: number) => void;
  /** Called when the device has a complete, verified blob. */
  readonly onComplete: (blob: BlobRef) => void;
}

/**
 * Sends blob files in chunks, with a few chunks in flight across blob boundaries. Chunks are read from disk
 * directly into frames. A group of frames is reused when all of its chunks are acknowledged: new buffers for
 * every chunk of a large model kept the garbage collector busier than all other work. A device that
 * acknowledges too early harms only itself.
 */
export class BlobSender {
  readonly #directory: string;
  readonly #sendChunk: SendChunk;
  /** Frame groups without a chunk in flight. */
  readonly #free: FrameGroup[] = [];

  /** @param directory  holds the blob files, named by their SHA-256 */
  constructor(directory: string, sendChunk: SendChunk) {
    this.#directory = directory;
    this.#sendChunk = sendChunk;
  }

  /**
   * Sends blobs in order. Rejects with the errors of `sendChunk` and the file system, too.
   * @throws {InstallRefusedError} the device rejected a blob
   */
  async send(device: DeviceId, blobs: readonly BlobRef[], options: SendOptions): Promise<void> {
    if (blobs.length === 0) return;
    // One group is filled while the last chunks of the other are in flight.
    const groups = [this.#group(), this.#group()] as const;
    const inFlight: Promise<void>[] = [];
    let turn = 0;
    for (const blob of blobs) {
      const file = await open(join(this.#directory, blob.sha256), 'r');
      try {
        let offset = 0;
        do {
          options.signal.throwIfAborted();
          const group = groups[turn++ % 2]!;
          await group.acknowledged;
          const chunks = chunksOf(blob, offset, group);
          await fill(file, offset, chunks);
          const sent: Promise<void>[] = [];
          for (const chunk of chunks) {
            if (inFlight.length >= LIMITS.blobChunksInFlight) await inFlight.shift();
            options.signal.throwIfAborted();
            const acknowledged = this.#chunk(device, blob, chunk, options);
            // Awaited below. Without this, a failure while an earlier chunk is awaited would be an unhandled
            // rejection.
            acknowledged.catch(() => {});
            inFlight.push(acknowledged);
            sent.push(acknowledged);
            offset += chunk.data.byteLength;
          }
          group.acknowledged = Promise.all(sent);
          group.acknowledged.catch(() => {});
        } while (offset < blob.bytes);
      } finally {
        await file.close();
      }
    }
    await Promise.all(inFlight);
    // Only after success: a frame of a failed transfer may still be in flight and must not be reused.
    this.#free.push(...groups);
    this.#free.splice(GATEWAY_LIMITS.blobFrameGroupsKept);
  }

  #group(): FrameGroup {
    return (
      this.#free.pop() ?? {
        buffers: Array.from({ length: CHUNKS_PER_READ }, blobFrameBuffer),
        acknowledged: Promise.resolve(),
      }
    );
  }

  async #chunk(
    device: DeviceId,
    blob: BlobRef,
    chunk: BlobChunk,
    { signal, onAcknowledged, onComplete }: SendOptions,
  ): Promise<void> {
    const outcome = await untilAborted(signal, this.#sendChunk(device, chunk, LIMITS.blobTimeoutMs));
    if (!outcome.ok) throw new InstallRefusedError(device, `blob ${blob.sha256.slice(0, 12)}…`, outcome);
    onAcknowledged(chunk.data.byteLength);
    if (chunk.offset + chunk.data.byteLength === blob.bytes) onComplete(blob);
  }
}

/** Returns the chunks of one read, from `offset` on. An empty blob has one empty chunk. */
function chunksOf(blob: BlobRef, offset: number, { buffers }: FrameGroup): readonly BlobChunk[] {
  const chunks: BlobChunk[] = [];
  let at = offset;
  for (const { frame, data } of buffers) {
    const length = Math.min(LIMITS.blobChunkBytes, blob.bytes - at);
    chunks.push({ ...blob, offset: at, data: data.subarray(0, length), frame });
    at += length;
    if (at >= blob.bytes) break;
  }
  return chunks;
}

/** Reads the data of the chunks from the file. */
async function fill(file: FileHandle, offset: number, chunks: readonly BlobChunk[]): Promise<void> {
  const wanted = chunks.reduce((sum, { data }) => sum + data.byteLength, 0);
  for (let done = 0; done < wanted; ) {
    const { bytesRead } = await file.readv(rest(chunks, done), offset + done);
    if (bytesRead === 0) {
      throw new ShortBlobError(
        `a blob file is shorter than ${offset + wanted} bytes; the blob store is damaged`,
      );
    }
    done += bytesRead;
  }
}

/** Returns the buffers that are still to be filled after a short read of `done` bytes. */
function rest(chunks: readonly BlobChunk[], done: number): Uint8Array[] {
  let skipped = 0;
  return chunks.flatMap(({ data }) => {
    const part = data.subarray(Math.min(data.byteLength, Math.max(0, done - skipped)));
    skipped += data.byteLength;
    return part.byteLength > 0 ? [part] : [];
  });
}
