import type { Clock } from '@sparewheel/coordinator';

interface Timer {
  readonly at: number;
  readonly sequence: number;
  callback: (() => void) | null;
}

/** Microtasks that a settled promise may set off in a row: the coordinator's longest chain has eight. */
const HOPS = 16;
/** Timers without any time passing, after which time is taken to stand still. */
const EVENTS_AT_ONCE = 100_000;

/**
 * The time of a simulation. Timers fire in the order of their time, and those of the same time in the order in which
 * they were set. Promises run their continuations between two timers, but only where something `touch`ed them: most
 * events settle none, and waiting for the microtask queue is most of what an event costs.
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

  /** @param time  not before now */
  at(time: number, callback: () => void): () => void {
    const timer: Timer = { at: Math.max(time, this.#now), sequence: this.#sequence++, callback };
    push(this.#heap, timer);
    return () => {
      timer.callback = null;
    };
  }

  /** A promise was settled, or something was called that may have settled one. */
  touch(): void {
    this.#touched = true;
  }

  /** Fires what is due until then. @throws {Error} time stands still: a timer that re-arms itself for ever */
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
        throw new Error(`at ${this.#now} ms timers fire without end and time stands still`);
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

/** The clock as one life of a process sees it: its timers end with it, and can be counted. */
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

  /** The process was killed. */
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
