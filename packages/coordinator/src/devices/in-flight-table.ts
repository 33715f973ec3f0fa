import type { FromDevice } from '@sparewheel/protocol';

/** Why an answer is not to be expected. */
export type ErasureReason = 'down' | 'silent' | 'busy' | 'quarantined' | 'refused' | 'invalid';

/** Who wants the answer of a computation. After `erased` for silence the answer may still come; nothing after it. */
export interface EntryOwner<D> {
  answered(shard: number, message: FromDevice, computation: Entry<D>): void;
  erased(shard: number, reason: ErasureReason): void;
}

/** One computation that was sent to a device and has not come back. */
export interface Entry<D> {
  readonly device: D;
  readonly request: number;
  readonly task: number;
  readonly shard: number;
  readonly sentAt: number;
  /** Place in the sequence of all messages sent to all devices. */
  readonly order: number;
  /** Place of its cancel in that sequence; 0 where there is none. */
  cancelOrder: number;
  /** null once nobody wants the answer: it is late when it comes. */
  owner: EntryOwner<D> | null;
  older: Entry<D> | null;
  younger: Entry<D> | null;
  /** Another computation of the same request on the same device. */
  sibling: Entry<D> | null;
  /** Whether it counts as in flight; false once it was given up on. */
  counted: boolean;
}

/** One number sequence for all sends and cancels, so that "sent before" can be told across devices. */
export interface SendOrder {
  next: number;
}

/**
 * What one device was asked and has not answered, oldest first.
 *
 * A cancelled computation counts as in flight until the device shows that it has read the cancel, by answering
 * something that was sent later. The last computation that is not cancelled is never cancelled: its answer is that
 * proof, and the only sign of life of a device whose every answer comes too late.
 */
export class InFlightTable<D> {
  #inFlight = 0;
  #uncancelled = 0;
  #oldest: Entry<D> | null = null;
  #youngest: Entry<D> | null = null;
  readonly #byRequest = new Map<number, Entry<D>>();
  readonly #givenUp: Entry<D>[] = [];

  /** @param remembered  computations that were given up and whose late answer is still recognised */
  constructor(
    readonly device: D,
    readonly order: SendOrder,
    readonly remembered: number,
  ) {}

  get inFlight(): number {
    return this.#inFlight;
  }

  get uncancelled(): number {
    return this.#uncancelled;
  }

  get oldest(): Entry<D> | null {
    return this.#oldest;
  }

  open(request: number, task: number, shard: number, owner: EntryOwner<D>, now: number): Entry<D> {
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
    };
    this.#byRequest.set(request, computation);
    if (this.#youngest === null) this.#oldest = computation;
    else this.#youngest.younger = computation;
    this.#youngest = computation;
    this.#inFlight++;
    this.#uncancelled++;
    return computation;
  }

  /** @returns whether the device should be told */
  cancel(computation: Entry<D>): boolean {
    computation.owner = null;
    if (!computation.counted || computation.cancelOrder > 0 || this.#uncancelled <= 1) return false;
    computation.cancelOrder = this.order.next++;
    this.#uncancelled--;
    return true;
  }

  /** Strikes a computation off. undefined where it is not in the book. */
  take(request: number, task: number): Entry<D> | undefined {
    let computation = this.#byRequest.get(request) ?? null;
    while (computation !== null && computation.task !== task) computation = computation.sibling;
    if (computation === null) return undefined;
    this.forget(computation);
    return computation;
  }

  /** The device has answered this one, and so has read every cancel that was sent before it. */
  readUntil({ order }: Entry<D>): void {
    for (let other = this.#oldest; other !== null && other.order < order; ) {
      const next: Entry<D> | null = other.younger;
      if (other.cancelOrder > 0 && other.cancelOrder < order) this.forget(other);
      other = next;
    }
  }

  /** It no longer counts as in flight, but its answer is still recognised, for a while. */
  giveUp(computation: Entry<D>): void {
    this.#unlink(computation);
    this.#givenUp.push(computation);
    if (this.#givenUp.length <= this.remembered) return;
    const forgotten = this.#givenUp.shift()!;
    forgotten.owner = null;
    this.#strikeOff(forgotten);
  }

  forget(computation: Entry<D>): void {
    if (computation.counted) this.#unlink(computation);
    else {
      const index = this.#givenUp.indexOf(computation);
      if (index >= 0) this.#givenUp.splice(index, 1);
    }
    this.#strikeOff(computation);
  }

  /** Empties the book. @returns what was in flight, oldest first */
  clear(): Entry<D>[] {
    const computations: Entry<D>[] = [];
    for (let computation = this.#oldest; computation !== null; computation = computation.younger) {
      computation.counted = false;
      computations.push(computation);
    }
    this.#oldest = null;
    this.#youngest = null;
    this.#inFlight = 0;
    this.#uncancelled = 0;
    this.#byRequest.clear();
    this.#givenUp.length = 0;
    return computations;
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
    if (computation.cancelOrder === 0) this.#uncancelled--;
  }

  #strikeOff(computation: Entry<D>): void {
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
