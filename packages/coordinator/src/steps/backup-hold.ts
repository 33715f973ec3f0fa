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
 * How long one step waits for its first device before it asks a backup. The hold is learned: twice the median time of
 * the answers that counted, each from the moment when its device was asked. So the wait for a slow device is not
 * observed if the backup is faster, and a device that stays slow does not make the hold longer.
 */
export class BackupHold {
  readonly #observed: number[] = [];
  #next = 0;
  #holdMs = 0;

  /** 0 asks the backups together with the first device. */
  get holdMs(): number {
    return this.#holdMs;
  }

  /** Records how long the device took whose answer counted. */
  observe(ms: number): void {
    this.#observed[this.#next] = ms;
    this.#next = (this.#next + 1) % OBSERVED;
    if (this.#observed.length < ENOUGH) return;
    const sorted = this.#observed.toSorted((a, b) => a - b);
    this.#holdMs = Math.min(LONGEST_MS, LATE * sorted[sorted.length >> 1]! + SLACK_MS);
  }
}
