import { EventEmitter } from 'node:events';
import type {
  CloseMessage,
  JobMessage,
  ModelBuilderJob,
  ModelBuilderMessage,
  ModelBuilderThread,
} from '@sparewheel/model-builder';
import type { ApiError } from '@sparewheel/protocol';
import { modelRecord, smallArtifacts, smallPlanned } from './records.ts';

/** The model builder's thread at the level of messages. Jobs wait where `hold` is set, until `release`. */
export class FakeModelBuilder extends EventEmitter implements ModelBuilderThread {
  readonly jobs: ModelBuilderJob[] = [];
  hold = false;
  /** A job of this kind fails with this. */
  readonly failures: Partial<Record<ModelBuilderJob['kind'], ApiError>> = {};
  #held: (() => void)[] = [];

  postMessage(message: JobMessage | CloseMessage): void {
    if ('close' in message) {
      queueMicrotask(() => this.say({ kind: 'closed' }));
      return;
    }
    const { job, body } = message;
    this.jobs.push(body);
    const finish = () => this.#finish(job, body);
    if (this.hold && body.kind !== 'plan') this.#held.push(finish);
    else queueMicrotask(finish);
  }

  release(): void {
    this.hold = false;
    for (const finish of this.#held.splice(0)) finish();
  }

  say(message: ModelBuilderMessage): void {
    this.emit('message', message);
  }

  crash(reason: string): void {
    this.emit('error', new Error(reason));
    this.emit('exit', 1);
  }

  async terminate(): Promise<void> {
    this.emit('exit', 0);
  }

  #finish(job: number, body: ModelBuilderJob): void {
    const failure = this.failures[body.kind];
    if (failure !== undefined) {
      const { status, code, message } = failure;
      this.say({ kind: 'failed', job, failure: { status, code, message } });
      return;
    }
    const { canonical, profileSha256, inputs, outputs, layers, parameters } = modelRecord();
    switch (body.kind) {
      case 'import-model':
        this.say({
          kind: 'done',
          job,
          value: {
            canonical,
            profile: { sha256: profileSha256, bytes: 9 },
            inputs,
            outputs,
            layers,
            parameters,
          },
        });
        return;
      case 'build-zoo-model':
        this.say({ kind: 'done', job, value: { sha256: modelRecord().sha256, bytes: modelRecord().bytes } });
        return;
      case 'plan':
        this.say({ kind: 'done', job, value: smallPlanned });
        return;
      case 'build':
        this.say({ kind: 'progress', job, fraction: 0.5 });
        this.say({ kind: 'done', job, value: smallArtifacts });
        return;
    }
  }
}
