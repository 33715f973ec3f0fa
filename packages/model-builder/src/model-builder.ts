import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { ApiError, type ErrorReport } from '@sparewheel/protocol';
import { siblingEntry } from '@sparewheel/runtime/entry';
import { Mutex } from 'async-mutex';
import type { JobProgress, ModelBuilderJob, ModelBuilderOptions, ModelBuilderResults } from './messages.ts';
import { type CallChannel, callThread } from './thread-calls.ts';

/** The part of a Worker that the model builder uses. Tests provide a double. */
export interface ModelBuilderThread extends CallChannel {
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'exit', listener: (code: number) => void): unknown;
  terminate(): Promise<unknown>;
}

interface RunningThread {
  readonly thread: ModelBuilderThread;
  readonly calls: ReturnType<typeof callThread>;
}

/** How long the thread may take to end its child processes. */
const CLOSE_MS = 500;

/**
 * Imports, profiles and plans models, and encodes shards. All of this blocks, so it runs in a worker thread.
 * A job that crashes the thread (a hostile model, too little memory) fails together with every pending job.
 * The next job starts a new thread.
 */
export class ModelBuilder {
  readonly #start: () => ModelBuilderThread;
  readonly #blobAccess = new Mutex();
  readonly #progressListeners = new Map<number, (progress: JobProgress) => void>();
  #running: RunningThread | null = null;
  #nextJob = 1;
  #closed = false;

  constructor(start: () => ModelBuilderThread) {
    this.#start = start;
  }

  /**
   * Returns a model builder that runs in a worker thread. The thread starts with the first job or `warmUp`.
   */
  static inThread(options: ModelBuilderOptions): ModelBuilder {
    const { threadUrl } = siblingEntry(import.meta.url, {
      source: './worker.ts',
      bundled: './model-builder.js',
    });
    return new ModelBuilder(() => new Worker(threadUrl, { workerData: options, name: 'model-builder' }));
  }

  /** Starts the thread now, so that the first job does not wait for it. */
  warmUp(): void {
    this.#runningThread();
  }

  /**
   * Runs a job in the thread.
   * @throws {ApiError} the job failed, the thread crashed, or the model builder is closed
   */
  async run<J extends ModelBuilderJob>(
    body: J,
    onProgress?: (progress: JobProgress) => void,
  ): Promise<ModelBuilderResults[J['kind']]> {
    const { calls } = this.#runningThread();
    const job = this.#nextJob++;
    if (onProgress !== undefined) this.#progressListeners.set(job, onProgress);
    try {
      return (await calls.run(job, body)) as ModelBuilderResults[J['kind']];
    } catch (error) {
      throw error instanceof Error ? error : ApiError.from(error as ErrorReport);
    } finally {
      this.#progressListeners.delete(job);
    }
  }

  /**
   * Runs work that creates or removes blobs, one piece at a time. Otherwise garbage collection could remove a
   * new blob before the database refers to it.
   */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    return this.#blobAccess.runExclusive(work);
  }

  /** Ends the thread and its child processes. Pending and later jobs fail. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#running === null) return;
    const { thread, calls } = this.#running;
    // A thread that is busy with a blocking job cannot answer, but then it has no child process either.
    await Promise.race([calls.close(), delay(CLOSE_MS, undefined, { ref: false })]).catch(() => {});
    await thread.terminate();
  }

  #runningThread(): RunningThread {
    if (this.#closed) throw new ApiError(503, 'stopping', 'Sparewheel is stopping.');
    if (this.#running !== null) return this.#running;
    const thread = this.#start();
    const calls = callThread(thread, {
      progress: (job, progress) => this.#progressListeners.get(job)?.(progress),
    });
    const running = { thread, calls };
    this.#running = running;
    let reason = 'it ended';
    thread.on('error', (error) => {
      reason = error.message;
    });
    thread.on('exit', () => {
      if (this.#running === running) this.#running = null;
      calls.$close(this.#threadEnded(reason));
    });
    return running;
  }

  #threadEnded(reason: string): ApiError {
    if (this.#closed) {
      return new ApiError(503, 'stopping', 'Sparewheel is stopping. Try again after the restart.');
    }
    return new ApiError(
      500,
      'model-builder-ended',
      `The model crashed the thread that prepares models (${reason}).`,
      'It may need more memory than this machine has. All other deployments keep running.',
    );
  }
}
