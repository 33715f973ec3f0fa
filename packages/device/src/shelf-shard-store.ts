import type { ModelSource } from '@sparewheel/engine/contract';
import type { Task } from '@sparewheel/protocol';
import type { BlobShelf } from './blob-shelf.ts';
import { type IncomingBlob, OrderedShardStore } from './ordered-shard-store.ts';
import { type BlobRef, ShardStoreError } from './shard-store.ts';

/** Returns the SHA-256 of some bytes as 64 lower-case hexadecimal digits. */
export type Digest = (data: Uint8Array<ArrayBuffer>) => Promise<string>;

/**
 * A browser's shard store: a blob is gathered in memory, verified, and only then put on a shelf, so that a tab that is
 * closed at any instant returns with whole blobs only.
 */
export class ShelfShardStore extends OrderedShardStore {
  readonly #shelf: BlobShelf;
  readonly #digest: Digest;

  private constructor(shelf: BlobShelf, digest: Digest) {
    super();
    this.#shelf = shelf;
    this.#digest = digest;
  }

  /** Verifies what is on the shelf and throws away what is damaged. */
  static async open(shelf: BlobShelf, digest: Digest): Promise<ShelfShardStore> {
    const store = new ShelfShardStore(shelf, digest);
    for (const sha256 of await shelf.list()) {
      const data = await shelf.get(sha256);
      if (data !== undefined && (await digest(data)) === sha256) {
        store.hold({ sha256, bytes: data.byteLength });
      } else await shelf.delete(sha256);
    }
    return store;
  }

  async source({ graph, weights }: Pick<Task, 'graph' | 'weights'>): Promise<ModelSource> {
    const graphData = await this.#read(graph.sha256);
    if (weights === null) return { kind: 'bytes', graph: graphData };
    const data = await this.#read(weights.sha256);
    return { kind: 'bytes', graph: graphData, externalData: [{ location: weights.sha256, data }] };
  }

  protected async begin({ sha256, bytes }: BlobRef): Promise<IncomingBlob> {
    const data = new Uint8Array(bytes);
    let written = 0;
    return {
      append: async (part) => {
        data.set(part, written);
        written += part.byteLength;
      },
      keep: async () => {
        const digest = await this.#digest(data);
        if (digest !== sha256) {
          throw new ShardStoreError('digest-mismatch', `what came as ${sha256} has the digest ${digest}`);
        }
        await this.#shelf.put(sha256, data);
      },
      discard: async () => {},
    };
  }

  protected delete(sha256: string): Promise<void> {
    return this.#shelf.delete(sha256);
  }

  protected kept(): void {}

  protected async retained(): Promise<void> {}

  protected storageError(error: unknown): ShardStoreError {
    const { name, message } = error as Error;
    // RangeError: no memory for so large an array.
    return name === 'QuotaExceededError' || name === 'RangeError'
      ? new ShardStoreError('disk-full', 'the browser has no space left for this shard', { cause: error })
      : new ShardStoreError('storage-failed', `the shard cannot be stored: ${message}`, { cause: error });
  }

  async #read(sha256: string): Promise<Uint8Array> {
    const data = this.has(sha256) ? await this.#shelf.get(sha256) : undefined;
    // A browser that runs short of space may have thrown it away.
    return data ?? this.missing(sha256);
  }
}
