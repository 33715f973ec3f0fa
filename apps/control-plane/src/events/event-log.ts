import type { EventView } from '@sparewheel/protocol';
import { Mutex } from 'async-mutex';
import type { EventQuery, Store } from '../database/store.ts';
import { log } from '../log.ts';

export type NewEvent = Omit<EventView, 'id' | 'at'>;

/** Rows per INSERT. 500 rows take 50 ms on SQLite, and 450 ms one by one. */
const BATCH = 500;
const FLUSH_AFTER_MS = 250;
/** The number of events that are kept. */
export const EVENTS_KEPT = 50_000;
const PRUNE_EVERY = 1_000;
/** The number of events that wait while the database is not writable. Older ones are dropped. */
const LARGEST_BACKLOG = 20_000;

/**
 * The numbered log of all events. Listeners receive an event at once. The database receives events in batches, so that
 * a burst costs few writes.
 */
export class EventLog {
  readonly #store: Store;
  readonly #listeners = new Set<(event: EventView) => void>();
  #backlog: EventView[] = [];
  #nextId: number;
  #sincePruned = 0;
  #timer: NodeJS.Timeout | null = null;
  readonly #mutex = new Mutex();

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

  /** Adds a listener. @returns removes it */
  subscribe(listener: (event: EventView) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async query(query: EventQuery): Promise<readonly EventView[]> {
    await this.flush();
    return this.#store.events(query);
  }

  /** Writes the waiting events. After a failure, the next event retries. */
  flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    return this.#mutex.runExclusive(() => this.#write());
  }

  async #write(): Promise<void> {
    while (this.#backlog.length > 0) {
      const batch = this.#backlog.slice(0, BATCH);
      try {
        await this.#store.appendEvents(batch);
      } catch (error) {
        log.error({ err: error }, 'cannot store events');
        return;
      }
      const written = batch.at(-1)?.id ?? 0;
      // By id, because the oldest events may have been dropped during the write.
      this.#backlog = this.#backlog.filter(({ id }) => id > written);
      this.#sincePruned += batch.length;
      if (this.#sincePruned >= PRUNE_EVERY) {
        this.#sincePruned = 0;
        await this.#store
          .pruneEvents(EVENTS_KEPT)
          .catch((error: unknown) => log.error({ err: error }, 'cannot remove old events'));
      }
    }
  }
}
