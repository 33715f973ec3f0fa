import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type BlobRef, OrderedShardStore, ShardStoreError } from '@sparewheel/device';
import type { ModelSource } from '@sparewheel/engine/contract';
import type { BlobChunk, Task } from '@sparewheel/protocol';
import { IncomingFile } from './incoming-file.ts';
import { ReceiveGarbage } from './receive-garbage.ts';
import { VerifiedFiles } from './verified-files.ts';

const BLOB_NAME = /^[0-9a-f]{64}$/;
/** The disk is not made to write while more is coming in, which goes to the same disk. */
const FLUSH_AFTER_MS = 1_000;

/**
 * Files in one folder, each named by its digest, so that the weights lie beside the graph under the name that the
 * graph gives. A blob is written under another name, verified, and only then renamed: a device that dies at any
 * instant returns with whole blobs only. Nobody waits for the disk: what is not flushed yet can be served all the
 * same, and is only noted as verified when it is, once nothing more comes in. After a loss of power the rest is hashed
 * again, and what did not reach the disk deleted.
 */
export class FileShardStore extends OrderedShardStore {
  readonly #folder: string;
  readonly #verified: VerifiedFiles;
  readonly #flushAfterMs: number;
  readonly #garbage = new ReceiveGarbage();
  /** Kept, and perhaps not on the disk yet. */
  readonly #unflushed = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #flushing: Promise<void> = Promise.resolve();

  private constructor(folder: string, verified: VerifiedFiles, flushAfterMs: number) {
    super();
    this.#folder = folder;
    this.#verified = verified;
    this.#flushAfterMs = flushAfterMs;
  }

  /**
   * Opens a folder, made where it is not there; deletes what is half-written or damaged.
   * @param flushAfterMs  without another chunk
   */
  static async open(folder: string, flushAfterMs = FLUSH_AFTER_MS): Promise<FileShardStore> {
    await mkdir(folder, { recursive: true });
    const verified = await VerifiedFiles.open(join(folder, 'verified.json'));
    const store = new FileShardStore(folder, verified, flushAfterMs);
    for (const name of await readdir(folder)) await store.#admit(name);
    await store.retained();
    return store;
  }

  override async write(chunk: BlobChunk): Promise<void> {
    try {
      await super.write(chunk);
    } finally {
      this.#garbage.add(chunk.data.byteLength);
      if (this.#unflushed.size > 0) this.#flushLater();
    }
  }

  /** Resolves when all that is held is on the disk. */
  async flushed(): Promise<void> {
    clearTimeout(this.#timer);
    this.#flushing = this.#flushing.then(() => this.#flush());
    await this.#flushing;
  }

  async source({ graph, weights }: Pick<Task, 'graph' | 'weights'>): Promise<ModelSource> {
    for (const blob of weights === null ? [graph] : [graph, weights]) this.expectHeld(blob.sha256);
    return {
      kind: 'file',
      path: join(this.#folder, graph.sha256),
      ...(weights === null ? {} : { externalData: [weights.sha256] }),
    };
  }

  protected begin({ sha256 }: BlobRef): Promise<IncomingFile> {
    return IncomingFile.begin(sha256, join(this.#folder, `incoming-${sha256}`), join(this.#folder, sha256));
  }

  protected delete(sha256: string): Promise<void> {
    return rm(join(this.#folder, sha256), { force: true });
  }

  protected kept({ sha256 }: BlobRef): void {
    this.#unflushed.add(sha256);
  }

  protected retained(): Promise<void> {
    return this.#verified.save(this.held().map(({ sha256 }) => sha256));
  }

  protected storageError(error: unknown): ShardStoreError {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOSPC' || code === 'EDQUOT'
      ? new ShardStoreError('disk-full', 'no space is left for this shard', { cause: error })
      : new ShardStoreError('storage-failed', `the shard cannot be stored: ${message}`, { cause: error });
  }

  #flushLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flushed(), this.#flushAfterMs);
    this.#timer.unref();
  }

  /** Costs time at the next start where it does not succeed, and nothing else. */
  async #flush(): Promise<void> {
    const names = [...this.#unflushed];
    if (names.length === 0) return;
    this.#unflushed.clear();
    for (const sha256 of names) {
      try {
        const file = await open(join(this.#folder, sha256), 'r');
        try {
          await file.sync();
          const { size, mtimeMs } = await file.stat();
          this.#verified.note(sha256, size, mtimeMs);
        } finally {
          await file.close();
        }
      } catch {}
    }
    await this.oneByOne(() => this.retained());
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
    this.hold({ sha256: name, bytes: size });
  }
}
