import { ELEMENT_TYPES, type Tensor } from '@sparewheel/protocol';
import type { InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-common';
import type { Backend } from './backend.ts';
import type { Engine, LoadedModel, LoadOptions, ModelSource, RunResult } from './engine.ts';
import { EngineError, messageOf } from './engine-error.ts';
import { openSession, type ReadModelFiles } from './session.ts';

/** ONNX Runtime's sessions in the calling thread, one call at a time; on Node and in a browser alike. */
export class SessionEngine implements Engine {
  readonly backend: 'native' | 'wasm';
  readonly #runtime: Backend['runtime'];
  readonly #intraOpNumThreads: number;
  readonly #readFiles: ReadModelFiles | null;
  readonly #sessions = new Map<string, InferenceSession>();
  /** The end of the queue: ONNX Runtime on wasm must not be entered twice at once. */
  #last: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | null = null;

  constructor(backend: Backend, intraOpNumThreads: number, readFiles: ReadModelFiles | null) {
    this.backend = backend.name;
    this.#runtime = backend.runtime;
    this.#intraOpNumThreads = intraOpNumThreads;
    this.#readFiles = readFiles;
  }

  load(key: string, source: ModelSource, options: LoadOptions = {}): Promise<LoadedModel> {
    return this.#enqueue(async () => {
      let session = this.#sessions.get(key);
      if (session === undefined) {
        session = await openSession(
          { name: this.backend, runtime: this.#runtime },
          source,
          this.#intraOpNumThreads,
          options.mapped ?? false,
          this.#readFiles,
        );
        this.#sessions.set(key, session);
      }
      return { feeds: [...session.inputNames], fetches: [...session.outputNames] };
    });
  }

  run(key: string, feeds: Readonly<Record<string, Tensor>>, fetches?: readonly string[]): Promise<RunResult> {
    return this.#enqueue(async () => {
      const session = this.#sessions.get(key);
      if (session === undefined) throw new EngineError('unknown-model', `no model is loaded as '${key}'`);
      const wanted = fetches ?? session.outputNames;
      for (const name of wanted) {
        if (!session.outputNames.includes(name)) {
          throw new EngineError(
            'unknown-fetch',
            `the model has no output '${name}', only ${session.outputNames.join(', ')}`,
          );
        }
      }
      const inputs = this.#inputsOf(session, feeds);
      const startedAt = performance.now();
      const outputs = await session.run(inputs, [...wanted]).catch((error: unknown) => {
        throw new EngineError('run-failed', messageOf(error), { cause: error });
      });
      const computeMs = performance.now() - startedAt;
      return {
        fetches: Object.fromEntries(wanted.map((name) => [name, tensorOf(name, outputs[name])])),
        computeMs,
      };
    });
  }

  unload(key: string): Promise<void> {
    return this.#enqueue(async () => {
      const session = this.#sessions.get(key);
      this.#sessions.delete(key);
      await session?.release();
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#last.then(async () => {
      for (const session of this.#sessions.values()) await session.release();
      this.#sessions.clear();
    });
    return this.#closing;
  }

  #enqueue<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#closing !== null) return Promise.reject(new EngineError('closed', 'the engine is closed'));
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }

  #inputsOf(
    session: InferenceSession,
    feeds: Readonly<Record<string, Tensor>>,
  ): Record<string, RuntimeTensor> {
    const inputs: Record<string, RuntimeTensor> = {};
    for (const name of session.inputNames) {
      const feed = feeds[name];
      if (feed === undefined) throw new EngineError('invalid-feed', `the model's input '${name}' is missing`);
      try {
        inputs[name] = new this.#runtime.Tensor(feed.type, feed.data as never, feed.dims);
      } catch (error) {
        throw new EngineError('invalid-feed', `input '${name}': ${messageOf(error)}`, { cause: error });
      }
    }
    return inputs;
  }
}

function tensorOf(name: string, output: RuntimeTensor | undefined): Tensor {
  const type = ELEMENT_TYPES.find((known) => known === output?.type);
  if (output === undefined || type === undefined) {
    throw new EngineError('run-failed', `output '${name}' is of type ${output?.type}, which does not travel`);
  }
  return { type, dims: output.dims, data: output.data as never };
}
