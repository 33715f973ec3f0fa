/** Repairs damaged files of the blob store from their models. */
import type { ModelBuilder } from '@sparewheel/model-builder';
import { blobsOf } from '@sparewheel/planner';
import { ApiError } from '@sparewheel/protocol';
import type { DeploymentRecord, ModelRecord, Store } from '../database/store.ts';
import type { EventLog } from '../events/event-log.ts';

/** A faulty disk must not fill the event log. */
const REPORTS_KEPT = 1_000;

export interface BlobRepairParts {
  readonly store: Store;
  readonly modelBuilder: ModelBuilder;
  readonly events: EventLog;
}

export class BlobRepair {
  readonly #parts: BlobRepairParts;
  readonly #running = new Map<string, Promise<string | null>>();
  /** Damaged blobs that cannot be repaired, and that were reported. */
  readonly #reported = new Set<string>();

  constructor(parts: BlobRepairParts) {
    this.#parts = parts;
  }

  /**
   * Makes a blob intact. Cuts and encodes the shards of its deployment again if necessary: the same plan of the same model
   * gives the same files.
   * @returns null if the blob is intact now; otherwise why not, as a sentence
   */
  repair(sha256: string): Promise<string | null> {
    const running = this.#running.get(sha256);
    if (running !== undefined) return running;
    const repair = this.#repair(sha256)
      .catch((error: unknown) => (error instanceof Error ? error.message : String(error)))
      .finally(() => this.#running.delete(sha256));
    this.#running.set(sha256, repair);
    return repair;
  }

  /**
   * Verifies every blob in use, one at a time, and repairs the damaged ones.
   * @returns the numbers of verified and damaged blobs
   */
  async scrub(): Promise<{ verified: number; damaged: number }> {
    let verified = 0;
    let damaged = 0;
    for (const sha256 of await this.#parts.store.blobsInUse()) {
      verified++;
      if (await this.#isIntact(sha256)) continue;
      damaged++;
      await this.repair(sha256);
    }
    return { verified, damaged };
  }

  async #repair(sha256: string): Promise<string | null> {
    const { store, modelBuilder } = this.#parts;
    // Nothing may remove blobs in the meantime.
    return modelBuilder.exclusive(async () => {
      if (await this.#isIntact(sha256)) return null;
      const [models, deployments] = await Promise.all([store.models(), store.deployments()]);
      const deployment = deployments.find((each) => ownsShard(each, sha256));
      const model = models.find((each) => ownsFile(each, sha256));
      // A file of a model may also be a shard, if the whole model is one local step. Then the build needs the file itself.
      if (deployment === undefined || model !== undefined) return this.#cannotRepair(sha256, model);
      const source = models.find(({ name }) => name === deployment.model);
      if (source === undefined) return this.#cannotRepair(sha256, model);
      try {
        await modelBuilder.run({ kind: 'build', plan: deployment.plan, canonical: source.canonical });
      } catch (error) {
        if (error instanceof ApiError && error.code === 'damaged-model') {
          return this.#cannotRepair(sha256, source);
        }
        throw error;
      }
      if (!(await this.#isIntact(sha256))) return this.#cannotRepair(sha256, source);
      this.#reported.delete(sha256);
      this.#parts.events.add({
        kind: 'blob-repaired',
        level: 'warning',
        message: `A stored shard of ${deployment.name} was damaged (blob ${sha256.slice(0, 12)}). It was encoded again from the model. Check the disk.`,
        device: null,
        deployment: deployment.name,
      });
      return null;
    });
  }

  #isIntact(sha256: string): Promise<boolean> {
    return this.#parts.modelBuilder.run({ kind: 'verify-blob', sha256 });
  }

  #cannotRepair(sha256: string, model: ModelRecord | undefined): string {
    const blob = sha256.slice(0, 12);
    const message =
      model === undefined
        ? `A stored file is damaged (blob ${blob}), and no model contains it.`
        : `A stored file of the model ${model.name} is damaged (blob ${blob}). Upload the same model again under the same name to repair it, and check the disk.`;
    if (!this.#reported.has(sha256) && this.#reported.size < REPORTS_KEPT) {
      this.#reported.add(sha256);
      this.#parts.events.add({
        kind: 'blob-damaged',
        level: 'error',
        message,
        device: null,
        deployment: null,
      });
    }
    return message;
  }
}

function ownsShard({ artifacts }: DeploymentRecord, sha256: string): boolean {
  return Object.values(artifacts ?? {})
    .flat()
    .flatMap(blobsOf)
    .some((blob) => blob.sha256 === sha256);
}

/** Whether a blob is a file of a model, from which shards are cut. */
export function ownsFile({ canonical, profileSha256 }: ModelRecord, sha256: string): boolean {
  return profileSha256 === sha256 || blobsOf(canonical).some((blob) => blob.sha256 === sha256);
}
