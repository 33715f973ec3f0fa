/**
 * Unsolicited messages tolerated per connection: a base number, plus two per expected message. Networks duplicate
 * messages, and old messages can arrive on a new connection. The first message to a computation never counts, because
 * it may have crossed the computation's cancel. The limit grows with the expected messages and not with the
 * computations sent: otherwise a device that answers everything under another request's id would never exceed it.
 */
const TOLERATED = 20;
const TOLERATED_PER_EXPECTED = 2;
/**
 * Of these, messages to computations that the device was never sent. A network cannot invent them; only messages
 * from before a reconnect explain a few.
 */
const TOLERATED_UNKNOWN = 7;
/** Number of sent computations remembered per device: many times the in-flight cap. */
const REMEMBERED = 256;

/** Counts a device's messages that match no pending computation, and decides when they show a faulty device. */
export class UnsolicitedMessages {
  /** Total over all connections. */
  count = 0;
  #inConnection = 0;
  #unknown = 0;
  #expectedBefore = 0;
  readonly #requests = new Uint32Array(REMEMBERED);
  readonly #tasks = new Uint32Array(REMEMBERED);
  /** 1 if a message to that computation was received. */
  readonly #received = new Uint8Array(REMEMBERED);
  #next = 0;

  /** Remembers a computation that is sent to the device. */
  recordSent(request: number, task: number): void {
    this.#requests[this.#next] = request;
    this.#tasks[this.#next] = task;
    this.#received[this.#next] = 0;
    this.#next = (this.#next + 1) % REMEMBERED;
  }

  /** Records the expected message to a computation. Further messages to it are unsolicited. */
  recordExpected(request: number, task: number): void {
    const index = this.#indexOf(request, task);
    if (index !== undefined) this.#received[index] = 1;
  }

  /** Starts the count again, after a new connection or a release. @param expected  expected messages so far */
  reset(expected: number): void {
    this.#inConnection = 0;
    this.#unknown = 0;
    this.#expectedBefore = expected;
  }

  /**
   * Records an unsolicited message.
   * @param expected  expected messages so far: answers and refusals
   * @returns the reason to quarantine the device, or null if the message is tolerated
   */
  record(request: number, task: number, expected: number): string | null {
    this.count++;
    const index = this.#indexOf(request, task);
    if (index !== undefined && this.#received[index] === 0) {
      this.#received[index] = 1;
      return null;
    }
    this.#inConnection++;
    if (index === undefined && ++this.#unknown > TOLERATED_UNKNOWN) {
      return `sent ${this.#unknown} answers to computations that it was never sent`;
    }
    const expectedInConnection = expected - this.#expectedBefore;
    if (this.#inConnection <= TOLERATED + TOLERATED_PER_EXPECTED * expectedInConnection) return null;
    return `sent ${this.#inConnection} unsolicited answers and ${expectedInConnection} expected ones`;
  }

  /** Searches from the most recent computation backwards. */
  #indexOf(request: number, task: number): number | undefined {
    for (let back = 1; back <= REMEMBERED; back++) {
      const index = (this.#next - back + REMEMBERED) % REMEMBERED;
      if (this.#requests[index] === request && this.#tasks[index] === task) return index;
    }
    return undefined;
  }
}
