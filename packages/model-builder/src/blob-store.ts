/**
 * Files named by the SHA-256 of their content: models, shards, profiles. A file gets its name when it is
 * complete.
 */
import { createHash, randomUUID } from 'node:crypto';
import { closeSync, mkdirSync, openSync, renameSync, rmSync, write, writeSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BlobRef } from '@sparewheel/planner';
import { hasHash } from '@sparewheel/runtime/hash-file';

const NAME = /^[0-9a-f]{64}$/;
/**
 * Chunks from this size on are written by libuv's thread pool. For smaller chunks the thread switch costs
 * more.
 */
const POOL_WRITE_BYTES = 128 * 1024;
const writeInPool = promisify(write);

export class BlobStore {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Creates the directory and removes incomplete files of an earlier process. */
  async open(): Promise<void> {
    await mkdir(this.directory, { recursive: true });
    for (const name of await readdir(this.directory)) {
      if (!NAME.test(name)) await rm(join(this.directory, name), { recursive: true, force: true });
    }
  }

  path(sha256: string): string {
    if (!NAME.test(sha256))
      throw new Error(`"${sha256}" is not a blob name: it must be 64 hexadecimal digits`);
    return join(this.directory, sha256);
  }

  /** Returns whether a blob exists with the right length. Does not verify the content. */
  async has({ sha256, bytes }: BlobRef): Promise<boolean> {
    try {
      return (await stat(this.path(sha256))).size === bytes;
    } catch {
      return false;
    }
  }

  /** Returns whether a blob exists and has the content of its name. Reads the whole file. */
  isIntact(sha256: string): Promise<boolean> {
    return hasHash(this.path(sha256), sha256);
  }

  /**
   * Writes a blob chunk by chunk and renames it when it is complete. Blocks the thread; use it in the model
   * builder.
   * @param chunks  a chunk may be reused after the next one is requested
   */
  write(chunks: Iterable<Uint8Array>): BlobRef {
    mkdirSync(this.directory, { recursive: true });
    const temporary = join(this.directory, `${randomUUID()}.part`);
    const hash = createHash('sha256');
    let bytes = 0;
    try {
      const descriptor = openSync(temporary, 'wx');
      try {
        for (const chunk of chunks) {
          hash.update(chunk);
          writeBlocking(descriptor, chunk);
          bytes += chunk.byteLength;
        }
      } finally {
        closeSync(descriptor);
      }
      const sha256 = hash.digest('hex');
      renameSync(temporary, this.path(sha256));
      return { sha256, bytes };
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  }

  /**
   * Writes a blob like `write`, but hashes large chunks here while the thread pool writes them. Shards take a
   * third less time.
   * @param chunks  a chunk may be reused after the next one is requested
   */
  async store(chunks: Iterable<Uint8Array>): Promise<BlobRef> {
    mkdirSync(this.directory, { recursive: true });
    const temporary = join(this.directory, `${randomUUID()}.part`);
    const hash = createHash('sha256');
    let bytes = 0;
    try {
      const descriptor = openSync(temporary, 'wx');
      try {
        for (const chunk of chunks) {
          const writing = chunk.byteLength < POOL_WRITE_BYTES ? null : writeAsync(descriptor, chunk);
          // Awaited below. Without this, a write that fails during hashing would be an unhandled rejection.
          writing?.catch(() => {});
          hash.update(chunk);
          if (writing === null) writeBlocking(descriptor, chunk);
          else await writing;
          bytes += chunk.byteLength;
        }
      } finally {
        closeSync(descriptor);
      }
      const sha256 = hash.digest('hex');
      renameSync(temporary, this.path(sha256));
      return { sha256, bytes };
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  }

  async readText(sha256: string): Promise<string> {
    return readFile(this.path(sha256), 'utf8');
  }

  /**
   * Removes every blob that is not in use. No blob may be written at the same time.
   * @returns the number of removed blobs
   */
  async collect(inUse: ReadonlySet<string>): Promise<number> {
    let removed = 0;
    for (const name of await readdir(this.directory)) {
      if (inUse.has(name)) continue;
      await rm(join(this.directory, name), { recursive: true, force: true });
      removed++;
    }
    return removed;
  }
}

function writeBlocking(descriptor: number, chunk: Uint8Array): void {
  for (let done = 0; done < chunk.byteLength; ) done += writeSync(descriptor, chunk, done);
}

async function writeAsync(descriptor: number, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.byteLength; ) {
    done += (await writeInPool(descriptor, chunk, done, chunk.byteLength - done)).bytesWritten;
  }
}
