/** Counts and times of the calls of one deployment, for the statistics extension. */

/** Where the time of an answered call went, in milliseconds. */
export interface CallTimes {
  /** Before the first step, because other requests were in flight. */
  readonly queueMs: number;
  /** Parsing the request. */
  readonly inputMs: number;
  /** The steps of the plan. */
  readonly inferMs: number;
  /** Writing the response. */
  readonly outputMs: number;
}

export interface DurationView {
  readonly count: number;
  readonly ns: number;
}

export interface CallStatisticsView {
  /** Milliseconds since the epoch; 0 before the first call. */
  readonly lastInference: number;
  readonly success: DurationView;
  readonly fail: DurationView;
  readonly queue: DurationView;
  readonly input: DurationView;
  readonly infer: DurationView;
  readonly output: DurationView;
}

class Duration {
  #count = 0;
  #ns = 0;

  add(ms: number): void {
    this.#count++;
    this.#ns += Math.round(ms * 1e6);
  }

  get view(): DurationView {
    return { count: this.#count, ns: this.#ns };
  }
}

export class CallStatistics {
  readonly #success = new Duration();
  readonly #fail = new Duration();
  readonly #queue = new Duration();
  readonly #input = new Duration();
  readonly #infer = new Duration();
  readonly #output = new Duration();
  readonly #now: () => number;
  #lastInference = 0;

  /** @param now  returns milliseconds since the epoch */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  succeeded({ queueMs, inputMs, inferMs, outputMs }: CallTimes): void {
    this.#lastInference = Math.round(this.#now());
    this.#success.add(queueMs + inputMs + inferMs + outputMs);
    this.#queue.add(queueMs);
    this.#input.add(inputMs);
    this.#infer.add(inferMs);
    this.#output.add(outputMs);
  }

  /** Counts a call that got an error, also one that was refused before acceptance. */
  failed(durationMs: number): void {
    this.#lastInference = Math.round(this.#now());
    this.#fail.add(durationMs);
  }

  view(): CallStatisticsView {
    return {
      lastInference: this.#lastInference,
      success: this.#success.view,
      fail: this.#fail.view,
      queue: this.#queue.view,
      input: this.#input.view,
      infer: this.#infer.view,
      output: this.#output.view,
    };
  }
}
