import { Worker } from 'node:worker_threads';
import type { LoadRequest, LoadView, TensorSpec } from '@sparewheel/protocol';
import { siblingEntry } from '@sparewheel/runtime/entry';
import { checkPictures } from './bodies.ts';
import type { FromLoadWorker, LoadWorkerData, ToLoadWorker } from './messages.ts';
import type { LoadStatus } from './run.ts';

export interface LoadGeneratorOptions {
  /** The data plane's own address. */
  readonly host: string;
  readonly port: number;
  readonly token: string;
  readonly deployment: string;
  readonly inputs: readonly TensorSpec[];
  readonly load: LoadRequest;
  readonly seed: number;
  readonly startedAt: Date;
  /** Something of the view changed. */
  readonly onChange: () => void;
}

const NOTHING_YET: LoadStatus = {
  running: true,
  sent: 0,
  answered: 0,
  failed: 0,
  lost: 0,
  inFlight: 0,
  percentiles: { count: 0, p50: 0, p90: 0, p95: 0, p99: 0, p999: 0, max: 0, mean: 0, sd: 0 },
};

/** One run of load against one deployment, in a thread of its own. */
export class LoadGenerator {
  readonly #options: LoadGeneratorOptions;
  readonly #worker: Worker;
  readonly #ended: Promise<void>;
  #status: LoadStatus = NOTHING_YET;

  /** @throws {ApiError} 400: the pictures are not of the model's input */
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
      // An error is followed by the exit; without either's listener it would end the whole data plane.
      this.#worker.on('error', () => {});
      this.#worker.once('exit', () => {
        // A thread that died took its requests with it: neither answered nor in flight.
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

  /** Sends nothing more; resolves when what is in flight has come back. */
  async stop(): Promise<void> {
    this.#worker.postMessage({ kind: 'stop' } satisfies ToLoadWorker);
    await this.#ended;
  }

  view(): LoadView {
    const { load, startedAt } = this.#options;
    return {
      ...this.#status,
      mode: load.mode,
      concurrency: load.mode === 'closed' ? load.concurrency : null,
      ratePerSecond: load.mode === 'open' ? load.ratePerSecond : null,
      seconds: load.seconds ?? null,
      requests: load.requests ?? null,
      pictures: load.pictures?.length ?? 0,
      startedAt: startedAt.toISOString(),
    };
  }
}
