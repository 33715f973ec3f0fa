import type { Clock } from '../ports.ts';

interface Timer {
  readonly at: number;
  readonly sequence: number;
  readonly callback: () => void;
  cancelled: boolean;
}

/** Microtasks that one event may set off in a row before the clock moves on. */
const HOPS = 24;
/** Timers in one advance after which it is taken for an endless loop. */
const EVENTS_AT_ONCE = 200_000;

/**
 * A clock that stands still until it is told to move. Timers fire in the order of their time, and those of the
 * same time in the order in which they were set; promises settle in between.
 */
export class FakeClock implements Clock {
  #now = 0;
  #sequence = 0;
  /** A binary heap by time, then sequence. */
  readonly #heap: Timer[] = [];

  now(): number {
    return this.#now;
  }

  get pendingTimers(): number {
    return this.#heap.reduce((count, timer) => count + (timer.cancelled ? 0 : 1), 0);
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const at = this.#now + Math.max(0, delayMs);
    const timer: Timer = { at, sequence: this.#sequence++, callback, cancelled: false };
    this.#push(timer);
    return () => {
      timer.cancelled = true;
    };
  }

  /** Fires everything that is due within `ms`, and moves on by that much. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settle();
    let fired = 0;
    while (await this.#fireNext(until)) {
      if (++fired > EVENTS_AT_ONCE)
        throw new Error(`at ${this.#now} ms timers keep firing and time stands still`);
    }
    this.#now = until;
  }

  /** Moves on from timer to timer until the promise has settled. @throws {Error} nothing is left that could */
  async run<T>(promise: Promise<T>, limitMs = 600_000): Promise<T> {
    let settled = false;
    const mark = () => {
      settled = true;
    };
    promise.then(mark, mark);
    await this.runUntil(() => settled, limitMs);
    return promise;
  }

  /** Moves on from timer to timer until the condition holds. @throws {Error} it does not within the limit */
  async runUntil(condition: () => boolean, limitMs = 600_000): Promise<void> {
    const until = this.#now + limitMs;
    await settle();
    while (!condition()) {
      if (!(await this.#fireNext(until))) {
        throw new Error(
          `at ${this.#now} ms nothing is left to happen before ${until} ms, and the condition is false`,
        );
      }
    }
  }

  async #fireNext(until: number): Promise<boolean> {
    let timer = this.#heap[0];
    while (timer?.cancelled) {
      this.#pop();
      timer = this.#heap[0];
    }
    if (!timer || timer.at > until) return false;
    this.#pop();
    this.#now = timer.at;
    timer.callback();
    await settle();
    return true;
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let i = heap.push(timer) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (before(heap[parent]!, timer)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (before(last, heap[child]!)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.at !== b.at ? a.at < b.at : a.sequence < b.sequence;
}

/** Lets promises that are settled already run their continuations. */
export async function settle(): Promise<void> {
  for (let hop = 0; hop < HOPS; hop++) await null;
}
