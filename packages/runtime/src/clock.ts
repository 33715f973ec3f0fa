/** Time as a parameter: production uses `systemClock`, tests and the simulator their own. */
export interface Clock {
  /** Returns monotonic milliseconds, with fractions. */
  now(): number;
  /** Calls back once after `delayMs`. The returned function cancels the timer; calling it late does nothing. */
  schedule(delayMs: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  schedule(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
