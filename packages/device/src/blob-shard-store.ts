import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { ModelSource } from '@sparewheel/engine/contract';
import type { Task } from '@sparewheel/protocol';
import { type IncomingBlob, OrderedShardStore } from './ordered-shard-store.ts';
import { type BlobRef, ShardStoreError } from './shard-store.ts';

/** Stores complete, verified blobs by SHA-256. Its methods reject with the browser's own errors. */
export interface BlobStorage {
  list(): Promise<readonly string[]>;
  get(sha256: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  put(sha256: string, data: Uint8Array<ArrayBuffer>): Promise<void>;
  delete(sha256: string): Promise<void>;
  /** Main memory in use, in bytes. */
  readonly memoryBytes: number;
}

/** Stores blobs in main memory, for pages without persistent storage. */
export class MemoryBlobStorage implements BlobStorage {
  readonly #blobs = new Map<string, Uint8Array<ArrayBuffer>>();

  async list(): Promise<readonly string[]> {
    return [...this.#blobs.keys()];
  }

  async get(sha256: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#blobs.get(sha256);
  }

  async put(sha256: string, data: Uint8Array<ArrayBuffer>): Promise<void> {
    this.#blobs.set(sha256, data);
  }

  async delete(sha256: string): Promise<void> {
    this.#blobs.delete(sha256);
  }

  get memoryBytes(): number {
    let sum = 0;
    for (const { byteLength } of this.#blobs.values()) sum += byteLength;
    return sum;
  }
}

/** Returns the SHA-256 of some bytes as 64 lower-case hexadecimal digits. */
export type Digest = (data: Uint8Array<ArrayBuffer>) => Promise<string>;

/**
 * Returns the fastest SHA-256 that the page may use. Browsers withhold `crypto.subtle` from insecure pages
 * (http from another machine). Those use JavaScript, about five times slower.
 */
export function availableDigest(
  subtle: typeof globalThis.crypto.subtle | null = globalThis.crypto?.subtle ?? null,
): Digest {
  if (subtle === null) return async (data) => bytesToHex(sha256(data));
  return async (data) => bytesToHex(new Uint8Array(await subtle.digest('SHA-256', data)));
}

/**
 * A shard store for browsers. Collects a blob in memory, verifies it, then writes it as a whole. A tab that
 * is closed at any moment leaves only complete blobs.
 */
export class BlobShardStore extends OrderedShardStore {
  readonly #storage: BlobStorage;
  readonly #digest: Digest;

  private constructor(storage: BlobStorage, digest: Digest) {
    super();
    this.#storage = storage;
    this.#digest = digest;
  }

  /** Opens a store. Verifies every blob and deletes the damaged ones. */
  static async open(storage: BlobStorage, digest: Digest): Promise<BlobShardStore> {
    const store = new BlobShardStore(storage, digest);
    for (const sha256 of await storage.list()) {
      const data = await storage.get(sha256);
      if (data !== undefined && (await digest(data)) === sha256) {
        store.hold({ sha256, bytes: data.byteLength });
      } else await storage.delete(sha256);
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
          throw new ShardStoreError('digest-mismatch', `blob ${sha256} arrived with the SHA-256 ${digest}`);
        }
        await this.#storage.put(sha256, data);
      },
      discard: async () => {},
    };
  }

  protected delete(sha256: string): Promise<void> {
    return this.#storage.delete(sha256);
  }

  protected kept(): void {}

  protected async retained(): Promise<void> {}

  protected storageError(error: unknown): ShardStoreError {
    const { name, message } = error as Error;
    // RangeError: the array does not fit into memory.
    return name === 'QuotaExceededError' || name === 'RangeError'
      ? new ShardStoreError('disk-full', 'the browser has no space left for this shard', { cause: error })
      : new ShardStoreError('storage-failed', `cannot store the shard: ${message}`, { cause: error });
  }

  async #read(sha256: string): Promise<Uint8Array> {
    const data = this.has(sha256) ? await this.#storage.get(sha256) : undefined;
    // A browser that is short of space may have evicted the blob.
    return data ?? this.missing(sha256);
  }
}
