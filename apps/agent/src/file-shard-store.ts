import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ModelSource } from '@sparewheel/engine/contract';
import type { BlobChunk, Task } from '@sparewheel/protocol';
import { IncomingBlob } from './incoming-blob.ts';
import { type BlobRef, INCOMPLETE_BLOBS, type ShardStore, ShardStoreError } from './shard-store.ts';
import { VerifiedFiles } from './verified-files.ts';

const BLOB_NAME = /^[0-9a-f]{64}$/;

/**
 * Files in one folder, each named by its digest, so that the weights lie beside the graph under the name that the
 * graph gives. A blob is written under another name, verified, and only then renamed: a device that dies at any
 * instant returns with whole blobs only. Nobody waits for the disk: what is not flushed yet can be served all the
 * same, and is only noted as verified when it is. After a loss of power the rest is hashed again, and what did not
 * reach the disk deleted.
 */
export class FileShardStore implements ShardStore {
  readonly #folder: string;
  readonly #verified: VerifiedFiles;
  readonly #held = new Map<string, number>();
  readonly #incoming = new Map<string, IncomingBlob>();
  /** Changes happen one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  /** So does flushing, behind their backs. */
  #flushing: Promise<void> = Promise.resolve();

  private constructor(folder: string, verified: VerifiedFiles) {
    this.#folder = folder;
    this.#verified = verified;
  }

  /** Opens a folder, made where it is not there; deletes what is half-written or damaged. */
  static async open(folder: string): Promise<FileShardStore> {
    await mkdir(folder, { recursive: true });
    const store = new FileShardStore(folder, await VerifiedFiles.open(join(folder, 'verified.json')));
    for (const name of await readdir(folder)) await store.#admit(name);
    await store.#verified.save([...store.#held.keys()]);
    return store;
  }

  held(): readonly BlobRef[] {
    return [...this.#held].map(([sha256, bytes]) => ({ sha256, bytes }));
  }

  has(sha256: string): boolean {
    return this.#held.has(sha256);
  }

  get bytes(): number {
    let sum = 0;
    for (const bytes of this.#held.values()) sum += bytes;
    return sum;
  }

  write(chunk: BlobChunk): Promise<void> {
    return this.#oneByOne(async () => {
      if (this.#held.has(chunk.sha256)) return;
      const blob = await this.#incomingOf(chunk);
      try {
        await blob.append(chunk);
        if (!blob.complete) return;
        await blob.keep(join(this.#folder, chunk.sha256));
        this.#incoming.delete(chunk.sha256);
        this.#held.set(chunk.sha256, chunk.bytes);
        this.#flushing = this.#flushing.then(() => this.#flush(chunk.sha256));
      } catch (error) {
        this.#incoming.delete(chunk.sha256);
        await blob.discard();
        throw storageError(error);
      }
    });
  }

  /** Resolves when all that is held is on the disk. */
  async flushed(): Promise<void> {
    await this.#flushing;
  }

  abandonIncomplete(): Promise<void> {
    return this.#oneByOne(async () => {
      for (const blob of this.#incoming.values()) await blob.discard();
      this.#incoming.clear();
    });
  }

  retain(keep: readonly string[]): Promise<void> {
    return this.#oneByOne(async () => {
      const wanted = new Set(keep);
      for (const sha256 of [...this.#held.keys()]) {
        if (wanted.has(sha256)) continue;
        this.#held.delete(sha256);
        await rm(join(this.#folder, sha256), { force: true });
      }
      await this.#verified.save([...this.#held.keys()]);
    });
  }

  async source({ graph, weights }: Pick<Task, 'graph' | 'weights'>): Promise<ModelSource> {
    for (const blob of weights === null ? [graph] : [graph, weights]) {
      if (!this.#held.has(blob.sha256)) {
        throw new ShardStoreError('missing-blob', `blob ${blob.sha256} is not held; send it first`);
      }
    }
    return {
      kind: 'file',
      path: join(this.#folder, graph.sha256),
      ...(weights === null ? {} : { externalData: [weights.sha256] }),
    };
  }

  /** Costs time at the next start where it does not succeed, and nothing else. */
  async #flush(sha256: string): Promise<void> {
    try {
      const file = await open(join(this.#folder, sha256), 'r');
      try {
        await file.sync();
        const { size, mtimeMs } = await file.stat();
        this.#verified.note(sha256, size, mtimeMs);
      } finally {
        await file.close();
      }
      await this.#oneByOne(() => this.#verified.save([...this.#held.keys()]));
    } catch {}
  }

  async #incomingOf(chunk: BlobChunk): Promise<IncomingBlob> {
    const known = this.#incoming.get(chunk.sha256);
    if (known !== undefined && chunk.offset > 0) return known;
    if (chunk.offset > 0) {
      throw new ShardStoreError('out-of-order', `blob ${chunk.sha256} begins at ${chunk.offset}, not at 0`);
    }
    await known?.discard();
    this.#incoming.delete(chunk.sha256);
    if (this.#incoming.size >= INCOMPLETE_BLOBS) {
      throw new ShardStoreError('too-many-incomplete', `${INCOMPLETE_BLOBS} blobs are on their way already`);
    }
    try {
      const blob = await IncomingBlob.begin(join(this.#folder, `incoming-${chunk.sha256}`), chunk);
      this.#incoming.set(chunk.sha256, blob);
      return blob;
    } catch (error) {
      throw storageError(error);
    }
  }

  /** Decides at start what a file in the folder is worth. */
  async #admit(name: string): Promise<void> {
    const path = join(this.#folder, name);
    if (!BLOB_NAME.test(name)) {
      if (name.startsWith('incoming-')) await rm(path, { force: true });
      return;
    }
    const { size, mtimeMs } = await stat(path);
    if (!this.#verified.includes(name, size, mtimeMs)) {
      const hash = createHash('sha256');
      await pipeline(createReadStream(path), hash);
      if (hash.digest('hex') !== name) {
        await rm(path, { force: true });
        return;
      }
      this.#verified.note(name, size, mtimeMs);
    }
    this.#held.set(name, size);
  }

  #oneByOne<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }
}

function storageError(error: unknown): ShardStoreError {
  if (error instanceof ShardStoreError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT'
    ? new ShardStoreError('disk-full', 'no space is left for this shard', { cause: error })
    : new ShardStoreError('storage-failed', `the shard cannot be stored: ${message}`, { cause: error });
}
