import type { FromDevice } from '@sparewheel/protocol';
import type { AnswerTime } from './answer-time.ts';
import type { Tally } from './tally.ts';

/** Why no answer is expected. `late`: the device computes, but takes much longer than expected. */
export type ErasureReason = 'down' | 'silent' | 'late' | 'busy' | 'quarantined' | 'refused' | 'invalid';

/** The step that waits for a computation. */
export interface EntryOwner<D> {
  answered(shard: number, message: FromDevice, computation: Entry<D>): void;
  /** Reports that no answer is expected. Only after `silent` and `late` can an answer still follow. */
  erased(shard: number, reason: ErasureReason): void;
}

/** How a computation is measured and counted. */
export interface Accounting {
  /** How long the device takes for this step. */
  readonly time: AnswerTime;
  /** Of the device and the deployment. */
  readonly tally: Tally;
  /** Whether it belongs to a mirror. Mirrors have a cap of their own. */
  readonly mirrored: boolean;
}

/** One computation sent to a device. */
export interface Entry<D> extends Accounting {
  readonly device: D;
  readonly request: number;
  readonly task: number;
  readonly shard: number;
  readonly sentAt: number;
  /** Sequence number among all messages to all devices. */
  readonly order: number;
  /** Sequence number of the cancel; 0 if the computation is not canceled. */
  cancelOrder: number;
  /** null if the answer is no longer needed. It then counts as late. */
  owner: EntryOwner<D> | null;
  older: Entry<D> | null;
  younger: Entry<D> | null;
  /** Another computation of the same request on the same device. */
  sibling: Entry<D> | null;
  /** Whether the computation counts as in flight. False after a timeout. */
  counted: boolean;
  /** The longest time of a computation that was in flight before this one, and delays it; null if none was. */
  readonly ahead: AnswerTime | null;
  /** When the device last reported that it received this computation and has not finished it. */
  reportedAt: number;
  /** Whether the owner was told that the answer is late. */
  late: boolean;
}

/** The sequence of all sends and cancels. One sequence for all devices makes "sent before" comparable between them. */
export interface SendOrder {
  next: number;
}

/**
 * The pending computations of one device, oldest first.
 *
 * A canceled computation counts as in flight until the device has provably read the cancel: it answered a computation
 * that was sent after the cancel. The last uncanceled computation is never canceled. Its answer provides that proof,
 * and it is the only sign of life of a device whose every answer comes too late.
 */
export class InFlightTable<D> {
  #inFlight = 0;
  #mirrored = 0;
  #uncanceled = 0;
  #oldest: Entry<D> | null = null;
  #youngest: Entry<D> | null = null;
  /** The newest computation of each request; its `sibling` is the next older one. */
  readonly #byRequest = new Map<number, Entry<D>>();
  readonly #timedOut: Entry<D>[] = [];

  /** @param remembered  number of timed-out computations whose late answer is still recognized */
  constructor(
    readonly device: D,
    readonly order: SendOrder,
    readonly remembered: number,
  ) {}

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Number of computations in flight that belong to mirrors. */
  get mirrored(): number {
    return this.#mirrored;
  }

  get uncanceled(): number {
    return this.#uncanceled;
  }

  get oldest(): Entry<D> | null {
    return this.#oldest;
  }

