import type { Clock } from '@sparewheel/coordinator';

interface Timer {
  readonly at: number;
  readonly sequence: number;
  callback: (() => void) | null;
}

/** The longest chain of microtasks after a settled promise: the coordinator's longest has eight. */
const HOPS = 16;
/** The number of timers at one time after which the simulation gives up: a timer that re-arms itself. */
const EVENTS_AT_ONCE = 100_000;

/**
 * The time of a simulation. Timers fire in the order of their time, then in the order in which they were set. Promise
 * continuations run between two timers, but only after `touch`: most events settle no promise, and waiting for the
 * microtask queue is most of the cost of an event.
 */
export class VirtualClock implements Clock {
  #now = 0;
  #sequence = 0;
  #touched = true;
  readonly #heap: Timer[] = [];
  fired = 0;

  now(): number {
    return this.#now;
  }

  schedule(delayMs: number, callback: () => void): () => void {
    return this.at(this.#now + Math.max(0, delayMs), callback);
  }

  /** Calls back at `time`; a time in the past counts as now. */
  at(time: number, callback: () => void): () => void {
    const timer: Timer = { at: Math.max(time, this.#now), sequence: this.#sequence++, callback };
    push(this.#heap, timer);
    return () => {
      timer.callback = null;
    };
  }

  /** Must be called after a promise may have been settled. */
  touch(): void {
    this.#touched = true;
  }

  /** Fires every timer up to `time`. @throws {Error} a timer re-arms itself forever without delay */
  async runUntil(time: number): Promise<void> {
    await this.#settle();
    let atOnce = 0;
    for (;;) {
      const timer = this.#heap[0];
      if (!timer || timer.at > time) break;
      pop(this.#heap);
      const { callback } = timer;
      if (callback === null) continue;
      if (timer.at > this.#now) atOnce = 0;
      else if (++atOnce > EVENTS_AT_ONCE)
        throw new Error(`time stands still at ${this.#now} ms: a timer re-arms itself without a delay`);
      this.#now = timer.at;
      this.fired++;
      callback();
      if (this.#touched) await this.#settle();
    }
    this.#now = Math.max(this.#now, time);
  }

  async #settle(): Promise<void> {
    while (this.#touched) {
      this.#touched = false;
      for (let hop = 0; hop < HOPS; hop++) await null;
    }
  }
}

/** The clock of one process: its timers end with the process and can be counted. */
export class LifeClock implements Clock {
  readonly #pending = new Set<() => void>();
  #over = false;

  constructor(readonly clock: VirtualClock) {}

  get pendingTimers(): number {
    return this.#pending.size;
  }

  now(): number {
    return this.clock.now();
  }

  schedule(delayMs: number, callback: () => void): () => void {
    if (this.#over) return () => {};
    const cancel = this.clock.schedule(delayMs, () => {
      this.#pending.delete(takeBack);
      callback();
    });
    const takeBack = () => {
      this.#pending.delete(takeBack);
      cancel();
    };
    this.#pending.add(takeBack);
    return takeBack;
  }

  /** Cancels every timer, when the process ends. */
  end(): void {
    this.#over = true;
    for (const takeBack of [...this.#pending]) takeBack();
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.at !== b.at ? a.at < b.at : a.sequence < b.sequence;
}

function push(heap: Timer[], timer: Timer): void {
  let i = heap.push(timer) - 1;
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (before(heap[parent]!, timer)) break;
    heap[i] = heap[parent]!;
    i = parent;
  }
  heap[i] = timer;
}

function pop(heap: Timer[]): void {
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
