import { type Engine, EngineError, type LoadedModel } from '@sparewheel/engine/contract';
import type { Task } from '@sparewheel/protocol';
import type { ShardStore } from './shard-store.ts';

/** A task that the engine can run. */
export interface LoadedTask {
  /** The engine's key; tasks with the same files share a session. */
  readonly key: string;
  readonly definition: Task;
}

/** What this device can compute. Tasks outlive a lost connection: the data plane that returns may still mean them. */
export class TaskTable {
  readonly #engine: Engine;
  readonly #store: ShardStore;
  readonly #tasks = new Map<number, LoadedTask>();
  #last: Promise<void> = Promise.resolve();

  constructor(engine: Engine, store: ShardStore) {
    this.#engine = engine;
    this.#store = store;
  }

  get(task: number): LoadedTask | undefined {
    return this.#tasks.get(task);
  }

  /** How many tasks are loaded. */
  get size(): number {
    return this.#tasks.size;
  }

  /**
   * Loads a task, replacing the one of the same number.
   * @throws {ShardStoreError} `missing-blob`
   * @throws {EngineError} the graph does not load, or has not the task's feeds and fetches
   */
  load(definition: Task): Promise<void> {
    return this.#oneByOne(async () => {
      const key = `${definition.graph.sha256}:${definition.weights?.sha256 ?? ''}`;
      const source = await this.#store.source(definition);
      const model = await this.#engine.load(key, source, { mapped: definition.weights !== null });
      const before = this.#tasks.get(definition.task);
      this.#tasks.delete(definition.task);
      try {
        expectNames(definition, model);
        this.#tasks.set(definition.task, { key, definition });
      } finally {
        if (before !== undefined) await this.#release(before.key);
        await this.#release(key);
      }
    });
  }

  /** A task that is not there is fine. */
  unload(task: number): Promise<void> {
    return this.#oneByOne(() => this.#forget(task));
  }

  /** Unloads the tasks whose blobs are not among these. */
  retain(blobs: readonly string[]): Promise<void> {
    const kept = new Set(blobs);
    return this.#oneByOne(async () => {
      for (const { definition } of [...this.#tasks.values()]) {
        const { task, graph, weights } = definition;
        if (!kept.has(graph.sha256) || (weights !== null && !kept.has(weights.sha256)))
          await this.#forget(task);
      }
    });
  }

  async #forget(task: number): Promise<void> {
    const loaded = this.#tasks.get(task);
    this.#tasks.delete(task);
    if (loaded !== undefined) await this.#release(loaded.key);
  }

  /** Frees the engine's session when no task needs it any more. */
  async #release(key: string): Promise<void> {
    for (const loaded of this.#tasks.values()) if (loaded.key === key) return;
    await this.#engine.unload(key);
  }

  /** A load that waits for the engine must not lose its session to an unload in between. */
  #oneByOne(work: () => Promise<void>): Promise<void> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    return result;
  }
}

function expectNames(task: Task, model: LoadedModel): void {
  const { feeds, fetches } = task;
  if (feeds.length !== model.feeds.length || !feeds.every((name) => model.feeds.includes(name))) {
    throw new EngineError(
      'invalid-feed',
      `the task's feeds are ${feeds.join(', ')}, the graph's are ${model.feeds.join(', ')}`,
    );
  }
  const unknown = fetches.find((name) => !model.fetches.includes(name));
  if (unknown !== undefined) throw new EngineError('unknown-fetch', `the graph has no output '${unknown}'`);
}
