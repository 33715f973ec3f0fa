import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type BlobRef, OrderedShardStore, ShardStoreError } from '@sparewheel/device';
import type { ModelSource } from '@sparewheel/engine/contract';
import type { BlobChunk, Task } from '@sparewheel/protocol';
import { z } from 'zod';
import { IncomingFile, ReceiveBufferCollector } from './incoming-file.ts';

const BLOB_NAME = /^[0-9a-f]{64}$/;
/** Time without a chunk before a flush. An earlier flush would compete with the transfer for the disk. */
const FLUSH_AFTER_MS = 1_000;

/**
 * Stores blobs as files in one folder, each named by its SHA-256. The graph refers to its weights by that name.
 * A blob gets its name only after it is verified, so a killed device restarts with complete blobs only.
 *
 * A blob can be used before it is flushed to the disk, but is recorded as verified only after the flush. After
 * a power failure, unrecorded blobs are hashed again, and damaged ones deleted.
 */
export class FileShardStore extends OrderedShardStore {
  readonly #folder: string;
  readonly #verified: VerifiedFiles;
  readonly #flushAfterMs: number;
  readonly #buffers = new ReceiveBufferCollector();
  /** Held blobs that may not be on the disk yet. */
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
   * Opens or creates a folder. Deletes incomplete and damaged blobs.
   * @param flushAfterMs  time without a chunk before a flush
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
      this.#buffers.add(chunk.data.byteLength);
      if (this.#unflushed.size > 0) this.#flushLater();
    }
  }

  /** Flushes now. Resolves when every held blob is on the disk. */
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
      ? new ShardStoreError('disk-full', 'the disk has no space left for this shard', { cause: error })
      : new ShardStoreError('storage-failed', `cannot store the shard: ${message}`, { cause: error });
  }

  #flushLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flushed(), this.#flushAfterMs);
    this.#timer.unref();
  }

  /** Ignores errors: a blob that was not flushed is hashed again at the next start. */
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
          this.#verified.add(sha256, size, mtimeMs);
        } finally {
          await file.close();
        }
      } catch {}
    }
    await this.oneAtATime(() => this.retained());
  }

  /** Holds a valid blob that was found in the folder. Deletes a damaged or incomplete one. */
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
      this.#verified.add(name, size, mtimeMs);
    }
    this.hold({ sha256: name, bytes: size });
  }
}

const verifiedSchema = z.record(z.string(), z.object({ bytes: z.number(), mtimeMs: z.number() }));

/**
 * Records the size and modification time of verified files. A restarted device then does not hash hundreds of
 * megabytes before it serves. If this file is lost, the device hashes its blobs again.
 */
class VerifiedFiles {
  readonly #path: string;
  readonly #files: Map<string, { bytes: number; mtimeMs: number }>;

  private constructor(path: string, files: Map<string, { bytes: number; mtimeMs: number }>) {
    this.#path = path;
    this.#files = files;
  }

  static async open(path: string): Promise<VerifiedFiles> {
    try {
      const files = verifiedSchema.parse(JSON.parse(await readFile(path, 'utf8')));
      return new VerifiedFiles(path, new Map(Object.entries(files)));
    } catch {
      return new VerifiedFiles(path, new Map());
    }
  }

  includes(name: string, bytes: number, mtimeMs: number): boolean {
    const known = this.#files.get(name);
    return known !== undefined && known.bytes === bytes && known.mtimeMs === mtimeMs;
  }

  add(name: string, bytes: number, mtimeMs: number): void {
    this.#files.set(name, { bytes, mtimeMs });
  }

  /** Removes all but the given files and writes the record. Ignores errors: the record is only a cache. */
  async save(names: readonly string[]): Promise<void> {
    const kept = new Set(names);
    for (const name of this.#files.keys()) if (!kept.has(name)) this.#files.delete(name);
    try {
      await writeFile(`${this.#path}.new`, JSON.stringify(Object.fromEntries(this.#files)));
      await rename(`${this.#path}.new`, this.#path);
    } catch {}
  }
}
