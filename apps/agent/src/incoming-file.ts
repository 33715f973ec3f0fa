import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import type { IncomingBlob } from '@sparewheel/device';
import { ShardStoreError } from '@sparewheel/device';

/** Chunks are joined into writes of this size: a single write costs as much time as a chunk. */
const WRITE_BYTES = 1024 * 1024;

/**
 * A blob in transfer: a file under a temporary name, hashed while it arrives. A failed write rejects at a
 * later chunk, or at `keep`.
 */
export class IncomingFile implements IncomingBlob {
  readonly #path: string;
  readonly #finalPath: string;
  readonly #file: FileHandle;
  readonly #sha256: string;
  readonly #hash: Hash = createHash('sha256');
  /** Chunks for the next write. */
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #writing: Promise<void> = Promise.resolve();
  #open = true;

  private constructor(sha256: string, path: string, finalPath: string, file: FileHandle) {
    this.#sha256 = sha256;
    this.#path = path;
    this.#finalPath = finalPath;
    this.#file = file;
  }

  /**
   * Creates the file.
   * @param path  name during the transfer
   * @param finalPath  name of the complete, verified file
   * @throws the file system's error
   */
  static async begin(sha256: string, path: string, finalPath: string): Promise<IncomingFile> {
    return new IncomingFile(sha256, path, finalPath, await open(path, 'w'));
  }

  async append(data: Uint8Array): Promise<void> {
    this.#hash.update(data);
    this.#pending.push(data);
    this.#pendingBytes += data.byteLength;
    if (this.#pendingBytes < WRITE_BYTES) return;
    await this.#writing;
    // Not awaited: the thread pool writes while the next chunks arrive.
    this.#writing = this.#write();
    this.#writing.catch(() => {});
  }

  async #write(): Promise<void> {
    let left = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    while (left.length > 0) {
      let { bytesWritten } = await this.#file.writev(left);
      left = left.flatMap((part) => {
        const rest = part.subarray(Math.min(part.byteLength, bytesWritten));
        bytesWritten -= part.byteLength - rest.byteLength;
        return rest.byteLength > 0 ? [rest] : [];
      });
    }
  }

  /** Does not flush the file to the disk; `FileShardStore` does that later. */
  async keep(): Promise<void> {
    await this.#writing;
    await this.#write();
    const digest = this.#hash.digest('hex');
    if (digest !== this.#sha256) {
      throw new ShardStoreError('digest-mismatch', `blob ${this.#sha256} arrived with the SHA-256 ${digest}`);
    }
    await this.#close();
    await rename(this.#path, this.#finalPath);
  }

  async discard(): Promise<void> {
    await this.#close().catch(() => {});
    await rm(this.#path, { force: true }).catch(() => {});
  }

  async #close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#writing.catch(() => {});
    await this.#file.close();
  }
}

/**
 * Received bytes between two collections. V8 alone lets 32 MB of receive buffers accumulate, two thirds of a
 * device's memory beyond its program and its shards.
 */
const COLLECT_EVERY_BYTES = 4 * 1024 * 1024;

/** Node's garbage collector. Needs `--expose-gc`, which the supervisor passes to devices. */
const exposed = (globalThis as { gc?: (options: { type: 'minor' }) => void }).gc;

/** Frees receive buffers: collects V8's young generation every few megabytes, in about a millisecond. */
export class ReceiveBufferCollector {
  readonly #collect: () => void;
  #bytes = 0;

  /** @param collect  collects the young generation */
  constructor(collect: () => void = () => exposed?.({ type: 'minor' })) {
    this.#collect = collect;
  }

  /** Counts received bytes that are not needed anymore. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < COLLECT_EVERY_BYTES) return;
    this.#bytes = 0;
    this.#collect();
  }
}
