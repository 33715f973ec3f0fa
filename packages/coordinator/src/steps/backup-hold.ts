/** Observed requests kept per step. They cover a few seconds, so that a change in the fleet takes effect soon. */
const OBSERVED = 32;
/** Below this number of observations all devices are asked at once. */
const ENOUGH = 8;
/** A late answer takes this many times the median. Twice the median is rare on a healthy device. */
const LATE = 2;
/** Added to the hold, so that steps of a fraction of a millisecond are not late because of timers. */
const SLACK_MS = 1;
/** The longest hold: a bound on the delay by a device that fails unnoticed. */
const LONGEST_MS = 1_000;

/**
 * How long one step waits for its first device before it asks a backup. The hold is learned from the observed times:
 * twice their median. The median, not a mean or a high percentile: requests that waited for a backup are observed,
 * too, and must not make the next hold longer until most requests need that long.
 */
export class BackupHold {
  readonly #observed: number[] = [];
  #next = 0;
  #holdMs = 0;

  /** 0 asks the backups together with the first device. */
  get holdMs(): number {
    return this.#holdMs;
  }

  /** Records the time from the scatter to the first valid answer. */
  observe(ms: number): void {
    this.#observed[this.#next] = ms;
    this.#next = (this.#next + 1) % OBSERVED;
    if (this.#observed.length < ENOUGH) return;
    const sorted = this.#observed.toSorted((a, b) => a - b);
    this.#holdMs = Math.min(LONGEST_MS, LATE * sorted[sorted.length >> 1]! + SLACK_MS);
  }
}
