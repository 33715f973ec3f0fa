import { Worker } from 'node:worker_threads';
import { ApiError } from '@sparewheel/protocol';
import { siblingEntry } from '@sparewheel/runtime/entry';
import type {
  CloseMessage,
  JobMessage,
  JobProgress,
  ModelBuilderJob,
  ModelBuilderMessage,
  ModelBuilderOptions,
  ModelBuilderResults,
} from './messages.ts';

/** The part of a Worker that the model builder talks to; a test puts its own in place. */
export interface ModelBuilderThread {
  postMessage(message: JobMessage | CloseMessage): void;
  on(event: 'message', listener: (message: ModelBuilderMessage) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'exit', listener: (code: number) => void): unknown;
  terminate(): Promise<unknown>;
}

interface PendingJob {
  readonly resolve: (value: ModelBuilderResults[keyof ModelBuilderResults]) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress: ((progress: JobProgress) => void) | undefined;
}

/** So long may the thread take to end the processes that it started. */
const CLOSE_MS = 500;

/**
 * Where uploads are canonicalized, profiled and planned, and shards encoded: a thread of its own, because all of it
 * blocks. A job that brings the thread down (a hostile model, no memory) fails; the next one gets a new thread.
 */
export class ModelBuilder {
  readonly #start: () => ModelBuilderThread;
  readonly #pending = new Map<number, PendingJob>();
  #thread: ModelBuilderThread | null = null;
  #nextJob = 1;
  #closed = false;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(start: () => ModelBuilderThread) {
    this.#start = start;
  }

  static inThread(options: ModelBuilderOptions): ModelBuilder {
    const { threadUrl } = siblingEntry(import.meta.url, {
      source: './worker.ts',
      bundled: './model-builder.js',
    });
    return new ModelBuilder(
      () =>
        new Worker(threadUrl, {
          workerData: options,
          name: 'model-builder',
        }),
    );
  }

  /** Starts the thread before the first job, so that the job does not wait for it. */
  warmUp(): void {
    this.#running();
  }

  /**
   * @throws {ApiError} what was asked cannot be done, and why
   */
  run<J extends ModelBuilderJob>(
    body: J,
    onProgress?: (progress: JobProgress) => void,
  ): Promise<ModelBuilderResults[J['kind']]> {
    return new Promise((resolve, reject) => {
      const job = this.#nextJob++;
      this.#pending.set(job, {
        resolve: resolve as PendingJob['resolve'],
        reject,
        onProgress,
      });
      try {
        this.#running().postMessage({ job, body });
      } catch (error) {
        this.#pending.delete(job);
        reject(error);
      }
    });
  }

  /**
   * Runs whatever makes or removes blobs, one after the other: a blob that was just made is not collected before the
   * database says that it is needed.
   */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work);
    this.#tail = result.catch(() => {});
    return result;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const thread = this.#thread;
    if (thread === null) return;
    const heard = new Promise<void>((resolve) => {
      thread.on('message', ({ kind }) => {
        if (kind === 'closed') resolve();
      });
      thread.on('exit', () => resolve());
      // A thread that is deep in a job hears nothing, and has no process under way.
      setTimeout(resolve, CLOSE_MS).unref();
    });
    thread.postMessage({ close: true });
    await heard;
    await thread.terminate();
  }

  #running(): ModelBuilderThread {
    if (this.#closed) throw new ApiError(503, 'stopping', 'Sparewheel is stopping.');
    if (this.#thread !== null) return this.#thread;
    const thread = this.#start();
    this.#thread = thread;
    let reason = 'it ended';
    thread.on('message', (message) => this.#receive(message));
    thread.on('error', (error) => {
      reason = error.message;
    });
    thread.on('exit', () => {
      if (this.#thread === thread) this.#thread = null;
      this.#failAll(reason);
    });
    return thread;
  }

  #receive(message: ModelBuilderMessage): void {
    if (message.kind === 'closed') return;
    const pending = this.#pending.get(message.job);
    if (pending === undefined) return;
    switch (message.kind) {
      case 'progress':
        pending.onProgress?.(message);
        return;
      case 'done':
        this.#pending.delete(message.job);
        pending.resolve(message.value);
        return;
      case 'failed': {
        this.#pending.delete(message.job);
        pending.reject(ApiError.from(message.failure));
        return;
      }
    }
  }

  #failAll(reason: string): void {
    const failure = this.#closed
      ? new ApiError(503, 'stopping', 'Sparewheel is stopping; ask again when it is back.')
      : new ApiError(
          500,
          'model-builder-ended',
          `The model brought down the thread that prepares models (${reason}).`,
          'It may need more memory than this machine has; everything else goes on.',
        );
    for (const pending of this.#pending.values()) pending.reject(failure);
    this.#pending.clear();
  }
}
