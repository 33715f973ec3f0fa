import { decodeStrings, encodeStrings, TENSOR_TYPES, type Tensor } from '@sparewheel/protocol';
import { float16Tensor } from '@sparewheel/runtime/float16-tensor';
import type { InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-common';
import type { Backend } from './backend.ts';
import type { Engine, LoadedModel, LoadOptions, ModelSource, RunResult } from './engine.ts';
import { EngineError, messageOf } from './engine-error.ts';

type FileSource = Extract<ModelSource, { kind: 'file' }>;

/** Reads a model and its external data into memory, for a backend without a file system. */
export type ReadModelFiles = (
  source: FileSource,
) => Promise<Omit<Extract<ModelSource, { kind: 'bytes' }>, 'kind'>>;

/** Runs ONNX Runtime sessions in the calling thread, one call at a time. Works in Node and in browsers. */
export class SessionEngine implements Engine {
  readonly backend: 'native' | 'wasm';
  readonly #runtime: Backend['runtime'];
  readonly #intraOpNumThreads: number;
  readonly #readFiles: ReadModelFiles | null;
  readonly #sessions = new Map<string, InferenceSession>();
  /**
   * The last call in the queue. Calls are serialized because ONNX Runtime on WebAssembly is not reentrant.
   */
  #last: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | null = null;

  /** @param readFiles  null if the engine cannot read files, as in a browser */
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
        const mapped = options.mapped === true && !(await this.#mustRepack(source));
        session = await this.#open(source, mapped);
        this.#sessions.set(key, session);
      }
      return { feeds: [...session.inputNames], fetches: [...session.outputNames] };
    });
  }

  run(
    key: string,
    feeds: Readonly<Record<string, Tensor>>,
    fetches?: readonly string[],
    into?: readonly Tensor[],
  ): Promise<RunResult> {
    return this.#enqueue(async () => {
      const session = this.#sessions.get(key);
      if (session === undefined) throw new EngineError('unknown-model', `no model is loaded as '${key}'`);
      const wanted = fetches ?? session.outputNames;
      for (const name of wanted) {
        if (!session.outputNames.includes(name)) {
          throw new EngineError(
            'unknown-fetch',
            `the model has no output '${name}'; its outputs are ${session.outputNames.join(', ')}`,
          );
        }
      }
      const inputs = this.#inputsOf(session, feeds);
      // WebAssembly computes in its own memory, so it copies outputs in any case.
      const prepared = into !== undefined && this.backend === 'native' ? into : null;
      const startedAt = performance.now();
      const outputs = await session
        .run(inputs, prepared === null ? [...wanted] : this.#outputsOf(wanted, prepared))
        .catch((error: unknown) => {
          throw new EngineError('run-failed', messageOf(error), { cause: error });
        });
      const computeMs = performance.now() - startedAt;
      const results: Record<string, Tensor> = {};
      for (const [index, name] of wanted.entries()) {
        results[name] = prepared?.[index] ?? tensorOf(name, outputs[name]);
      }
      return { fetches: results, computeMs };
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

  /**
   * Returns whether a model has kernels for integers. Without prepacking they repack their weights on each run, which
   * takes longer than the product.
   */
  async #mustRepack(source: ModelSource): Promise<boolean> {
    if (source.kind !== 'file' || this.#readFiles === null) return false;
    const { graph } = await this.#readFiles({ kind: 'file', path: source.path });
    return includesText(graph, 'MatMulInteger') || includesText(graph, 'ConvInteger');
  }

  /** Opens a session with settings for a small device. @throws {EngineError} `invalid-model` */
  async #open(source: ModelSource, mapped: boolean): Promise<InferenceSession> {
    const options: InferenceSession.SessionOptions = {
      intraOpNumThreads: this.#intraOpNumThreads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      // Each session would keep its own arena at peak size. malloc is shared by all sessions and as fast.
      enableCpuMemArena: false,
      graphOptimizationLevel: 'all',
      // Errors only: ONNX Runtime prints its warnings to the terminal.
      logSeverityLevel: 3,
      extra: {
        session: {
          // Waiting threads would take the processor from other processes.
          ...(this.#intraOpNumThreads > 1 ? { intra_op: { allow_spinning: '0' } } : {}),
          ...(mapped ? { disable_prepacking: '1' } : {}),
        },
      },
    };
    const { InferenceSession: Session } = this.#runtime;
    try {
      if (source.kind === 'file' && this.backend === 'native')
        return await Session.create(source.path, options);
      const { graph, externalData } = source.kind === 'bytes' ? source : await this.#filesOf(source);
      const files = (externalData ?? []).map(({ location, data }) => ({ path: location, data }));
      return await Session.create(graph, files.length === 0 ? options : { ...options, externalData: files });
    } catch (error) {
      throw new EngineError('invalid-model', `cannot load the model: ${messageOf(error)}`, { cause: error });
    }
  }

  #filesOf(source: FileSource) {
    if (this.#readFiles === null)
      throw new Error('this engine cannot read files; pass the bytes of the model');
    return this.#readFiles(source);
  }

  #outputsOf(wanted: readonly string[], into: readonly Tensor[]): Record<string, RuntimeTensor> {
    const outputs: Record<string, RuntimeTensor> = {};
    for (const [index, name] of wanted.entries()) {
      outputs[name] = this.#runtimeTensor(into[index]!);
    }
    return outputs;
  }

  #inputsOf(
    session: InferenceSession,
    feeds: Readonly<Record<string, Tensor>>,
  ): Record<string, RuntimeTensor> {
    const inputs: Record<string, RuntimeTensor> = {};
    for (const name of session.inputNames) {
      const feed = feeds[name];
      if (feed === undefined) throw new EngineError('invalid-feed', `input '${name}' is missing`);
      try {
        inputs[name] = this.#runtimeTensor(feed);
      } catch (error) {
        throw new EngineError('invalid-feed', `input '${name}': ${messageOf(error)}`, { cause: error });
      }
    }
    return inputs;
  }

  #runtimeTensor({ type, dims, data }: Tensor): RuntimeTensor {
    const { Tensor: RuntimeTensor } = this.#runtime;
    if (type === 'float16') return float16Tensor<RuntimeTensor>(RuntimeTensor, data as Uint16Array, dims);
    if (type === 'string') return new RuntimeTensor(type, decodeStrings(data as Uint8Array), dims);
    return new RuntimeTensor(type, data as never, dims);
  }
}

/** Returns whether bytes contain an ASCII text. */
function includesText(bytes: Uint8Array, text: string): boolean {
  const first = text.charCodeAt(0);
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    let length = 1;
    while (length < text.length && bytes[at + length] === text.charCodeAt(length)) length++;
    if (length === text.length) return true;
  }
  return false;
}

function tensorOf(name: string, output: RuntimeTensor | undefined): Tensor {
  const type = TENSOR_TYPES.find((known) => known === output?.type);
  if (output === undefined || type === undefined) {
    throw new EngineError(
      'run-failed',
      `output '${name}' has the type ${output?.type}, which is not supported; use ${TENSOR_TYPES.join(', ')}`,
    );
  }
  if (type === 'string') return { type, dims: output.dims, data: encodeStrings(output.data as string[]) };
  // A Float16Array on platforms that have one.
  const data = type === 'float16' ? bitsOf(output.data as ArrayBufferView) : output.data;
  return { type, dims: output.dims, data: data as never };
}

function bitsOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint16Array {
  return new Uint16Array(buffer, byteOffset, byteLength / 2);
}