  add(
    request: number,
    task: number,
    shard: number,
    owner: EntryOwner<D>,
    now: number,
    { time, tally, mirrored }: Accounting,
  ): Entry<D> {
    const computation: Entry<D> = {
      device: this.device,
      request,
      task,
      shard,
      sentAt: now,
      order: this.order.next++,
      cancelOrder: 0,
      owner,
      older: this.#youngest,
      younger: null,
      sibling: this.#byRequest.get(request) ?? null,
      counted: true,
      mirrored,
      time,
      tally,
      ahead: this.#longest(),
      reportedAt: Number.NEGATIVE_INFINITY,
      late: false,
    };
    this.#byRequest.set(request, computation);
    if (this.#youngest === null) this.#oldest = computation;
    else this.#youngest.younger = computation;
    this.#youngest = computation;
    this.#inFlight++;
    if (mirrored) this.#mirrored++;
    this.#uncanceled++;
    return computation;
  }

  /** Marks a computation as no longer needed. @returns whether to send a cancel to the device */
  cancel(computation: Entry<D>): boolean {
    computation.owner = null;
    if (!computation.counted || computation.cancelOrder > 0 || this.#uncanceled <= 1) return false;
    computation.cancelOrder = this.order.next++;
    this.#uncanceled--;
    return true;
  }

  /** Returns a computation, also a timed-out one. */
  find(request: number, task: number): Entry<D> | undefined {
    let computation = this.#byRequest.get(request) ?? null;
    while (computation !== null && computation.task !== task) computation = computation.sibling;
    return computation ?? undefined;
  }

  /** Removes and returns a computation, also a timed-out one. Returns undefined if it is not in the table. */
  take(request: number, task: number): Entry<D> | undefined {
    const computation = this.find(request, task);
    if (computation !== undefined) this.remove(computation);
    return computation;
  }

  /** Removes canceled computations. By answering this entry, the device has shown that it read all earlier cancels. */
  confirmCancels({ order }: Entry<D>): void {
    for (let other = this.#oldest; other !== null && other.order < order; ) {
      const next: Entry<D> | null = other.younger;
      if (other.cancelOrder > 0 && other.cancelOrder < order) this.remove(other);
      other = next;
    }
  }

  /** Stops counting a computation as in flight. A late answer is still recognized for some time. */
  timeOut(computation: Entry<D>): void {
    this.#unlink(computation);
    this.#timedOut.push(computation);
    if (this.#timedOut.length <= this.remembered) return;
    const oldest = this.#timedOut.shift()!;
    oldest.owner = null;
    this.#unindex(oldest);
  }

  remove(computation: Entry<D>): void {
    if (computation.counted) this.#unlink(computation);
    else {
      const index = this.#timedOut.indexOf(computation);
      if (index >= 0) this.#timedOut.splice(index, 1);
    }
    this.#unindex(computation);
  }

  /** Empties the table. @returns the computations in flight, oldest first */
  clear(): Entry<D>[] {
    const computations: Entry<D>[] = [];
    for (let computation = this.#oldest; computation !== null; computation = computation.younger) {
      computation.counted = false;
      computations.push(computation);
    }
    this.#oldest = null;
    this.#youngest = null;
    this.#inFlight = 0;
    this.#mirrored = 0;
    this.#uncanceled = 0;
    this.#byRequest.clear();
    this.#timedOut.length = 0;
    return computations;
  }

  #longest(): AnswerTime | null {
    let longest: AnswerTime | null = null;
    for (let entry = this.#oldest; entry !== null; entry = entry.younger) {
      if (longest === null || (entry.time.expectedMs ?? 0) > (longest.expectedMs ?? 0)) longest = entry.time;
    }
    return longest;
  }

  #unlink(computation: Entry<D>): void {
    if (computation.older === null) this.#oldest = computation.younger;
    else computation.older.younger = computation.younger;
    if (computation.younger === null) this.#youngest = computation.older;
    else computation.younger.older = computation.older;
    computation.older = null;
    computation.younger = null;
    computation.counted = false;
    this.#inFlight--;
    if (computation.mirrored) this.#mirrored--;
    if (computation.cancelOrder === 0) this.#uncanceled--;
  }

  #unindex(computation: Entry<D>): void {
    const first = this.#byRequest.get(computation.request);
    if (first === computation) {
      if (computation.sibling === null) this.#byRequest.delete(computation.request);
      else this.#byRequest.set(computation.request, computation.sibling);
      return;
    }
    for (let before = first ?? null; before !== null; before = before.sibling) {
      if (before.sibling === computation) {
        before.sibling = computation.sibling;
        return;
      }
    }
  }
}
