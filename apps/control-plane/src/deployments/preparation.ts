import { blobsOf, type DeploymentRecord, type Store } from '../database/store.ts';
import type { BlobStore } from '../workshop/blob-store.ts';
import type { Workshop } from '../workshop/workshop.ts';
import type { DeploymentRecords } from './deployment-records.ts';
import type { InTurn } from './in-turn.ts';
import type { Staging } from './staging.ts';

export interface PreparationParts {
  readonly store: Store;
  readonly workshop: Workshop;
  readonly blobs: BlobStore;
  readonly records: DeploymentRecords;
  readonly inTurn: InTurn;
  readonly staging: Staging;
  readonly changed: () => void;
  /** The files are there, and the record says so. */
  readonly prepared: (name: string) => Promise<void>;
  readonly failed: (record: DeploymentRecord, error: unknown) => Promise<void>;
}

interface Underway {
  /** From 0 to 1. */
  encoding: number;
  readonly abort: AbortController;
}

/** Makes the files of deployments in the background, subgraphs cut, shards encoded, and sends them ahead as they are made. */
export class Preparation {
  readonly #parts: PreparationParts;
  readonly #underway = new Map<string, Underway>();

  constructor(parts: PreparationParts) {
    this.#parts = parts;
  }

  /** From 0 to 1; 0 where nothing is under way. */
  progress(name: string): number {
    return this.#underway.get(name)?.encoding ?? 0;
  }

  callOff(name: string): void {
    this.#underway.get(name)?.abort.abort();
  }

  forget(name: string): void {
    this.#underway.delete(name);
  }

  /** Whether every file that a record names is there. */
  async isDone({ artifacts }: DeploymentRecord): Promise<boolean> {
    if (artifacts === null) return false;
    for (const blob of blobsOf(Object.values(artifacts).flat())) {
      if (!(await this.#parts.blobs.has(blob))) return false;
    }
    return true;
  }

  begin(record: DeploymentRecord): void {
    const { name } = record;
    const underway: Underway = { encoding: 0, abort: new AbortController() };
    this.#underway.set(name, underway);
    this.#parts.records.put({ ...record, status: 'preparing' });
    this.#parts.changed();
    this.#build(record, underway)
      .then(async (built) => {
        if (!built) return this.#parts.staging.giveUp(name);
        this.#parts.staging.done(name);
        await this.#parts.prepared(name);
      })
      .catch(async (error: unknown) => {
        this.#parts.staging.giveUp(name);
        if (!underway.abort.signal.aborted) await this.#parts.failed(record, error);
      });
  }

  /** @returns false where it was called off */
  #build(record: DeploymentRecord, underway: Underway): Promise<boolean> {
    const { store, workshop, records, inTurn, staging, changed } = this.#parts;
    const { name, plan } = record;
    const { signal } = underway.abort;
    return workshop.exclusive(async () => {
      const model = signal.aborted ? null : await store.model(record.model);
      if (model === null) return false;
      const stage = staging.begin(record);
      const artifacts = await workshop.run(
        { kind: 'build', plan, canonical: model.canonical },
        ({ fraction, made }) => {
          underway.encoding = fraction;
          if (made !== undefined && !signal.aborted) stage(made);
          changed();
        },
      );
      return inTurn.run(name, async () => {
        if (signal.aborted) return false;
        await store.updateDeployment(name, { status: 'live', reason: null, artifacts });
        records.change(name, { status: 'live', reason: null, artifacts });
        this.#underway.delete(name);
        changed();
        return true;
      });
    });
  }
}
