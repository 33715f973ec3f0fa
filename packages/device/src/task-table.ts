import { type Engine, EngineError, type LoadedModel } from '@sparewheel/engine/contract';
import type { Task } from '@sparewheel/protocol';
import { OutputShapes } from './output-shapes.ts';
import type { ShardStore } from './shard-store.ts';

/** A task that is loaded into the engine. */
export interface LoadedTask {
  /** The engine's key. Tasks with the same blobs share it, and with it a session. */
  readonly key: string;
  readonly definition: Task;
  /** The shapes of its outputs, as far as they are known. */
  readonly shapes: OutputShapes;
  /** Set when a batch fails: then its requests are computed one by one. */
  unbatchable: boolean;
}

/** The tasks that this device can compute. They stay loaded while the data plane is disconnected. */
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

  get size(): number {
    return this.#tasks.size;
  }

  /**
   * Loads a task. Replaces the task with the same number.
   * @throws {ShardStoreError} `missing-blob`
   * @throws {EngineError} the graph does not load, or lacks the task's feeds or fetches
   */
  load(definition: Task): Promise<void> {
    return this.#oneAtATime(async () => {
      const key = `${definition.graph.sha256}:${definition.weights?.sha256 ?? ''}`;
      const source = await this.#store.source(definition);
      const { graph, weights } = definition;
      const bytes = graph.bytes + (weights?.bytes ?? 0);
      const model = await this.#engine.load(key, source, { mapped: weights !== null, bytes });
      const before = this.#tasks.get(definition.task);
      this.#tasks.delete(definition.task);
      try {
        expectNames(definition, model);
        this.#tasks.set(definition.task, { key, definition, shapes: new OutputShapes(), unbatchable: false });
      } finally {
        if (before !== undefined) await this.#release(before.key);
        await this.#release(key);
      }
    });
  }

  /** Unloads a task. Does nothing if it is not loaded. */
  unload(task: number): Promise<void> {
    return this.#oneAtATime(() => this.#remove(task));
  }

  /** Unloads every task that needs a blob outside the list. */
  retain(blobs: readonly string[]): Promise<void> {
    const kept = new Set(blobs);
    return this.#oneAtATime(async () => {
      for (const { definition } of [...this.#tasks.values()]) {
        const { task, graph, weights } = definition;
        if (!kept.has(graph.sha256) || (weights !== null && !kept.has(weights.sha256)))
          await this.#remove(task);
      }
    });
  }

  async #remove(task: number): Promise<void> {
    const loaded = this.#tasks.get(task);
    this.#tasks.delete(task);
    if (loaded !== undefined) await this.#release(loaded.key);
  }

  /** Frees the engine's session unless another task uses it. */
  async #release(key: string): Promise<void> {
    for (const loaded of this.#tasks.values()) if (loaded.key === key) return;
    await this.#engine.unload(key);
  }

  /** Prevents an unload from freeing a session that a concurrent load is about to use. */
  #oneAtATime(work: () => Promise<void>): Promise<void> {
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
      `the task has the feeds ${feeds.join(', ')}; the graph has ${model.feeds.join(', ')}`,
    );
  }
  const unknown = fetches.find((name) => !model.fetches.includes(name));
  if (unknown !== undefined) throw new EngineError('unknown-fetch', `the graph has no output '${unknown}'`);
}
