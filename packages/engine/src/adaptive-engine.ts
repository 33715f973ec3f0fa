import type { Tensor } from '@sparewheel/protocol';
import { createDirectEngine } from './direct-engine.ts';
import type { Engine, EngineOptions, LoadedModel, LoadOptions, ModelSource, RunResult } from './engine.ts';
import { createWorkerEngine } from './worker-engine.ts';

/** A run this short delays the event loop less than the way to another thread and back costs the request. */
const SHORT_MS = 0.5;
/** So many short runs in a row bring a model into the calling thread. */
const SHORT_RUNS_TO_MOVE = 3;
/** So many runs in a row over this send it away again; a single one may be the machine's doing. */
const LONG_MS = 4;
const LONG_RUNS_TO_MOVE = 2;

interface Placed {
  readonly source: ModelSource;
  readonly options: LoadOptions;
  readonly loaded: Promise<LoadedModel>;
  home: Engine;
  moving: boolean;
  /** Runs in a row that speak for the other place. */
  streak: number;
}

/**
 * Runs long computations in a worker thread and short ones in the calling thread, by what each model's runs have
 * taken so far. A new model starts in the worker. Small layers, which are what a request's latency consists of when
 * many devices share one network, so save two thread switches each.
 *
 * Around a move two runs of one model may overlap; each still answers its own call.
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
  readonly #models = new Map<string, Placed>();

  constructor(worker: Engine, direct: Engine) {
    this.#worker = worker;
    this.#direct = direct;
    this.backend = worker.backend;
  }

  load(key: string, source: ModelSource, options: LoadOptions = {}): Promise<LoadedModel> {
    const present = this.#models.get(key);
    if (present !== undefined) return present.loaded;
    const loaded = this.#worker.load(key, source, options);
    this.#models.set(key, { source, options, loaded, home: this.#worker, moving: false, streak: 0 });
    loaded.catch(() => this.#models.delete(key));
    return loaded;
  }

  async run(
    key: string,
    feeds: Readonly<Record<string, Tensor>>,
    fetches?: readonly string[],
  ): Promise<RunResult> {
    const model = this.#models.get(key);
    if (model === undefined) return this.#worker.run(key, feeds, fetches);
    const ranAt = model.home;
    const result = await ranAt.run(key, feeds, fetches);
    if (ranAt === model.home && !model.moving) this.#learn(key, model, result.computeMs);
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

  #learn(key: string, model: Placed, computeMs: number): void {
    const here = model.home === this.#direct;
    const wouldMove = here ? computeMs > LONG_MS : computeMs < SHORT_MS;
    model.streak = wouldMove ? model.streak + 1 : 0;
    if (model.streak >= (here ? LONG_RUNS_TO_MOVE : SHORT_RUNS_TO_MOVE)) void this.#move(key, model);
  }

  /** Makes the session in the other place first, so that no run ever waits for one. */
  async #move(key: string, model: Placed): Promise<void> {
    const from = model.home;
    const to = from === this.#direct ? this.#worker : this.#direct;
    model.moving = true;
    model.streak = 0;
    try {
      await to.load(key, model.source, model.options);
      // It may have been unloaded meanwhile.
      if (this.#models.get(key) !== model) return await to.unload(key);
      model.home = to;
      await from.unload(key);
    } catch {
      // The files may be gone or the engine closed: it stays where it is.
    } finally {
      model.moving = false;
    }
  }
}
