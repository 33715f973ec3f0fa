/** How long the device did not run: its screen slept, or the browser froze the tab. */
export interface Sleep {
  /** When it ended, in ms since 1970. */
  readonly endedAt: number;
  readonly ms: number;
}

/** Detects that timers did not fire for a while. A sleeping device cannot notice its sleep; it can only see the gap. */
export class SleepDetector {
  readonly #longestGapMs: number;
  #lastTick: number;
  #last: Sleep | null = null;

  /**
   * @param longestGapMs  a longer gap between two ticks is a sleep
   * @param now  wall clock in ms since 1970; monotonic clocks stop during a sleep on some systems
   */
  constructor(longestGapMs: number, now: number) {
    this.#longestGapMs = longestGapMs;
    this.#lastTick = now;
  }

  /** Must be called at a regular interval that is shorter than the longest gap. */
  tick(now: number): void {
    const ms = now - this.#lastTick;
    this.#lastTick = now;
    if (ms > this.#longestGapMs) this.#last = { endedAt: now, ms };
  }

  /** The last sleep; null before the first. */
  get last(): Sleep | null {
    return this.#last;
  }
}
