import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import type { BlobChunk } from '@sparewheel/protocol';
import { ShardStoreError } from './shard-store.ts';

/** A blob on its way: a file under a provisional name, hashed as it grows. */
export class IncomingBlob {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #sha256: string;
  readonly #bytes: number;
  readonly #hash: Hash = createHash('sha256');
  #written = 0;
  #open = true;

  private constructor(path: string, file: FileHandle, { sha256, bytes }: BlobChunk) {
    this.#path = path;
    this.#file = file;
    this.#sha256 = sha256;
    this.#bytes = bytes;
  }

  /** @throws the file system's error */
  static async begin(path: string, chunk: BlobChunk): Promise<IncomingBlob> {
    return new IncomingBlob(path, await open(path, 'w'), chunk);
  }

  get complete(): boolean {
    return this.#written === this.#bytes;
  }

  /** @throws {ShardStoreError} `out-of-order`; or the file system's error */
  async append({ bytes, offset, data }: BlobChunk): Promise<void> {
    if (bytes !== this.#bytes || offset !== this.#written) {
      throw new ShardStoreError(
        'out-of-order',
        `blob ${this.#sha256} of ${this.#bytes} bytes goes on at ${this.#written}, not at ${offset} of ${bytes}`,
      );
    }
    const writing = this.#write(data);
    // Meanwhile: the system writes in a thread of its own.
    this.#hash.update(data);
    await writing;
    this.#written += data.byteLength;
  }

  async #write(data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.byteLength; ) {
      at += (await this.#file.write(data, at, data.byteLength - at)).bytesWritten;
    }
  }

  /**
   * Verifies the blob and gives it its name. It may not be on the disk yet: see `FileShardStore`.
   * @throws {ShardStoreError} `digest-mismatch`; or the file system's error
   */
  async keep(path: string): Promise<void> {
    const digest = this.#hash.digest('hex');
    if (digest !== this.#sha256) {
      throw new ShardStoreError('digest-mismatch', `what came as ${this.#sha256} has the digest ${digest}`);
    }
    await this.#close();
    await rename(this.#path, path);
  }

  /** Leaves nothing behind; never throws. */
  async discard(): Promise<void> {
    await this.#close().catch(() => {});
    await rm(this.#path, { force: true }).catch(() => {});
  }

  async #close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#file.close();
  }
}
