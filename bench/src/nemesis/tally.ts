/** The books of a run: every request with what was broken while it was under way, and the promises it is held to. */

export type Outcome =
  | { readonly kind: 'right'; readonly recovered: number; readonly rescued: number }
  | { readonly kind: 'wrong'; readonly error: number }
  /** Refused in words. */
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  /** Neither an answer nor an error. */
  | { readonly kind: 'broken'; readonly reason: string };

/** A request that is under way. */
export interface OpenRequest {
  readonly deployment: string;
  /** The most devices that were not well at any time since it was sent; infinite while there is no data plane. */
  worstDown: number;
}

interface DeploymentBooks {
  readonly parity: number;
  requests: number;
  answered: number;
  recovered: number;
  rescued: number;
  /** Of those answered, with a rescue although no more devices were down than the code repairs. */
  rescuedWithin: number;
  /** Failures by how many devices were down at most. */
  readonly failedByDown: Record<string, number>;
}

export class Tally {
  readonly violations: string[] = [];
  wrong = 0;
  lost = 0;
  failed = 0;
  readonly #open = new Set<OpenRequest>();
  readonly #books = new Map<string, DeploymentBooks>();
  readonly faults: Record<string, number> = {};
  #down = 0;

  deployment(name: string, parity: number): void {
    this.#books.set(name, {
      parity,
      requests: 0,
      answered: 0,
      recovered: 0,
      rescued: 0,
      rescuedWithin: 0,
      failedByDown: {},
    });
  }

  get books(): Readonly<Record<string, Readonly<DeploymentBooks>>> {
    return Object.fromEntries(this.#books);
  }

  /** How many devices are not well from now on; requests that are under way remember the worst. */
  setDown(devices: number): void {
    this.#down = devices;
    for (const request of this.#open) request.worstDown = Math.max(request.worstDown, devices);
  }

  fault(kind: string): void {
    this.faults[kind] = (this.faults[kind] ?? 0) + 1;
  }

  get faultCount(): number {
    return Object.values(this.faults).reduce((sum, count) => sum + count, 0);
  }

  sent(deployment: string): OpenRequest {
    const request = { deployment, worstDown: this.#down };
    this.#open.add(request);
    this.#find(deployment).requests++;
    return request;
  }

  ended(request: OpenRequest, outcome: Outcome): void {
    this.#open.delete(request);
    const { deployment, worstDown } = request;
    const books = this.#find(deployment);
    const within = worstDown <= books.parity;
    switch (outcome.kind) {
      case 'right':
        books.answered++;
        if (outcome.recovered > 0) books.recovered++;
        if (outcome.rescued > 0) {
          books.rescued++;
          if (within) books.rescuedWithin++;
        }
        return;
      case 'wrong':
        this.wrong++;
        this.violation(`${deployment} gave a wrong answer: relative error ${outcome.error}`);
        return;
      case 'broken':
        // Without a data plane there is nobody to say more than that the connection is gone.
        if (worstDown < Number.POSITIVE_INFINITY) {
          this.lost++;
          this.violation(
            `${deployment} lost a request with ${worstDown} devices down at most: ${outcome.reason}`,
          );
          return;
        }
    }
    this.failed++;
    const key = worstDown === Number.POSITIVE_INFINITY ? 'no data plane' : String(worstDown);
    books.failedByDown[key] = (books.failedByDown[key] ?? 0) + 1;
    if (within && outcome.kind === 'failed') {
      this.violation(
        `${deployment} failed a request with ${worstDown} ≤ ${books.parity} devices down: ${outcome.code}, ${outcome.message}`,
      );
    }
  }

  /** @returns tells whether every request that was under way at the time of the call has ended */
  openNow(): () => boolean {
    const then = [...this.#open];
    return () => then.every((request) => !this.#open.has(request));
  }

  violation(what: string): void {
    this.violations.push(what);
  }

  get requests(): number {
    return [...this.#books.values()].reduce((sum, books) => sum + books.requests, 0);
  }

  get answered(): number {
    return [...this.#books.values()].reduce((sum, books) => sum + books.answered, 0);
  }

  #find(name: string): DeploymentBooks {
    const books = this.#books.get(name);
    if (books === undefined) throw new Error(`no books are kept for ${name}; name the deployment first`);
    return books;
  }
}
