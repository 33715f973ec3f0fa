import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { DeviceId } from '@sparewheel/coordinator';
import type { BlobRef } from '@sparewheel/planner';
import { type BlobChunk, blobFrameBuffer, LIMITS, type Outcome } from '@sparewheel/protocol';
import { GATEWAY_LIMITS } from './gateway-limits.ts';
import { InstallRefusedError } from './install-refused-error.ts';
import { untilAborted } from './until-aborted.ts';

type FrameBuffer = ReturnType<typeof blobFrameBuffer>;

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
 * last one's. Each chunk is read from the disk into the frame in which it leaves, and the frame is used again when the
 * chunk is acknowledged: buffers that were made anew for every chunk of a large model kept the collector busier than
 * all of the rest.
 */
export class BlobSender {
  readonly #directory: string;
  readonly #sendChunk: SendChunk;
  /** Frames that nobody reads from any more. */
  readonly #free: FrameBuffer[] = [];

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
    /** Chunks on their way, oldest first; each gives the frame back that it was in. */
    const inFlight: Promise<FrameBuffer>[] = [];
    for (const blob of blobs) {
      const file = await open(join(this.#directory, blob.sha256), 'r');
      try {
        let offset = 0;
        do {
          sending.signal.throwIfAborted();
          const full = inFlight.length >= LIMITS.blobChunksInFlight;
          const buffer = (full ? await inFlight.shift() : this.#free.pop()) ?? blobFrameBuffer();
          const data = buffer.data.subarray(0, Math.min(LIMITS.blobChunkBytes, blob.bytes - offset));
          await fill(data, file, offset);
          const sent = this.#chunk(device, blob, { ...blob, offset, data, frame: buffer.frame }, sending);
          const settled = sent.then(() => buffer);
          // Awaited below; one that fails while an earlier one is awaited is not unheard.
          settled.catch(() => {});
          inFlight.push(settled);
          offset += data.byteLength;
        } while (offset < blob.bytes);
      } finally {
        await file.close();
      }
    }
    // Where one failed, its frame may still be on its way: none of these is used again.
    this.#free.push(...(await Promise.all(inFlight)));
    this.#free.splice(GATEWAY_LIMITS.blobFramesKept);
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

async function fill(data: Uint8Array, file: FileHandle, offset: number): Promise<void> {
  for (let at = 0; at < data.byteLength; ) {
    const { bytesRead } = await file.read(data, at, data.byteLength - at, offset + at);
    if (bytesRead === 0) {
      throw new Error(`a blob file of the store is shorter than its ${offset + data.byteLength} bytes`);
    }
    at += bytesRead;
  }
}
