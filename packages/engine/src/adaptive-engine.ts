import type { Tensor } from '@sparewheel/protocol';
import { createDirectEngine } from './direct-engine.ts';
import type { Engine, EngineOptions, LoadedModel, LoadOptions, ModelSource, RunResult } from './engine.ts';
import { createWorkerEngine } from './worker-engine.ts';

/** When a model moves between the worker and the calling thread. */
export interface Responsiveness {
  /** A shorter run may block the calling thread. The worker would add two thread switches and two copies. */
  readonly shortMs: number;
  readonly longMs: number;
  /** Models up to this size start in the calling thread, so that they are loaded once. */
  readonly smallBytes: number;
}

/** For a thread that serves many requests at once: it blocks for less time than the thread switches take. */
const SERVER: Responsiveness = { shortMs: 0.5, longMs: 4, smallBytes: 0 };
/** For a device, which computes one request at a time: only heartbeats and control messages wait. */
export const DEVICE_RESPONSIVENESS: Responsiveness = {
  shortMs: 25,
  longMs: 100,
  smallBytes: 64 * 1024 * 1024,
};
/** Consecutive short runs that move a model into the calling thread. */
const SHORT_RUNS_TO_MOVE = 3;
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
 * model moves by the measured time of its runs. Short runs save two thread switches and two copies each. These
 * dominate the latency of a request when many devices share one network.
 *
 * Two runs of one model may overlap while it moves. Each call still gets its own result.
 * @throws {EngineError} `no-backend`, `worker-crashed`
 */
export async function createAdaptiveEngine(
  options: EngineOptions = {},
  responsiveness: Responsiveness = SERVER,
): Promise<Engine> {
  const worker = await createWorkerEngine(options);
  const direct = await createDirectEngine({ ...options, backend: worker.backend });
  return new AdaptiveEngine(worker, direct, responsiveness);
}

export class AdaptiveEngine implements Engine {
  readonly backend: 'native' | 'wasm';
  readonly #worker: Engine;
  readonly #direct: Engine;
  readonly #responsiveness: Responsiveness;
  readonly #models = new Map<string, ModelEntry>();

  constructor(worker: Engine, direct: Engine, responsiveness: Responsiveness) {
    this.#worker = worker;
    this.#direct = direct;
    this.#responsiveness = responsiveness;
    this.backend = worker.backend;
  }

  load(key: string, source: ModelSource, options: LoadOptions = {}): Promise<LoadedModel> {
    const present = this.#models.get(key);
    if (present !== undefined) return present.loaded;
    const small = (options.bytes ?? Number.POSITIVE_INFINITY) <= this.#responsiveness.smallBytes;
    const host = small ? this.#direct : this.#worker;
    const loaded = host.load(key, source, options);
    this.#models.set(key, { source, options, loaded, host, moving: false, streak: 0 });
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
    const { shortMs, longMs } = this.#responsiveness;
    const wouldMove = inCaller ? computeMs > longMs : computeMs < shortMs;
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
