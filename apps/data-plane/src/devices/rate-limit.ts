/** A token bucket: so many messages a second in the long run, and a burst of as many again. */
export class RateLimit {
  readonly #perSecond: number;
  #tokens: number;
  #filledAt: number;

  /** @param nowMs  any monotonic clock, the same in every call */
  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#tokens = 2 * perSecond;
    this.#filledAt = nowMs;
  }

  /** Takes one. @returns false where the sender is over its limit */
  take(nowMs: number): boolean {
    const refill = ((nowMs - this.#filledAt) / 1000) * this.#perSecond;
    this.#tokens = Math.min(2 * this.#perSecond, this.#tokens + refill);
    this.#filledAt = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
