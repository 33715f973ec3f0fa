import type { BlobStore, ModelBuilder } from '@sparewheel/model-builder';
import { blobsOf } from '@sparewheel/planner';
import type { DeploymentRecord, Store } from '../database/store.ts';
import type { DeploymentRecords } from './deployment-records.ts';
import type { Preloading } from './preloading.ts';

export interface PreparationParts {
  readonly store: Store;
  readonly modelBuilder: ModelBuilder;
  readonly blobs: BlobStore;
  readonly records: DeploymentRecords;
  readonly preloading: Preloading;
  readonly changed: () => void;
  /** Called when the files exist and the record says so. */
  readonly prepared: (name: string) => Promise<void>;
  readonly failed: (record: DeploymentRecord, error: unknown) => Promise<void>;
}

interface Job {
  /** From 0 to 1. */
  encoding: number;
  readonly abort: AbortController;
}

/** Creates the files of deployments in the background: cuts subgraphs, encodes shards, and sends them in advance. */
export class Preparation {
  readonly #parts: PreparationParts;
  readonly #jobs = new Map<string, Job>();

  constructor(parts: PreparationParts) {
    this.#parts = parts;
  }

  /** Returns the progress from 0 to 1; 0 without a preparation. */
  progress(name: string): number {
    return this.#jobs.get(name)?.encoding ?? 0;
  }

  cancel(name: string): void {
    this.#jobs.get(name)?.abort.abort();
  }

  forget(name: string): void {
    this.#jobs.delete(name);
  }

  /** Whether every file of a record exists. */
  async isDone({ artifacts }: DeploymentRecord): Promise<boolean> {
    if (artifacts === null) return false;
    for (const blob of Object.values(artifacts).flat().flatMap(blobsOf)) {
      if (!(await this.#parts.blobs.has(blob))) return false;
    }
    return true;
  }

  begin(record: DeploymentRecord): void {
    const { name } = record;
    const job: Job = { encoding: 0, abort: new AbortController() };
    this.#jobs.set(name, job);
    this.#parts.records.put({ ...record, status: 'preparing' });
    this.#parts.changed();
    this.#build(record, job)
      .then(async (built) => {
        if (!built) return this.#parts.preloading.cancel(name);
        this.#parts.preloading.done(name);
        await this.#parts.prepared(name);
      })
      .catch(async (error: unknown) => {
        this.#parts.preloading.cancel(name);
        if (!job.abort.signal.aborted) await this.#parts.failed(record, error);
      });
  }

  /** @returns false if the preparation was canceled */
  #build(record: DeploymentRecord, job: Job): Promise<boolean> {
    const { store, modelBuilder, records, preloading, changed } = this.#parts;
    const { name, plan } = record;
    const { signal } = job.abort;
    return modelBuilder.exclusive(async () => {
      const model = signal.aborted ? null : await store.model(record.model);
      if (model === null) return false;
      const preload = preloading.begin(record);
      const artifacts = await modelBuilder.run(
        { kind: 'build', plan, canonical: model.canonical },
        ({ fraction, made }) => {
          job.encoding = fraction;
          if (made !== undefined && !signal.aborted) preload(made);
          changed();
        },
      );
      return records.exclusive(name, async () => {
        if (signal.aborted) return false;
        await store.updateDeployment(name, { status: 'live', reason: null, artifacts });
        records.change(name, { status: 'live', reason: null, artifacts });
        this.#jobs.delete(name);
        changed();
        return true;
      });
    });
  }
}
