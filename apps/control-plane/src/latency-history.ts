import type { Store } from './database/store.ts';
import type { LiveViews } from './live-views.ts';
import { log } from './log.ts';

const INTERVAL_MS = 10_000;
/** Per deployment. One every ten seconds makes 5.5 hours of traffic. */
const KEPT = 2_000;
const PRUNE_EVERY = 100;

/** Stores the latency of each deployment with new requests, every ten seconds. */
export class LatencyHistory {
  readonly #store: Store;
  readonly #live: LiveViews;
  readonly #requests = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #written = 0;

  constructor(store: Store, live: LiveViews) {
    this.#store = store;
    this.#live = live;
    this.#timer = setInterval(() => void this.write(), INTERVAL_MS).unref();
  }

  async write(): Promise<void> {
    const at = new Date().toISOString();
    const changed = this.#live.latency.filter(
      ({ deployment, counts }) => counts.requests > 0 && this.#requests.get(deployment) !== counts.requests,
    );
    if (changed.length === 0) return;
    try {
      await this.#store.appendLatencySummaries(
        changed.map(({ deployment, counts, percentiles }) => ({ deployment, at, counts, percentiles })),
      );
      for (const { deployment, counts } of changed) this.#requests.set(deployment, counts.requests);
      this.#written += changed.length;
      if (this.#written < PRUNE_EVERY) return;
      this.#written = 0;
      await this.#store.pruneLatencySummaries(KEPT);
    } catch (error) {
      log.error({ err: error }, 'cannot store latencies');
    }
  }

  /** Stores what is new and stops. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.write();
  }
}
