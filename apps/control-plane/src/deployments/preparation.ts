import type { BlobStore, ModelBuilder } from '@sparewheel/model-builder';
import { blobsOf } from '@sparewheel/planner';
import type { DeploymentRecord, Store } from '../database/store.ts';
import type { DeploymentRecords } from './deployment-records.ts';
import type { InTurn } from './in-turn.ts';
import type { Preloading } from './preloading.ts';

export interface PreparationParts {
  readonly store: Store;
  readonly modelBuilder: ModelBuilder;
  readonly blobs: BlobStore;
  readonly records: DeploymentRecords;
  readonly inTurn: InTurn;
  readonly preloading: Preloading;
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
    for (const blob of Object.values(artifacts).flat().flatMap(blobsOf)) {
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
        if (!built) return this.#parts.preloading.giveUp(name);
        this.#parts.preloading.done(name);
        await this.#parts.prepared(name);
      })
      .catch(async (error: unknown) => {
        this.#parts.preloading.giveUp(name);
        if (!underway.abort.signal.aborted) await this.#parts.failed(record, error);
      });
  }

  /** @returns false where it was called off */
  #build(record: DeploymentRecord, underway: Underway): Promise<boolean> {
    const { store, modelBuilder, records, inTurn, preloading, changed } = this.#parts;
    const { name, plan } = record;
    const { signal } = underway.abort;
    return modelBuilder.exclusive(async () => {
      const model = signal.aborted ? null : await store.model(record.model);
      if (model === null) return false;
      const preload = preloading.begin(record);
      const artifacts = await modelBuilder.run(
        { kind: 'build', plan, canonical: model.canonical },
        ({ fraction, made }) => {
          underway.encoding = fraction;
          if (made !== undefined && !signal.aborted) preload(made);
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
