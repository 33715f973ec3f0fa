import { EventEmitter } from 'node:events';
import {
  type JobProgress,
  type ModelBuilderJob,
  type ModelBuilderResults,
  type ModelBuilderThread,
  serveMain,
} from '@sparewheel/model-builder';
import type { Artifact } from '@sparewheel/planner';
import { type ApiError, errorReport } from '@sparewheel/protocol';
import { modelRecord, smallArtifacts, smallPlanned } from './records.ts';

/** A model builder's thread that answers every job at once. While `hold` is set, jobs wait until `release`. */
export class FakeModelBuilder extends EventEmitter implements ModelBuilderThread {
  readonly jobs: ModelBuilderJob[] = [];
  hold = false;
  /** The answer to every plan job. */
  planned = smallPlanned;
  /** Jobs of these kinds fail with this error. */
  readonly failures: Partial<Record<ModelBuilderJob['kind'], ApiError>> = {};
  /** Blobs that are damaged, and those of them that a build repairs. */
  readonly damaged = new Set<string>();
  readonly repairable = new Set<string>();
  /** The files of every imported model; null for those of `modelRecord`. */
  imported: Artifact | null = null;
  readonly #received = new EventEmitter();
  readonly #main = serveMain(
    {
      postMessage: (message) => this.emit('message', message),
      on: (event, listener) => this.#received.on(event, listener),
    },
    { run: (job, body) => this.#run(job, body), close: () => {} },
  );
  #held: (() => void)[] = [];

  postMessage(message: unknown): void {
    this.#received.emit('message', message);
  }

  release(): void {
    this.hold = false;
    for (const finish of this.#held.splice(0)) finish();
  }

  /** Reports progress of the latest job. Resolves when the main thread has received the report. */
  async progress(progress: JobProgress): Promise<void> {
    await this.#main.progress(this.jobs.length, progress);
    await new Promise((resolve) => setImmediate(resolve));
  }

  crash(reason: string): void {
    this.emit('error', new Error(reason));
    this.emit('exit', 1);
  }

  async terminate(): Promise<void> {
    this.emit('exit', 0);
  }

  async #run(job: number, body: ModelBuilderJob): Promise<ModelBuilderResults[keyof ModelBuilderResults]> {
    this.jobs.push(body);
    if (this.hold && body.kind !== 'plan') {
      await new Promise<void>((resolve) => this.#held.push(resolve));
    }
    const failure = this.failures[body.kind];
    if (failure !== undefined) throw errorReport(failure);
    const { canonical, profileSha256, inputs, outputs, layers, parameters, sha256, bytes } = modelRecord();
    switch (body.kind) {
      case 'import-model': {
        const profile = { sha256: profileSha256, bytes: 9 };
        return { canonical: this.imported ?? canonical, profile, inputs, outputs, layers, parameters };
      }
      case 'build-zoo-model':
        return { sha256, bytes };
      case 'plan':
        return this.planned;
      case 'verify-blob':
        return !this.damaged.has(body.sha256);
      case 'build':
        for (const sha256 of this.repairable) this.damaged.delete(sha256);
        void this.#main.progress(job, { fraction: 0.5 });
        return smallArtifacts;
    }
  }
}
