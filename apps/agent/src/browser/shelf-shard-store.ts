import type { ModelSource } from '@sparewheel/engine/contract';
import type { BlobChunk, Task } from '@sparewheel/protocol';
import { type BlobRef, INCOMPLETE_BLOBS, type ShardStore, ShardStoreError } from '../shard-store.ts';
import type { BlobShelf } from './blob-shelf.ts';
import type { Digest } from './digest.ts';

interface IncomingBlob {
  readonly data: Uint8Array<ArrayBuffer>;
  written: number;
}

/**
 * A browser's shard store: a blob is gathered in memory, verified, and only then put on a shelf, so that a tab that is
 * closed at any instant returns with whole blobs only.
 */
export class ShelfShardStore implements ShardStore {
  readonly #shelf: BlobShelf;
  readonly #digest: Digest;
  readonly #held = new Map<string, number>();
  readonly #incoming = new Map<string, IncomingBlob>();
  /** Changes happen one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(shelf: BlobShelf, digest: Digest) {
    this.#shelf = shelf;
    this.#digest = digest;
  }

  /** Verifies what is on the shelf and throws away what is damaged. */
  static async open(shelf: BlobShelf, digest: Digest): Promise<ShelfShardStore> {
    const store = new ShelfShardStore(shelf, digest);
    for (const sha256 of await shelf.list()) {
      const data = await shelf.get(sha256);
      if (data !== undefined && (await digest(data)) === sha256) store.#held.set(sha256, data.byteLength);
      else await shelf.delete(sha256);
    }
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
      const { sha256, bytes } = chunk;
      if (this.#held.has(sha256)) return;
      try {
        const blob = this.#incomingOf(chunk);
        append(blob, chunk);
        if (blob.written < bytes) return;
        const digest = await this.#digest(blob.data);
        if (digest !== sha256) {
          throw new ShardStoreError('digest-mismatch', `what came as ${sha256} has the digest ${digest}`);
        }
        await this.#shelf.put(sha256, blob.data);
        this.#incoming.delete(sha256);
        this.#held.set(sha256, bytes);
      } catch (error) {
        this.#incoming.delete(sha256);
        throw storageError(error);
      }
    });
  }

  abandonIncomplete(): Promise<void> {
    return this.#oneByOne(async () => this.#incoming.clear());
  }

  retain(keep: readonly string[]): Promise<void> {
    return this.#oneByOne(async () => {
      const wanted = new Set(keep);
      for (const sha256 of [...this.#held.keys()]) {
        if (wanted.has(sha256)) continue;
        this.#held.delete(sha256);
        await this.#shelf.delete(sha256);
      }
    });
  }

  async source({ graph, weights }: Pick<Task, 'graph' | 'weights'>): Promise<ModelSource> {
    const graphData = await this.#read(graph.sha256);
    if (weights === null) return { kind: 'bytes', graph: graphData };
    const data = await this.#read(weights.sha256);
    return { kind: 'bytes', graph: graphData, externalData: [{ location: weights.sha256, data }] };
  }

  async #read(sha256: string): Promise<Uint8Array> {
    const data = this.#held.has(sha256) ? await this.#shelf.get(sha256) : undefined;
    if (data !== undefined) return data;
    // A browser that runs short of space may have thrown it away.
    this.#held.delete(sha256);
    throw new ShardStoreError('missing-blob', `blob ${sha256} is not held; send it first`);
  }

  #incomingOf({ sha256, bytes, offset }: BlobChunk): IncomingBlob {
    const known = this.#incoming.get(sha256);
    if (offset > 0) {
      if (known !== undefined) return known;
      throw new ShardStoreError('out-of-order', `blob ${sha256} begins at ${offset}, not at 0`);
    }
    this.#incoming.delete(sha256);
    if (this.#incoming.size >= INCOMPLETE_BLOBS) {
      throw new ShardStoreError('too-many-incomplete', `${INCOMPLETE_BLOBS} blobs are on their way already`);
    }
    const blob: IncomingBlob = { data: new Uint8Array(bytes), written: 0 };
    this.#incoming.set(sha256, blob);
    return blob;
  }

  #oneByOne<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }
}

function append(blob: IncomingBlob, { sha256, bytes, offset, data }: BlobChunk): void {
  if (bytes !== blob.data.byteLength || offset !== blob.written) {
    throw new ShardStoreError(
      'out-of-order',
      `blob ${sha256} of ${blob.data.byteLength} bytes goes on at ${blob.written}, not at ${offset} of ${bytes}`,
    );
  }
  blob.data.set(data, offset);
  blob.written += data.byteLength;
}

function storageError(error: unknown): ShardStoreError {
  if (error instanceof ShardStoreError) return error;
  const { name, message } = error as Error;
  // RangeError: no memory for so large an array.
  return name === 'QuotaExceededError' || name === 'RangeError'
    ? new ShardStoreError('disk-full', 'the browser has no space left for this shard', { cause: error })
    : new ShardStoreError('storage-failed', `the shard cannot be stored: ${message}`, { cause: error });
}
