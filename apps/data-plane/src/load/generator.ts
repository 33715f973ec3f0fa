import { Worker } from 'node:worker_threads';
import type { LoadRequest, LoadView, TensorSpec } from '@sparewheel/protocol';
import { siblingEntry } from '@sparewheel/runtime/entry';
import { checkPictures } from './bodies.ts';
import type { LoadStatus } from './run.ts';

export interface LoadGeneratorOptions {
  /** Host of this data plane. */
  readonly host: string;
  readonly port: number;
  readonly token: string;
  readonly deployment: string;
  readonly inputs: readonly TensorSpec[];
  readonly load: LoadRequest;
  readonly seed: number;
  readonly startedAt: Date;
  /** Called when the view changes. */
  readonly onChange: () => void;
}

export interface LoadWorkerData {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly token: string;
  readonly inputs: readonly TensorSpec[];
  readonly load: LoadRequest;
  /** Seed of the arrival times and the random inputs. */
  readonly seed: number;
}

export type ToLoadWorker = { readonly kind: 'stop' };
/** Sent a few times a second, and at the end with `running: false`. */
export type FromLoadWorker = { readonly kind: 'status'; readonly status: LoadStatus };

const INITIAL_STATUS: LoadStatus = {
  running: true,
  sent: 0,
  answered: 0,
  failed: 0,
  lost: 0,
  inFlight: 0,
  percentiles: { count: 0, p50: 0, p90: 0, p95: 0, p99: 0, p999: 0, max: 0, mean: 0, sd: 0 },
};

/** One load run against one deployment, in its own thread. */
export class LoadGenerator {
  readonly #options: LoadGeneratorOptions;
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  #status: LoadStatus = INITIAL_STATUS;

  /** @throws {ApiError} 400: the pictures do not fit the input of the model */
  constructor(options: LoadGeneratorOptions) {
    checkPictures(options.inputs, options.load.pictures);
    this.#options = options;
    const { host, port, token, deployment, inputs, load, seed } = options;
    const { threadUrl } = siblingEntry(import.meta.url, {
      source: '../load-worker.ts',
      bundled: './load-worker.js',
    });
    const workerData: LoadWorkerData = {
      host,
      port,
      path: `/v2/models/${encodeURIComponent(deployment)}/infer`,
      token,
      inputs,
      load,
      seed,
    };
    this.#worker = new Worker(threadUrl, { workerData, name: 'load' });
    this.#worker.on('message', ({ status }: FromLoadWorker) => {
      this.#status = status;
      options.onChange();
    });
    this.#ended = new Promise((resolve) => {
      // An `error` event without a listener would end the data plane. An `exit` always follows it.
      this.#worker.on('error', () => {});
      this.#worker.once('exit', () => {
        // The requests of a crashed thread are lost.
        const { sent, answered, failed } = this.#status;
        this.#status = { ...this.#status, running: false, inFlight: 0, lost: sent - answered - failed };
        options.onChange();
        resolve();
      });
    });
  }

  get running(): boolean {
    return this.#status.running;
  }

  /** The requests that a closed load keeps in flight; null for an open one. */
  get concurrency(): number | null {
    const { load } = this.#options;
    return load.mode === 'closed' ? load.concurrency : null;
  }

  /** Stops sending. Resolves when every request in flight has ended. */
  async stop(): Promise<void> {
    this.#worker.postMessage({ kind: 'stop' } satisfies ToLoadWorker);
    await this.#ended;
  }

  view(): LoadView {
    const { load, startedAt } = this.#options;
    return {
      ...this.#status,
      mode: load.mode,
      concurrency: this.concurrency,
      ratePerSecond: load.mode === 'open' ? load.ratePerSecond : null,
      seconds: load.seconds ?? null,
      requests: load.requests ?? null,
      pictures: load.pictures?.length ?? 0,
      startedAt: startedAt.toISOString(),
    };
  }
}
