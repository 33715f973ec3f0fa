/** The outcome of one request. */
export type Outcome =
  | { readonly kind: 'correct'; readonly recovered: number; readonly rescued: number }
  | { readonly kind: 'wrong'; readonly error: number }
  /** An explicit error. */
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  /** Neither an answer nor an error. */
  | { readonly kind: 'broken'; readonly reason: string };

/** A request in flight. */
export interface OpenRequest {
  readonly deployment: string;
  /** Largest number of faulty devices since the request was sent; infinite while there is no data plane. */
  maxDown: number;
}

interface DeploymentCounts {
  readonly parity: number;
  readonly devicesOnly: boolean;
  requests: number;
  answered: number;
  recovered: number;
  rescued: number;
  /** Rescued requests with no more faulty devices than parity shards. */
  rescuedWithinParity: number;
  /** Failures by `maxDown`. */
  readonly failedByDown: Record<string, number>;
}

/**
 * Counts requests and reports violations of the product's promises: no wrong answer, no lost request, and no
 * failure with at most as many faulty devices as parity shards.
 */
export class Checker {
  readonly violations: string[] = [];
  wrong = 0;
  lost = 0;
  failed = 0;
  readonly #open = new Set<OpenRequest>();
  readonly #counts = new Map<string, DeploymentCounts>();
  readonly faults: Record<string, number> = {};
  #down = 0;

  /**
   * Registers a deployment. Call it before the first request.
   * @param devicesOnly  whether the data plane computes no layer of it
   */
  register(name: string, parity: number, devicesOnly = false): void {
    this.#counts.set(name, {
      parity,
      devicesOnly,
      requests: 0,
      answered: 0,
      recovered: 0,
      rescued: 0,
      rescuedWithinParity: 0,
      failedByDown: {},
    });
  }

  get counts(): Readonly<Record<string, Readonly<DeploymentCounts>>> {
    return Object.fromEntries(this.#counts);
  }

  /** Sets the number of faulty devices from now on. Requests in flight keep their maximum. */
  setDown(devices: number): void {
    this.#down = devices;
    for (const request of this.#open) request.maxDown = Math.max(request.maxDown, devices);
  }

  fault(kind: string): void {
    this.faults[kind] = (this.faults[kind] ?? 0) + 1;
  }

  get faultCount(): number {
    return Object.values(this.faults).reduce((sum, count) => sum + count, 0);
  }

  sent(deployment: string): OpenRequest {
    const request = { deployment, maxDown: this.#down };
    this.#open.add(request);
    this.#find(deployment).requests++;
    return request;
  }

  ended(request: OpenRequest, outcome: Outcome): void {
    this.#open.delete(request);
    const { deployment, maxDown } = request;
    const counts = this.#find(deployment);
    const withinParity = maxDown <= counts.parity;
    switch (outcome.kind) {
      case 'correct':
        counts.answered++;
        if (outcome.recovered > 0) counts.recovered++;
        if (outcome.rescued > 0) {
          counts.rescued++;
          if (withinParity) counts.rescuedWithinParity++;
        }
        return;
      case 'wrong':
        this.wrong++;
        this.violation(`${deployment} gave a wrong answer: relative error ${outcome.error}`);
        return;
      case 'broken':
        // Without a data plane, a broken connection is the only possible response and counts as a failure.
        if (maxDown < Number.POSITIVE_INFINITY) {
          this.lost++;
          this.violation(
            `${deployment} lost a request with at most ${maxDown} faulty devices: ${outcome.reason}`,
          );
          return;
        }
    }
    this.failed++;
    const key = maxDown === Number.POSITIVE_INFINITY ? 'no data plane' : String(maxDown);
    counts.failedByDown[key] = (counts.failedByDown[key] ?? 0) + 1;
    // One sum shows that an answer is wrong. Without a reference of the data plane, nothing can tell which one.
    const unnamed =
      outcome.kind === 'failed' &&
      outcome.code === 'contradictory-answers' &&
      counts.parity === 1 &&
      counts.devicesOnly;
    if (withinParity && outcome.kind === 'failed' && !unnamed) {
      this.violation(
        `${deployment} failed a request with ${maxDown} faulty devices and ${counts.parity} parity shards: ${outcome.code}, ${outcome.message}`,
      );
    }
  }

  /** Returns a function that tells whether all requests in flight at the time of this call have ended. */
  inFlightNow(): () => boolean {
    const requests = [...this.#open];
    return () => requests.every((request) => !this.#open.has(request));
  }

  violation(description: string): void {
    this.violations.push(description);
  }

  get requests(): number {
    return [...this.#counts.values()].reduce((sum, { requests }) => sum + requests, 0);
  }

  get answered(): number {
    return [...this.#counts.values()].reduce((sum, { answered }) => sum + answered, 0);
  }

  #find(name: string): DeploymentCounts {
    const counts = this.#counts.get(name);
    if (counts === undefined) throw new Error(`deployment ${name} is unknown; call register first`);
    return counts;
  }
}
