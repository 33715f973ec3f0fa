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
 *
 * The parts of a result (tiles or slices) have about equal work, so a part holds no longer than the typical part. A
 * device that became slow while its backup was out would otherwise lengthen its hold, and keep it long.
 */
export class BackupHold {
  readonly #observed: number[] = [];
  readonly #result: readonly BackupHold[];
  #next = 0;
  #medianMs: number | null = null;

  /** @param result  the holds of the other parts of the same result; the new hold is added */
  constructor(result: BackupHold[] = []) {
    result.push(this);
    this.#result = result;
  }

  /** 0 asks the backups together with the first device. */
  get holdMs(): number {
    if (this.#medianMs === null) return 0;
    const medians = this.#result.flatMap((hold) => hold.#medianMs ?? []).sort((a, b) => a - b);
    const typicalMs = medians[(medians.length - 1) >> 1]!;
    return Math.min(LONGEST_MS, LATE * Math.min(this.#medianMs, typicalMs) + SLACK_MS);
  }

  /** Records how long the device took whose answer counted. */
  observe(ms: number): void {
    this.#observed[this.#next] = ms;
    this.#next = (this.#next + 1) % OBSERVED;
    if (this.#observed.length < ENOUGH) return;
    const sorted = this.#observed.toSorted((a, b) => a - b);
    this.#medianMs = sorted[sorted.length >> 1]!;
  }
}
