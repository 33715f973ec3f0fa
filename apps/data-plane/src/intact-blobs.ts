import { join } from 'node:path';
import type { BlobRef } from '@sparewheel/planner';
import { ApiError } from '@sparewheel/protocol';
import { hasHash } from '@sparewheel/runtime/hash-file';

interface Repair {
  readonly done: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Verifies blob files before they are used. The control plane repairs a damaged file from its model, and the caller
 * waits. A wrong weight would otherwise give wrong answers without an error.
 */
export class IntactBlobs {
  readonly #directory: string;
  readonly #report: (sha256: string) => void;
  readonly #repairs = new Map<string, Repair>();

  /**
   * @param directory  holds the blob files, named by their SHA-256
   * @param report  asks the control plane to repair a file
   */
  constructor(directory: string, report: (sha256: string) => void) {
    this.#directory = directory;
    this.#report = report;
  }

  /**
   * Resolves when every file has the content that its name promises.
   * @throws {ApiError} 500 a damaged file cannot be repaired
   */
  async require(blobs: readonly BlobRef[]): Promise<void> {
    await Promise.all(blobs.map(({ sha256 }) => this.#require(sha256)));
  }

  /** Ends the wait for a repair. `problem`: why there is none. */
  repaired(sha256: string, problem: string | null): void {
    const repair = this.#repairs.get(sha256);
    this.#repairs.delete(sha256);
    if (problem === null) repair?.resolve();
    else repair?.reject(damaged(problem));
  }

  async #require(sha256: string): Promise<void> {
    const path = join(this.#directory, sha256);
    if (await hasHash(path, sha256)) return;
    await this.#repair(sha256);
    // A file that is damaged again at once is on a faulty disk. Another repair would not help.
    if (!(await hasHash(path, sha256)))
      throw damaged(`The blob ${sha256} was repaired, but is damaged again. Check the disk.`);
  }

  #repair(sha256: string): Promise<void> {
    const running = this.#repairs.get(sha256);
    if (running !== undefined) return running.done;
    let settle!: Pick<Repair, 'resolve' | 'reject'>;
    const done = new Promise<void>((resolve, reject) => {
      settle = { resolve, reject };
    });
    // The callers handle the rejection. There may be none by then.
    done.catch(() => {});
    this.#repairs.set(sha256, { done, ...settle });
    this.#report(sha256);
    return done;
  }
}

function damaged(message: string): ApiError {
  return new ApiError(500, 'damaged-blob', message);
}
