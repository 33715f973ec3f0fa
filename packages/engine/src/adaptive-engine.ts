import type { Tensor } from '@sparewheel/protocol';
import { createDirectEngine } from './direct-engine.ts';
import type { Engine, EngineOptions, LoadedModel, LoadOptions, ModelSource, RunResult } from './engine.ts';
import { createWorkerEngine } from './worker-engine.ts';

/** A shorter run blocks the event loop for less time than two thread switches take. */
const SHORT_MS = 0.5;
/** Consecutive short runs that move a model into the calling thread. */
const SHORT_RUNS_TO_MOVE = 3;
const LONG_MS = 4;
/**
 * Consecutive long runs that move a model back to the worker. A single one may be a hiccup of the machine.
 */
const LONG_RUNS_TO_MOVE = 2;

interface ModelEntry {
  readonly source: ModelSource;
  readonly options: LoadOptions;
  readonly loaded: Promise<LoadedModel>;
  /** The engine that runs the model now. */
  host: Engine;
  moving: boolean;
  /** Consecutive runs that favor the other engine. */
  streak: number;
}

/**
 * Creates an engine that runs long computations in a worker thread and short ones in the calling thread. Each
 * model moves by the measured time of its runs; a new model starts in the worker. Small layers save two
 * thread switches per run. They dominate the latency of a request when many devices share one network.
 *
 * Two runs of one model may overlap while it moves. Each call still gets its own result.
 * @throws {EngineError} `no-backend`, `worker-crashed`
 */
export async function createAdaptiveEngine(options: EngineOptions = {}): Promise<Engine> {
  const worker = await createWorkerEngine(options);
  const direct = await createDirectEngine({ ...options, backend: worker.backend });
  return new AdaptiveEngine(worker, direct);
}

export class AdaptiveEngine implements Engine {
  readonly backend: 'native' | 'wasm';
  readonly #worker: Engine;
  readonly #direct: Engine;
  readonly #models = new Map<string, ModelEntry>();

  constructor(worker: Engine, direct: Engine) {
    this.#worker = worker;
    this.#direct = direct;
    this.backend = worker.backend;
  }

  load(key: string, source: ModelSource, options: LoadOptions = {}): Promise<LoadedModel> {
    const present = this.#models.get(key);
    if (present !== undefined) return present.loaded;
    const loaded = this.#worker.load(key, source, options);
    this.#models.set(key, { source, options, loaded, host: this.#worker, moving: false, streak: 0 });
    loaded.catch(() => this.#models.delete(key));
    return loaded;
  }

  async run(
    key: string,
    feeds: Readonly<Record<string, Tensor>>,
    fetches?: readonly string[],
    into?: readonly Tensor[],
  ): Promise<RunResult> {
    const model = this.#models.get(key);
    if (model === undefined) return this.#worker.run(key, feeds, fetches);
    const ranOn = model.host;
    const result = await ranOn.run(key, feeds, fetches, into);
    if (ranOn === model.host && !model.moving) this.#learn(key, model, result.computeMs);
    return result;
  }

  async unload(key: string): Promise<void> {
    this.#models.delete(key);
    await Promise.all([this.#worker.unload(key), this.#direct.unload(key)]);
  }

  async close(): Promise<void> {
    this.#models.clear();
    await Promise.all([this.#worker.close(), this.#direct.close()]);
  }

  #learn(key: string, model: ModelEntry, computeMs: number): void {
    const inCaller = model.host === this.#direct;
    const wouldMove = inCaller ? computeMs > LONG_MS : computeMs < SHORT_MS;
    model.streak = wouldMove ? model.streak + 1 : 0;
    if (model.streak >= (inCaller ? LONG_RUNS_TO_MOVE : SHORT_RUNS_TO_MOVE)) void this.#move(key, model);
  }

  /** Creates the session in the other engine first, so that no run waits for one. */
  async #move(key: string, model: ModelEntry): Promise<void> {
    const from = model.host;
    const to = from === this.#direct ? this.#worker : this.#direct;
    model.moving = true;
    model.streak = 0;
    try {
      await to.load(key, model.source, model.options);
      // The model may have been unloaded in the meantime.
      if (this.#models.get(key) !== model) return await to.unload(key);
      model.host = to;
      await from.unload(key);
    } catch {
      // Deleted model files or a closed engine: the model stays where it is.
    } finally {
      model.moving = false;
    }
  }
}
