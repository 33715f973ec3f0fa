/**
 * Messages that are forgiven in one connection although they belong to nothing that is awaited: a duplicate or two per
 * answer, and some to what was asked before it. The first message to a computation is never counted: its cancel may have
 * crossed it. Counted against answers and not against what was sent: a device that answers everything under another
 * request's id would earn forgiveness with every lie.
 */
const PER_ANSWER = 2;
const FORGIVEN = 20;
/** Those forgiven of which it was never asked at all: no connection makes them up, though an old one may leave some. */
const NEVER_ASKED_FORGIVEN = 7;
/** Computations that a device is known to have been asked: many times its cap. */
const REMEMBERED = 256;

/** What a device says that nobody waits for: how much of it is the way of networks, and what is a lie. */
export class Unsolicited {
  /** In all connections together. */
  count = 0;
  #inConnection = 0;
  #neverAsked = 0;
  #answeredBefore = 0;
  readonly #requests = new Uint32Array(REMEMBERED);
  readonly #tasks = new Uint32Array(REMEMBERED);
  /** 1 where a message to that computation came. */
  readonly #heard = new Uint8Array(REMEMBERED);
  #next = 0;

  /** A computation is sent to the device. */
  asked(request: number, task: number): void {
    this.#requests[this.#next] = request;
    this.#tasks[this.#next] = task;
    this.#heard[this.#next] = 0;
    this.#next = (this.#next + 1) % REMEMBERED;
  }

  /** A message that was awaited: whatever else comes to that computation is one too many. */
  awaited(request: number, task: number): void {
    const place = this.#placeOf(request, task);
    if (place !== undefined) this.#heard[place] = 1;
  }

  /** A new connection, or a pardon. @param answered  answers and refusals that were awaited, so far */
  startAnew(answered: number): void {
    this.#inConnection = 0;
    this.#neverAsked = 0;
    this.#answeredBefore = answered;
  }

  /** @returns why the device is not to be trusted, or null where this is forgiven */
  arrived(request: number, task: number, answered: number): string | null {
    this.count++;
    const place = this.#placeOf(request, task);
    if (place !== undefined && this.#heard[place] === 0) {
      this.#heard[place] = 1;
      return null;
    }
    this.#inConnection++;
    if (place === undefined && ++this.#neverAsked > NEVER_ASKED_FORGIVEN) {
      return `sent ${this.#neverAsked} answers to what it was never asked`;
    }
    const answers = answered - this.#answeredBefore;
    if (this.#inConnection <= FORGIVEN + PER_ANSWER * answers) return null;
    return `sent ${this.#inConnection} answers that nobody asked for and ${answers} to what it was asked`;
  }

  /** Looks at what was asked last first. */
  #placeOf(request: number, task: number): number | undefined {
    for (let back = 1; back <= REMEMBERED; back++) {
      const place = (this.#next - back + REMEMBERED) % REMEMBERED;
      if (this.#requests[place] === request && this.#tasks[place] === task) return place;
    }
    return undefined;
  }
}
