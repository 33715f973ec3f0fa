import type { ModelSource } from '@sparewheel/engine/contract';
import type { BlobChunk, Task } from '@sparewheel/protocol';

/** Blobs that may be on their way at once; the data plane sends one at a time. */
export const INCOMPLETE_BLOBS = 4;

export interface BlobRef {
  readonly sha256: string;
  readonly bytes: number;
}

/** Where a device keeps its shards: blobs named by their SHA-256, complete and verified or not there at all. */
export interface ShardStore {
  /** What is complete and verified. */
  held(): readonly BlobRef[];
  has(sha256: string): boolean;
  /** Bytes of all that is held. */
  readonly bytes: number;
  /**
   * Takes one chunk; chunks of a blob come in order, offset 0 begins it (anew), the last one verifies and keeps it.
   * Chunks of a blob that is held already are accepted and ignored.
   * @throws {ShardStoreError} nothing of the blob remains then
   */
  write(chunk: BlobChunk): Promise<void>;
  /** Forgets blobs that are not complete, as when their sender is gone. */
  abandonIncomplete(): Promise<void>;
  /** Deletes every blob that is not in the list. */
  retain(keep: readonly string[]): Promise<void>;
  /**
   * Hands a task's graph and weights to an engine.
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
