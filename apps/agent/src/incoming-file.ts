import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import type { IncomingBlob } from './ordered-shard-store.ts';
import { ShardStoreError } from './shard-store.ts';

/** A blob on its way: a file under a provisional name, hashed as it grows. */
export class IncomingFile implements IncomingBlob {
  readonly #path: string;
  readonly #finalPath: string;
  readonly #file: FileHandle;
  readonly #sha256: string;
  readonly #hash: Hash = createHash('sha256');
  #open = true;

  private constructor(sha256: string, path: string, finalPath: string, file: FileHandle) {
    this.#sha256 = sha256;
    this.#path = path;
    this.#finalPath = finalPath;
    this.#file = file;
  }

  /**
   * @param path  while it grows
   * @param finalPath  when it is complete and verified
   * @throws the file system's error
   */
  static async begin(sha256: string, path: string, finalPath: string): Promise<IncomingFile> {
    return new IncomingFile(sha256, path, finalPath, await open(path, 'w'));
  }

  async append(data: Uint8Array): Promise<void> {
    const writing = this.#write(data);
    // Meanwhile: the system writes in a thread of its own.
    this.#hash.update(data);
    await writing;
  }

  async #write(data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.byteLength; ) {
      at += (await this.#file.write(data, at, data.byteLength - at)).bytesWritten;
    }
  }

  /** It may not be on the disk yet: see `FileShardStore`. */
  async keep(): Promise<void> {
    const digest = this.#hash.digest('hex');
    if (digest !== this.#sha256) {
      throw new ShardStoreError('digest-mismatch', `what came as ${this.#sha256} has the digest ${digest}`);
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
    await this.#file.close();
  }
}
