import { readFile } from 'node:fs/promises';
import { bodies, type Graph, readModel } from '@sparewheel/onnx';
import type { Tensor } from '@sparewheel/protocol';
import { createAdaptiveEngine, type Responsiveness } from './adaptive-engine.ts';
import type { Engine, EngineOptions, LoadedModel, LoadOptions, ModelSource, RunResult } from './engine.ts';
import { ProcessEngine } from './process-engine.ts';

/**
 * Creates the engine of a data plane or an agent: adaptive, with a child process for models with a Loop.
 * @throws {EngineError} `no-backend`, `worker-crashed`
 */
export async function createServingEngine(
  options: EngineOptions = {},
  responsiveness?: Responsiveness,
): Promise<Engine> {
  const engine = await createAdaptiveEngine(options, responsiveness);
  return new LoopIsolation(engine, new ProcessEngine(engine.backend, options));
}

/**
 * Runs models with a Loop in a second engine, which can end a run. The number of rounds may come from an input, so a
 * caller could choose a run that never ends. All other operators end.
 */
export class LoopIsolation implements Engine {
  readonly backend: 'native' | 'wasm';
  readonly #engine: Engine;
  readonly #loops: Engine;
  readonly #loads = new Map<string, Promise<LoadedModel>>();
  /** Keys of models with a Loop. */
  readonly #isolated = new Set<string>();

  /** @param loops  runs the models with a Loop */
  constructor(engine: Engine, loops: Engine) {
    this.backend = engine.backend;
    this.#engine = engine;
    this.#loops = loops;
  }

  load(key: string, source: ModelSource, options: LoadOptions = {}): Promise<LoadedModel> {
    const present = this.#loads.get(key);
    if (present !== undefined) return present;
    const loading = this.#load(key, source, options);
    this.#loads.set(key, loading);
    loading.catch(() => this.#forget(key));
    return loading;
  }

  run(
    key: string,
    feeds: Readonly<Record<string, Tensor>>,
    fetches?: readonly string[],
    into?: readonly Tensor[],
    timeoutMs?: number,
  ): Promise<RunResult> {
    const engine = this.#isolated.has(key) ? this.#loops : this.#engine;
    return engine.run(key, feeds, fetches, into, timeoutMs);
  }

  async unload(key: string): Promise<void> {
    const engine = this.#isolated.has(key) ? this.#loops : this.#engine;
    this.#forget(key);
    await engine.unload(key);
  }

  async close(): Promise<void> {
    this.#loads.clear();
    await Promise.all([this.#engine.close(), this.#loops.close()]);
  }

  async #load(key: string, source: ModelSource, options: LoadOptions): Promise<LoadedModel> {
    const graph = source.kind === 'bytes' ? source.graph : await readFile(source.path);
    if (!hasLoop(graph)) return this.#engine.load(key, source, options);
    this.#isolated.add(key);
    return this.#loops.load(key, source, options);
  }

  #forget(key: string): void {
    this.#loads.delete(key);
    this.#isolated.delete(key);
  }
}

/** Returns whether a model has a Loop, at any depth. False for bytes that are no model: the engine rejects them. */
function hasLoop(bytes: Uint8Array): boolean {
  const inGraph = ({ nodes }: Graph): boolean =>
    nodes.some((node) => node.opType === 'Loop' || bodies(node).some(inGraph));
  try {
    const { graph, functions } = readModel(bytes);
    return inGraph(graph) || functions.length > 0;
  } catch {
    return false;
  }
}
