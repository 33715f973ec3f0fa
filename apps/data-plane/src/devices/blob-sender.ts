import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeviceId } from '@sparewheel/coordinator';
import type { BlobRef } from '@sparewheel/planner';
import { type BlobChunk, blobFrameBuffer, LIMITS, type Outcome } from '@sparewheel/protocol';
import { GATEWAY_LIMITS } from './gateway-limits.ts';
import { InstallRefusedError } from './install-refused-error.ts';
import { untilAborted } from './until-aborted.ts';

/** Chunks that are read from the disk at once: a read costs as much for its two changes of thread as for its bytes. */
const CHUNKS_PER_READ = 4;

/** Frames that are filled by one read. */
interface FrameGroup {
  readonly buffers: readonly ReturnType<typeof blobFrameBuffer>[];
  /** Settled when what was sent of it was acknowledged. */
  acknowledged: Promise<unknown>;
}

/** Sends a chunk and resolves with its acknowledgement; rejects where the device is gone or does not answer in time. */
export type SendChunk = (device: DeviceId, chunk: BlobChunk, timeoutMs: number) => Promise<Outcome>;

export interface Sending {
  readonly signal: AbortSignal;
  /** So many bytes more have arrived. */
  readonly onAcknowledged: (bytes: number) => void;
  /** A blob is complete on the device, and verified by it. */
  readonly onComplete: (blob: BlobRef) => void;
}

/**
 * Sends blob files in chunks, a few ahead of the acknowledgements; the next blob's first chunk does not wait for the
 * last one's. Chunks are read from the disk into the frames in which they leave, and the frames are used again when all
 * of their read are acknowledged: buffers that were made anew for every chunk of a large model kept the collector
 * busier than all of the rest. A device that acknowledges what it does not have yet harms only itself.
 */
export class BlobSender {
  readonly #directory: string;
  readonly #sendChunk: SendChunk;
  /** Frames that nobody reads from any more. */
  readonly #free: FrameGroup[] = [];

  /** @param directory  of the blob files, each named by its sha-256 */
  constructor(directory: string, sendChunk: SendChunk) {
    this.#directory = directory;
    this.#sendChunk = sendChunk;
  }

  /**
   * Sends blobs one after the other.
   * @throws {InstallRefusedError} the device would not take one; or what `sendChunk` or the file system says
   */
  async send(device: DeviceId, blobs: readonly BlobRef[], sending: Sending): Promise<void> {
    if (blobs.length === 0) return;
    // One is read into while the other one's last chunks are on their way.
    const groups = [this.#group(), this.#group()] as const;
    const inFlight: Promise<void>[] = [];
    let turn = 0;
    for (const blob of blobs) {
      const file = await open(join(this.#directory, blob.sha256), 'r');
      try {
        let offset = 0;
        do {
          sending.signal.throwIfAborted();
          const group = groups[turn++ % 2]!;
          await group.acknowledged;
          const chunks = chunksOf(blob, offset, group);
          await fill(file, offset, chunks);
          const sent: Promise<void>[] = [];
          for (const chunk of chunks) {
            if (inFlight.length >= LIMITS.blobChunksInFlight) await inFlight.shift();
            sending.signal.throwIfAborted();
            const acknowledged = this.#chunk(device, blob, chunk, sending);
            // Awaited below; one that fails while an earlier one is awaited is not unheard.
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
    // Where one failed, its frame may still be on its way: none of these is used again.
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
    { signal, onAcknowledged, onComplete }: Sending,
  ): Promise<void> {
    const outcome = await untilAborted(signal, this.#sendChunk(device, chunk, LIMITS.blobTimeoutMs));
    if (!outcome.ok) throw new InstallRefusedError(device, `blob ${blob.sha256.slice(0, 12)}…`, outcome);
    onAcknowledged(chunk.data.byteLength);
    if (chunk.offset + chunk.data.byteLength === blob.bytes) onComplete(blob);
  }
}

/** The chunks of one read from `offset` on; an empty blob has one, which is empty. */
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

/** Reads what the chunks are to hold. */
async function fill(file: FileHandle, offset: number, chunks: readonly BlobChunk[]): Promise<void> {
  const wanted = chunks.reduce((sum, { data }) => sum + data.byteLength, 0);
  for (let done = 0; done < wanted; ) {
    const { bytesRead } = await file.readv(rest(chunks, done), offset + done);
    if (bytesRead === 0) {
      throw new Error(`a blob file of the store is shorter than its ${offset + wanted} bytes`);
    }
    done += bytesRead;
  }
}

/** What is not read yet, of a read that was cut short. */
function rest(chunks: readonly BlobChunk[], done: number): Uint8Array[] {
  let skipped = 0;
  return chunks.flatMap(({ data }) => {
    const part = data.subarray(Math.min(data.byteLength, Math.max(0, done - skipped)));
    skipped += data.byteLength;
    return part.byteLength > 0 ? [part] : [];
  });
}
