import type { Store } from './database/store.ts';
import type { LiveViews } from './live-views.ts';

const INTERVAL_MS = 10_000;
/** Per deployment: with one every ten seconds, five and a half hours of traffic. */
const KEPT = 2_000;
const PRUNE_EVERY = 100;

/** Writes down, every ten seconds, the latency of each deployment that answered something since. */
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
      console.error(`Latencies cannot be stored: ${(error as Error).message}`);
    }
  }

  /** Writes what is new, a last time. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.write();
  }
}
