import type { WaitPrediction } from '../policy.ts';

/** Requests whose arrivals are kept per step: a few seconds of them, so that a change of the fleet shows soon. */
const OBSERVED = 64;
/** The threshold is chosen anew after so many of them. */
const CHOOSE_EVERY = 8;
/**
 * What waiting may cost on average, relative to a usual request decoded at once. The median is what is usual: a few seconds
 * of silence among the observed raise the mean so far that the next straggler would be waited for half a second.
 */
const ALLOWANCE = 0.05;
/** A little beyond all that was seen, which the allowance always affords: a threshold that cut arrivals off grows again. */
const EXPLORE = 1.04;

/** When one request's answers were in, in milliseconds after the scatter. */
export interface ArrivalObservation {
  readonly anyKMs: number;
  /** Infinite while a data shard has not come. */
  allDataMs: number;
}

/**
 * The waiting threshold of one coded step, learned from what arrives. A request with threshold t is done at
 * min(all data, max(t, any k)) [paper §6.2; `codedCompletion` in cdc, here over observed requests instead of assumed
 * distributions]. Chosen is the largest t whose predicted mean exceeds that of t = 0 by at most 5 % of a usual request:
 * answers are exact and undecoded as often as that allowance buys, and a straggler is never waited for longer.
 */
export class AdaptiveWait {
  readonly #observed: ArrivalObservation[] = [];
  #next = 0;
  #sinceChoice = 0;
  #waitMs = 0;

  get waitMs(): number {
    return this.#waitMs;
  }

  /** @returns to be completed where the last data shard still comes */
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

  /** What the threshold is expected to do, by the arrivals that are kept; null before there are any. */
  prediction(step: string): WaitPrediction | null {
    if (this.#observed.length === 0) return null;
    const known = this.#observed.filter(({ allDataMs }) => Number.isFinite(allDataMs));
    return {
      step,
      waitMs: this.#waitMs,
      meanMs: this.#meanMs(this.#waitMs),
      anyKMeanMs: this.#meanMs(0),
      // A mean over those that are known only would leave the stragglers out.
      allDataMeanMs: known.length === this.#observed.length ? this.#meanMs(Number.POSITIVE_INFINITY) : null,
      recoveredShare: this.#recoveredShare(this.#waitMs),
      anyKRecoveredShare: this.#recoveredShare(0),
      requests: this.#observed.length,
    };
  }

  #choose(): number {
    const mean = this.#meanMs(0);
    const byLength = this.#observed.map(({ anyKMs }) => anyKMs).sort((a, b) => a - b);
    const usual = Math.min(byLength[byLength.length >> 1]!, mean);
    const bound = mean + ALLOWANCE * usual;
    const times = this.#observed.map(({ allDataMs, anyKMs }) =>
      Number.isFinite(allDataMs) ? allDataMs : anyKMs,
    );
    const candidates = [...times, EXPLORE * Math.max(...times)].sort((a, b) => a - b);
    // The predicted mean grows with the threshold: search by halves.
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
