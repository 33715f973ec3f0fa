import type { ModelSource } from '@sparewheel/engine/contract';
import type { BlobChunk, Task } from '@sparewheel/protocol';
import { type BlobRef, INCOMPLETE_BLOBS, type ShardStore, ShardStoreError } from './shard-store.ts';

/** A blob in transfer. Its methods reject with the storage's own error or with a ShardStoreError. */
export interface IncomingBlob {
  /** Appends bytes. The caller does not change them afterwards. */
  append(data: Uint8Array): Promise<void>;
  /** Verifies the complete blob and stores it under its name. @throws {ShardStoreError} `digest-mismatch` */
  keep(): Promise<void>;
  /** Deletes everything written so far. Never throws. */
  discard(): Promise<void>;
}

interface Transfer {
  readonly blob: IncomingBlob;
  readonly bytes: number;
  written: number;
}

/**
 * The rules that all shard stores share, whatever their storage: chunks in order, restart at offset 0, a limit
 * on incomplete blobs, and nothing left of a blob that failed. Operations run one at a time.
 */
export abstract class OrderedShardStore implements ShardStore {
  readonly #held = new Map<string, number>();
  readonly #transfers = new Map<string, Transfer>();
  #last: Promise<unknown> = Promise.resolve();

  protected abstract begin(blob: BlobRef): Promise<IncomingBlob>;
  protected abstract delete(sha256: string): Promise<void>;
  /** Called after a blob was stored. */
  protected abstract kept(blob: BlobRef): void;
  /** Called after blobs were deleted. */
  protected abstract retained(): Promise<void>;
  /** Converts the storage's own error. */
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
    return this.oneAtATime(async () => {
      const { sha256, bytes, data } = chunk;
      if (this.#held.has(sha256)) return;
      const transfer = await this.#transferOf(chunk);
      try {
        expectNext(transfer, chunk);
        await transfer.blob.append(data);
        transfer.written += data.byteLength;
        if (transfer.written < bytes) return;
        await transfer.blob.keep();
        this.#transfers.delete(sha256);
        this.hold({ sha256, bytes });
        this.kept({ sha256, bytes });
      } catch (error) {
        this.#transfers.delete(sha256);
        await transfer.blob.discard();
        throw this.#shardStoreError(error);
      }
    });
  }

  abandonIncomplete(): Promise<void> {
    return this.oneAtATime(async () => {
      for (const { blob } of this.#transfers.values()) await blob.discard();
      this.#transfers.clear();
    });
  }

  retain(keep: readonly string[]): Promise<void> {
    return this.oneAtATime(async () => {
      const wanted = new Set(keep);
      for (const sha256 of [...this.#held.keys()]) {
        if (wanted.has(sha256)) continue;
        this.#held.delete(sha256);
        await this.delete(sha256);
      }
      await this.retained();
    });
  }

  /** Marks a verified blob as held. */
  protected hold({ sha256, bytes }: BlobRef): void {
    this.#held.set(sha256, bytes);
  }

  /** @throws {ShardStoreError} `missing-blob` */
  protected expectHeld(sha256: string): void {
    if (!this.#held.has(sha256)) this.missing(sha256);
  }

  /** Marks a blob as not held. @throws {ShardStoreError} `missing-blob`, always */
  protected missing(sha256: string): never {
    this.#held.delete(sha256);
    throw new ShardStoreError('missing-blob', `blob ${sha256} is missing; send it first`);
  }

  protected oneAtATime<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }

  async #transferOf({ sha256, bytes, offset }: BlobChunk): Promise<Transfer> {
    const known = this.#transfers.get(sha256);
    if (known !== undefined && offset > 0) return known;
    if (offset > 0) {
      throw new ShardStoreError('out-of-order', `blob ${sha256} starts at offset ${offset}; start at 0`);
    }
    this.#transfers.delete(sha256);
    await known?.blob.discard();
    if (this.#transfers.size >= INCOMPLETE_BLOBS) {
      throw new ShardStoreError(
        'too-many-incomplete',
        `${INCOMPLETE_BLOBS} blobs are incomplete; complete one first`,
      );
    }
    try {
      const transfer = { blob: await this.begin({ sha256, bytes }), bytes, written: 0 };
      this.#transfers.set(sha256, transfer);
      return transfer;
    } catch (error) {
      throw this.#shardStoreError(error);
    }
  }

  #shardStoreError(error: unknown): ShardStoreError {
    return error instanceof ShardStoreError ? error : this.storageError(error);
  }
}

function expectNext({ bytes, written }: Transfer, chunk: BlobChunk): void {
  if (chunk.bytes === bytes && chunk.offset === written) return;
  throw new ShardStoreError(
    'out-of-order',
    `blob ${chunk.sha256}: expected offset ${written} of ${bytes} bytes, received offset ${chunk.offset} of ${chunk.bytes}`,
  );
}
