import { Worker } from 'node:worker_threads';
import type { Tensor } from '@sparewheel/protocol';
import { siblingEntry } from '@sparewheel/runtime/entry';
import {
  type Engine,
  EngineError,
  type EngineOptions,
  type LoadedModel,
  type LoadOptions,
  type ModelSource,
  type RunResult,
} from './engine.ts';
import type {
  WorkerCall,
  WorkerCommand,
  WorkerReply,
  WorkerResult,
  WorkerSettings,
} from './worker-messages.ts';

interface Pending {
  readonly resolve: (result: WorkerResult) => void;
  readonly reject: (error: EngineError) => void;
}

/**
 * Creates an engine that runs models in its own worker thread, so that the caller's event loop stays free.
 * Resolves when the backend is loaded.
 * @throws {EngineError} `no-backend`, `worker-crashed`
 */
export async function createWorkerEngine(options: EngineOptions = {}): Promise<Engine> {
  const { threadUrl } = siblingEntry(import.meta.url, {
    source: './worker.ts',
    bundled: './engine-worker.js',
  });
  const settings: WorkerSettings = {
    backend: options.backend ?? 'auto',
    intraOpNumThreads: options.intraOpNumThreads ?? 1,
  };
  const worker = new Worker(threadUrl, { workerData: settings, name: 'engine' });
  const engine = new Promise<Engine>((resolve, reject) => {
    worker.on('message', (reply: WorkerReply) => {
      if (reply.kind === 'ready') resolve(new WorkerEngine(worker, reply.backend));
      else if (reply.kind === 'unavailable') reject(new EngineError('no-backend', reply.message));
      else if (reply.kind === 'log') options.log?.(reply.message);
    });
    worker.once('error', (error) => reject(crashed(error.message)));
    worker.once('exit', (code) => reject(crashed(`exit code ${code}`)));
  });
  return engine;
}

class WorkerEngine implements Engine {
  readonly backend: 'native' | 'wasm';
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #calls = 0;
  /** The reason why the engine accepts no more calls. */
  #ended: EngineError | null = null;
  #closing: Promise<void> | null = null;

  constructor(worker: Worker, backend: 'native' | 'wasm') {
    this.#worker = worker;
    this.backend = backend;
    worker.on('message', (reply: WorkerReply) => this.#settle(reply));
    worker.on('error', (error) => this.#end(crashed(error.message)));
    worker.on('exit', (code) => this.#end(crashed(`exit code ${code}`)));
  }

  load(key: string, source: ModelSource, options: LoadOptions = {}): Promise<LoadedModel> {
    return this.#call({ kind: 'load', key, source: compact(source), options }) as Promise<LoadedModel>;
  }

  run(key: string, feeds: Readonly<Record<string, Tensor>>, fetches?: readonly string[]): Promise<RunResult> {
    // Copies, which are transferred: the caller keeps its tensors, and cloning a small view would copy its
    // whole buffer.
    const copies: Record<string, Tensor> = {};
    const transfer: ArrayBuffer[] = [];
    for (const [name, { type, dims, data }] of Object.entries(feeds)) {
      const copy = data.slice();
      copies[name] = { type, dims, data: copy };
      transfer.push(copy.buffer as ArrayBuffer);
    }
    return this.#call({ kind: 'run', key, feeds: copies, fetches }, transfer) as Promise<RunResult>;
  }

  async unload(key: string): Promise<void> {
    await this.#call({ kind: 'unload', key });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#ended !== null) return;
    const exit = new Promise((resolve) => this.#worker.once('exit', resolve));
    const closed = this.#call({ kind: 'close' });
    this.#ended = new EngineError('closed', 'the engine is closed');
    await closed.catch(() => {});
    await exit;
  }

  #call(command: WorkerCommand, transfer: ArrayBuffer[] = []): Promise<WorkerResult> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    this.#calls++;
    const message: WorkerCall = { call: this.#calls, command };
    return new Promise((resolve, reject) => {
      this.#pending.set(message.call, { resolve, reject });
      this.#worker.postMessage(message, transfer);
    });
  }

  #settle(reply: WorkerReply): void {
    if (reply.kind !== 'result' && reply.kind !== 'error') return;
    const pending = this.#pending.get(reply.call);
    this.#pending.delete(reply.call);
    if (reply.kind === 'result') pending?.resolve(reply.result);
    else pending?.reject(new EngineError(reply.code, reply.message));
  }

  #end(reason: EngineError): void {
    this.#ended ??= reason;
    for (const pending of this.#pending.values()) pending.reject(this.#ended);
    this.#pending.clear();
  }
}

function crashed(reason: string): EngineError {
  return new EngineError('worker-crashed', `the engine thread ended: ${reason}`);
}

/** Copies views: cloning a view of a larger buffer would copy the whole buffer. */
function compact(source: ModelSource): ModelSource {
  if (source.kind === 'file') return source;
  const ownBuffer = (bytes: Uint8Array) =>
    bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
  return {
    kind: 'bytes',
    graph: ownBuffer(source.graph),
    ...(source.externalData === undefined
      ? {}
      : {
          externalData: source.externalData.map(({ location, data }) => ({
            location,
            data: ownBuffer(data),
          })),
        }),
  };
}
