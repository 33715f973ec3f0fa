import type { ModelSource } from '@sparewheel/engine/contract';
import type { BlobChunk, Task } from '@sparewheel/protocol';
import { type BlobRef, INCOMPLETE_BLOBS, type ShardStore, ShardStoreError } from './shard-store.ts';

/** A blob on its way into a store. What goes wrong rejects as the storage says it, or as a ShardStoreError. */
export interface IncomingBlob {
  /** Takes the bytes that follow those that came before; they are not changed by anybody afterwards. */
  append(data: Uint8Array): Promise<void>;
  /** All bytes are in: verifies them and keeps them under their name. @throws {ShardStoreError} `digest-mismatch` */
  keep(): Promise<void>;
  /** Leaves nothing behind; never throws. */
  discard(): Promise<void>;
}

interface Underway {
  readonly blob: IncomingBlob;
  readonly bytes: number;
  written: number;
}

/**
 * What every shard store does alike, whatever it keeps its blobs in: it takes chunks in order and one at a time, begins
 * anew at offset 0, bounds what is incomplete, holds a blob when its last chunk is in and it is verified, and
 * leaves nothing of one that failed.
 */
export abstract class OrderedShardStore implements ShardStore {
  readonly #held = new Map<string, number>();
  readonly #underway = new Map<string, Underway>();
  /** Changes happen one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  protected abstract begin(blob: BlobRef): Promise<IncomingBlob>;
  protected abstract delete(sha256: string): Promise<void>;
  /** A blob was kept. */
  protected abstract kept(blob: BlobRef): void;
  /** What is held has become less. */
  protected abstract retained(): Promise<void>;
  /** Puts the storage's own error into words. */
  protected abstract storageError(error: unknown): ShardStoreError;
  abstract source(task: Pick<Task, 'graph' | 'weights'>): Promise<ModelSource>;

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
    return this.oneByOne(async () => {
      const { sha256, bytes, data } = chunk;
      if (this.#held.has(sha256)) return;
      const underway = await this.#underwayOf(chunk);
      try {
        expectNext(underway, chunk);
        await underway.blob.append(data);
        underway.written += data.byteLength;
        if (underway.written < bytes) return;
        await underway.blob.keep();
        this.#underway.delete(sha256);
        this.hold({ sha256, bytes });
        this.kept({ sha256, bytes });
      } catch (error) {
        this.#underway.delete(sha256);
        await underway.blob.discard();
        throw this.#inWords(error);
      }
    });
  }

  abandonIncomplete(): Promise<void> {
    return this.oneByOne(async () => {
      for (const { blob } of this.#underway.values()) await blob.discard();
      this.#underway.clear();
    });
  }

  retain(keep: readonly string[]): Promise<void> {
    return this.oneByOne(async () => {
      const wanted = new Set(keep);
      for (const sha256 of [...this.#held.keys()]) {
        if (wanted.has(sha256)) continue;
        this.#held.delete(sha256);
        await this.delete(sha256);
      }
      await this.retained();
    });
  }

  /** A blob is there, verified. */
  protected hold({ sha256, bytes }: BlobRef): void {
    this.#held.set(sha256, bytes);
  }

  /** @throws {ShardStoreError} `missing-blob` */
  protected expectHeld(sha256: string): void {
    if (!this.#held.has(sha256)) this.missing(sha256);
  }

  /** What was held is not there any more. @throws {ShardStoreError} `missing-blob`, always */
  protected missing(sha256: string): never {
    this.#held.delete(sha256);
    throw new ShardStoreError('missing-blob', `blob ${sha256} is not held; send it first`);
  }

  protected oneByOne<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }

  async #underwayOf({ sha256, bytes, offset }: BlobChunk): Promise<Underway> {
    const known = this.#underway.get(sha256);
    if (known !== undefined && offset > 0) return known;
    if (offset > 0) {
      throw new ShardStoreError('out-of-order', `blob ${sha256} begins at ${offset}, not at 0`);
    }
    this.#underway.delete(sha256);
    await known?.blob.discard();
    if (this.#underway.size >= INCOMPLETE_BLOBS) {
      throw new ShardStoreError('too-many-incomplete', `${INCOMPLETE_BLOBS} blobs are on their way already`);
    }
    try {
      const underway = { blob: await this.begin({ sha256, bytes }), bytes, written: 0 };
      this.#underway.set(sha256, underway);
      return underway;
    } catch (error) {
      throw this.#inWords(error);
    }
  }

  #inWords(error: unknown): ShardStoreError {
    return error instanceof ShardStoreError ? error : this.storageError(error);
  }
}

function expectNext({ bytes, written }: Underway, chunk: BlobChunk): void {
  if (chunk.bytes === bytes && chunk.offset === written) return;
  throw new ShardStoreError(
    'out-of-order',
    `blob ${chunk.sha256} of ${bytes} bytes goes on at ${written}, not at ${chunk.offset} of ${chunk.bytes}`,
  );
}
