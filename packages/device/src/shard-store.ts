import type { ModelSource } from '@sparewheel/engine/contract';
import type { BlobChunk, Task } from '@sparewheel/protocol';

/** Limit of blobs in transfer at once. The data plane sends one at a time. */
export const INCOMPLETE_BLOBS = 4;

export interface BlobRef {
  readonly sha256: string;
  readonly bytes: number;
}

/** Stores a device's shards as blobs named by their SHA-256. Holds only complete, verified blobs. */
export interface ShardStore {
  held(): readonly BlobRef[];
  has(sha256: string): boolean;
  /** Total size of the held blobs. */
  readonly bytes: number;
  /**
   * Writes one chunk. Chunks of a blob must come in order: offset 0 starts the blob, or restarts it; the last
   * chunk verifies it. Chunks of a held blob are ignored.
   * @throws {ShardStoreError} the incomplete blob is deleted
   */
  write(chunk: BlobChunk): Promise<void>;
  /** Deletes incomplete blobs. Called when their sender disconnects. */
  abandonIncomplete(): Promise<void>;
  /** Deletes every blob that is not in the list. */
  retain(keep: readonly string[]): Promise<void>;
  /**
   * Returns a task's graph and weights in a form that an engine loads.
   * @throws {ShardStoreError} `missing-blob`
   */
  source(task: Pick<Task, 'graph' | 'weights'>): Promise<ModelSource>;
}

export type ShardStoreErrorCode =
  | 'missing-blob'
  | 'out-of-order'
  | 'digest-mismatch'
  | 'too-many-incomplete'
  | 'disk-full'
  | 'storage-failed';

export class ShardStoreError extends Error {
  override readonly name = 'ShardStoreError';
  readonly code: ShardStoreErrorCode;

  constructor(code: ShardStoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
