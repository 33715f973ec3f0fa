/** Files named by the SHA-256 of their content: models, shards, profiles. A name that is there is there completely. */
import { createHash, randomUUID } from 'node:crypto';
import { closeSync, mkdirSync, openSync, renameSync, rmSync, write, writeSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BlobRef } from '@sparewheel/planner';

const NAME = /^[0-9a-f]{64}$/;
const WORTH_A_THREAD_BYTES = 128 * 1024;
const writeInThread = promisify(write);

export class BlobStore {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Makes the directory and removes what an earlier process left half-written in it. */
  async open(): Promise<void> {
    await mkdir(this.directory, { recursive: true });
    for (const name of await readdir(this.directory)) {
      if (!NAME.test(name)) await rm(join(this.directory, name), { recursive: true, force: true });
    }
  }

  path(sha256: string): string {
    if (!NAME.test(sha256)) throw new Error(`"${sha256}" is not the name of a blob`);
    return join(this.directory, sha256);
  }

  /** Whether it is there, with the right length. Its content is verified by whoever reads it. */
  async has({ sha256, bytes }: BlobRef): Promise<boolean> {
    try {
      return (await stat(this.path(sha256))).size === bytes;
    } catch {
      return false;
    }
  }

  /**
   * Writes a blob, piece by piece, and gives it its name when it is complete. Blocks the thread: for the model builder.
   * @param chunks  not kept
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
          writeHere(descriptor, chunk);
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
   * As `write`, hashing large chunks in this thread while the system writes them in one of its own: a third less time
   * for shards. For small ones, the way to that thread and back would cost more than the writing.
   * @param chunks  each is there until the next one is asked for
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
          const writing = chunk.byteLength < WORTH_A_THREAD_BYTES ? null : writeBeside(descriptor, chunk);
          // Awaited below; one that fails while the chunk is hashed is not unheard.
          writing?.catch(() => {});
          hash.update(chunk);
          if (writing === null) writeHere(descriptor, chunk);
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
   * Removes every blob that is not in use. Nobody may be writing meanwhile.
   * @returns how many
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

function writeHere(descriptor: number, chunk: Uint8Array): void {
  for (let done = 0; done < chunk.byteLength; ) done += writeSync(descriptor, chunk, done);
}

async function writeBeside(descriptor: number, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.byteLength; ) {
    done += (await writeInThread(descriptor, chunk, done, chunk.byteLength - done)).bytesWritten;
  }
}
