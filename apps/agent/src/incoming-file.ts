import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import type { IncomingBlob } from '@sparewheel/device';
import { ShardStoreError } from '@sparewheel/device';

/** Chunks are written together up to so many bytes: the way to the system's thread and back costs as much as a chunk. */
const WRITE_BYTES = 1024 * 1024;

/**
 * A blob on its way: a file under a provisional name, hashed as it comes. What cannot be written shows at a later chunk,
 * at the last one at the latest.
 */
export class IncomingFile implements IncomingBlob {
  readonly #path: string;
  readonly #finalPath: string;
  readonly #file: FileHandle;
  readonly #sha256: string;
  readonly #hash: Hash = createHash('sha256');
  /** Chunks that are to be written together, and the write that is under way. */
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #writing: Promise<void> = Promise.resolve();
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
    this.#hash.update(data);
    this.#gathered.push(data);
    this.#gatheredBytes += data.byteLength;
    if (this.#gatheredBytes < WRITE_BYTES) return;
    await this.#writing;
    // Not awaited: the system writes in a thread of its own while the next chunks come.
    this.#writing = this.#write();
    this.#writing.catch(() => {});
  }

  async #write(): Promise<void> {
    let left = this.#gathered;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    while (left.length > 0) {
      let { bytesWritten } = await this.#file.writev(left);
      left = left.flatMap((part) => {
        const rest = part.subarray(Math.min(part.byteLength, bytesWritten));
        bytesWritten -= part.byteLength - rest.byteLength;
        return rest.byteLength > 0 ? [rest] : [];
      });
    }
  }

  /** It may not be on the disk yet: see `FileShardStore`. */
  async keep(): Promise<void> {
    await this.#writing;
    await this.#write();
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
    await this.#writing.catch(() => {});
    await this.#file.close();
  }
}
