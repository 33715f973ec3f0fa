import type { WaitPrediction } from '../policy.ts';

/** Observed requests kept per step. They cover a few seconds, so that a change in the fleet takes effect soon. */
const OBSERVED = 64;
/** The threshold is updated after this many observations. */
const CHOOSE_EVERY = 8;
/**
 * Maximum mean cost of waiting, relative to the median time of any k answers. The median and not the mean: a few
 * requests that waited for a silence timeout raise the mean so much that the next straggler would delay its request by
 * half a second.
 */
const ALLOWANCE = 0.05;
/**
 * The largest candidate, relative to the latest observed arrival. The allowance always permits it, so a threshold that
 * became too short to see late arrivals can grow again.
 */
const EXPLORE = 1.04;

/** The arrival times of one request's answers, in milliseconds after the scatter. */
export interface ArrivalObservation {
  readonly anyKMs: number;
  /** Infinite until all data shards are in. */
  allDataMs: number;
}

/**
 * The waiting threshold of one coded step, learned from observed arrivals. A request with threshold t completes at
 * min(all data, max(t, any k)). [paper §6.2; `codedCompletion` in cdc, here with observed requests instead of assumed
 * distributions] The choice is the largest t whose predicted mean exceeds the mean for t = 0 by at most 5 % of the
 * median request. So as many results as this allowance permits are exact and need no decoding, and stragglers do not
 * delay requests further.
 */
export class AdaptiveWait {
  readonly #observed: ArrivalObservation[] = [];
  #next = 0;
  #sinceChoice = 0;
  #waitMs = 0;

  get waitMs(): number {
    return this.#waitMs;
  }

  /**
   * Records one request.
   * @param allDataMs  infinity if a data shard is missing
   * @returns the observation; set its `allDataMs` when the last data shard comes later
   */
  observe(anyKMs: number, allDataMs: number): ArrivalObservation {
    const observation = { anyKMs, allDataMs };
    this.#observed[this.#next] = observation;
    this.#next = (this.#next + 1) % OBSERVED;
    if (++this.#sinceChoice >= CHOOSE_EVERY) {
      this.#sinceChoice = 0;
      this.#waitMs = this.#choose();
    }
    return observation;
  }

  /** Returns the threshold's predicted effect on the observed requests, or null without observations. */
  prediction(step: string): WaitPrediction | null {
    if (this.#observed.length === 0) return null;
    const known = this.#observed.filter(({ allDataMs }) => Number.isFinite(allDataMs));
    return {
      step,
      waitMs: this.#waitMs,
      meanMs: this.#meanMs(this.#waitMs),
      anyKMeanMs: this.#meanMs(0),
      // A mean over the known times alone would exclude the stragglers.
      allDataMeanMs: known.length === this.#observed.length ? this.#meanMs(Number.POSITIVE_INFINITY) : null,
      recoveredShare: this.#recoveredShare(this.#waitMs),
      anyKRecoveredShare: this.#recoveredShare(0),
      requests: this.#observed.length,
    };
  }

  #choose(): number {
    const mean = this.#meanMs(0);
    const sorted = this.#observed.map(({ anyKMs }) => anyKMs).sort((a, b) => a - b);
    const typical = Math.min(sorted[sorted.length >> 1]!, mean);
    const bound = mean + ALLOWANCE * typical;
    const times = this.#observed.map(({ allDataMs, anyKMs }) =>
      Number.isFinite(allDataMs) ? allDataMs : anyKMs,
    );
    const candidates = [...times, EXPLORE * Math.max(...times)].sort((a, b) => a - b);
    // Binary search: the predicted mean grows with the threshold.
    let low = -1;
    let high = candidates.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#meanMs(candidates[middle]!) <= bound) low = middle;
      else high = middle;
    }
    return low < 0 ? 0 : candidates[low]!;
  }

  #meanMs(waitMs: number): number {
    let sum = 0;
    for (const { anyKMs, allDataMs } of this.#observed) sum += Math.min(allDataMs, Math.max(waitMs, anyKMs));
    return sum / this.#observed.length;
  }

  #recoveredShare(waitMs: number): number {
    let recovered = 0;
    for (const { anyKMs, allDataMs } of this.#observed) if (allDataMs > Math.max(waitMs, anyKMs)) recovered++;
    return recovered / this.#observed.length;
  }
}
