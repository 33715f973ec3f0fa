import type { EventView } from '@sparewheel/protocol';
import type { EventQuery, Store } from '../database/store.ts';

export type NewEvent = Omit<EventView, 'id' | 'at'>;

/** Rows of one INSERT: 500 take 50 ms on SQLite, one by one 450 ms. */
const BATCH = 500;
const FLUSH_AFTER_MS = 250;
/** What is kept; older ones are forgotten. */
export const EVENTS_KEPT = 50_000;
const PRUNE_EVERY = 1_000;
/** What waits while the database cannot be written; beyond it, the oldest are lost. */
const LARGEST_BACKLOG = 20_000;

/**
 * Everything that happened, numbered, newest last. Listeners hear of an event at once; the database gets events in
 * batches, so that a burst of them costs few writes.
 */
export class EventLog {
  readonly #store: Store;
  readonly #listeners = new Set<(event: EventView) => void>();
  #backlog: EventView[] = [];
  #nextId: number;
  #sincePruned = 0;
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> = Promise.resolve();

  private constructor(store: Store, nextId: number) {
    this.#store = store;
    this.#nextId = nextId;
  }

  static async open(store: Store): Promise<EventLog> {
    await store.pruneEvents(EVENTS_KEPT);
    return new EventLog(store, (await store.lastEventId()) + 1);
  }

  add(event: NewEvent): EventView {
    const view: EventView = { id: this.#nextId++, at: new Date().toISOString(), ...event };
    this.#backlog.push(view);
    if (this.#backlog.length > LARGEST_BACKLOG) this.#backlog.shift();
    this.#timer ??= setTimeout(() => void this.flush(), FLUSH_AFTER_MS).unref();
    for (const listener of this.#listeners) listener(view);
    return view;
  }

  /** @returns takes the listener away */
  subscribe(listener: (event: EventView) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async query(query: EventQuery): Promise<readonly EventView[]> {
    await this.flush();
    return this.#store.events(query);
  }

  /** Writes what is waiting. A database that cannot be written is told once, and tried again with the next event. */
  flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#backlog.length > 0) {
      const batch = this.#backlog.slice(0, BATCH);
      try {
        await this.#store.appendEvents(batch);
      } catch (error) {
        console.error(`Events cannot be stored: ${(error as Error).message}`);
        return;
      }
      const written = batch.at(-1)?.id ?? 0;
      // Not by count: the oldest may have been dropped meanwhile.
      this.#backlog = this.#backlog.filter(({ id }) => id > written);
      this.#sincePruned += batch.length;
      if (this.#sincePruned >= PRUNE_EVERY) {
        this.#sincePruned = 0;
        await this.#store
          .pruneEvents(EVENTS_KEPT)
          .catch((error: Error) => console.error(`Old events stay: ${error.message}`));
      }
    }
  }
}
