import type { Clock } from '../ports.ts';

interface Timer {
  readonly at: number;
  readonly sequence: number;
  readonly callback: () => void;
  canceled: boolean;
}

/** Microtask turns that `settle` waits for: more than the longest promise chain started by one event. */
const HOPS = 24;
/** Timers fired in one advance before it counts as an endless loop. */
const EVENTS_AT_ONCE = 200_000;

/**
 * A clock that moves only when a test advances it. Timers fire in order of their time; timers of the same time fire in
 * the order in which they were scheduled. Promises settle between timers.
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
    return this.#heap.reduce((count, timer) => count + (timer.canceled ? 0 : 1), 0);
  }

  schedule(delayMs: number, callback: () => void): () => void {
    const at = this.#now + Math.max(0, delayMs);
    const timer: Timer = { at, sequence: this.#sequence++, callback, canceled: false };
    this.#push(timer);
    return () => {
      timer.canceled = true;
    };
  }

  /** Advances the clock by `ms` and fires all timers that are due. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settle();
    let fired = 0;
    while (await this.#fireNext(until)) {
      if (++fired > EVENTS_AT_ONCE)
        throw new Error(`at ${this.#now} ms timers keep firing without advancing the clock`);
    }
    this.#now = until;
  }

  /** Advances from timer to timer until the promise settles. @throws {Error} it does not settle within the limit */
  async run<T>(promise: Promise<T>, limitMs = 600_000): Promise<T> {
    let settled = false;
    const mark = () => {
      settled = true;
    };
    promise.then(mark, mark);
    await this.runUntil(() => settled, limitMs);
    return promise;
  }

  /** Advances from timer to timer until the condition is true. @throws {Error} it stays false within the limit */
  async runUntil(condition: () => boolean, limitMs = 600_000): Promise<void> {
    const until = this.#now + limitMs;
    await settle();
    while (!condition()) {
      if (!(await this.#fireNext(until))) {
        throw new Error(
          `the condition is still false at ${this.#now} ms, and no timer is due before ${until} ms`,
        );
      }
    }
  }

  async #fireNext(until: number): Promise<boolean> {
    let timer = this.#heap[0];
    while (timer?.canceled) {
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

/** Waits until settled promises have run their continuations. */
export async function settle(): Promise<void> {
  for (let hop = 0; hop < HOPS; hop++) await null;
}
