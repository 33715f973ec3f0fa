import type { FromDevice } from '@sparewheel/protocol';
import type { Device } from './device.ts';

/** Why an answer is not to be expected. */
export type ErasureReason = 'down' | 'silent' | 'busy' | 'quarantined' | 'refused' | 'invalid';

/** Who wants the answer of a computation. After `erased` for silence the answer may still come; nothing after it. */
export interface FlightOwner {
  answered(shard: number, message: FromDevice, flight: Flight): void;
  erased(shard: number, reason: ErasureReason): void;
}

/** One computation that was sent to a device and has not come back. */
export interface Flight {
  readonly device: Device;
  readonly request: number;
  readonly task: number;
  readonly shard: number;
  readonly sentAt: number;
  /** Place in the sequence of all messages sent to all devices. */
  readonly order: number;
  /** Place of its cancel in that sequence; 0 where there is none. */
  cancelOrder: number;
  /** null once nobody wants the answer: it is late when it comes. */
  owner: FlightOwner | null;
  older: Flight | null;
  younger: Flight | null;
  /** Another computation of the same request on the same device. */
  sibling: Flight | null;
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
export class FlightBook {
  #inFlight = 0;
  #uncancelled = 0;
  #oldest: Flight | null = null;
  #youngest: Flight | null = null;
  readonly #byRequest = new Map<number, Flight>();
  readonly #givenUp: Flight[] = [];

  /** @param remembered  computations that were given up and whose late answer is still recognised */
  constructor(
    readonly device: Device,
    readonly order: SendOrder,
    readonly remembered: number,
  ) {}

  get inFlight(): number {
    return this.#inFlight;
  }

  get uncancelled(): number {
    return this.#uncancelled;
  }

  get oldest(): Flight | null {
    return this.#oldest;
  }

  open(request: number, task: number, shard: number, owner: FlightOwner, now: number): Flight {
    const flight: Flight = {
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
    this.#byRequest.set(request, flight);
    if (this.#youngest === null) this.#oldest = flight;
    else this.#youngest.younger = flight;
    this.#youngest = flight;
    this.#inFlight++;
    this.#uncancelled++;
    return flight;
  }

  /** @returns whether the device should be told */
  cancel(flight: Flight): boolean {
    flight.owner = null;
    if (!flight.counted || flight.cancelOrder > 0 || this.#uncancelled <= 1) return false;
    flight.cancelOrder = this.order.next++;
    this.#uncancelled--;
    return true;
  }

  /** Strikes a computation off. undefined where it is not in the book. */
  take(request: number, task: number): Flight | undefined {
    let flight = this.#byRequest.get(request) ?? null;
    while (flight !== null && flight.task !== task) flight = flight.sibling;
    if (flight === null) return undefined;
    this.forget(flight);
    return flight;
  }

  /** The device has answered this one, and so has read every cancel that was sent before it. */
  readUntil({ order }: Flight): void {
    for (let other = this.#oldest; other !== null && other.order < order; ) {
      const next: Flight | null = other.younger;
      if (other.cancelOrder > 0 && other.cancelOrder < order) this.forget(other);
      other = next;
    }
  }

  /** It no longer counts as in flight, but its answer is still recognised, for a while. */
  giveUp(flight: Flight): void {
    this.#unlink(flight);
    this.#givenUp.push(flight);
    if (this.#givenUp.length <= this.remembered) return;
    const forgotten = this.#givenUp.shift()!;
    forgotten.owner = null;
    this.#strikeOff(forgotten);
  }

  forget(flight: Flight): void {
    if (flight.counted) this.#unlink(flight);
    else {
      const index = this.#givenUp.indexOf(flight);
      if (index >= 0) this.#givenUp.splice(index, 1);
    }
    this.#strikeOff(flight);
  }

  /** Empties the book. @returns what was in flight, oldest first */
  clear(): Flight[] {
    const flights: Flight[] = [];
    for (let flight = this.#oldest; flight !== null; flight = flight.younger) {
      flight.counted = false;
      flights.push(flight);
    }
    this.#oldest = null;
    this.#youngest = null;
    this.#inFlight = 0;
    this.#uncancelled = 0;
    this.#byRequest.clear();
    this.#givenUp.length = 0;
    return flights;
  }

  #unlink(flight: Flight): void {
    if (flight.older === null) this.#oldest = flight.younger;
    else flight.older.younger = flight.younger;
    if (flight.younger === null) this.#youngest = flight.older;
    else flight.younger.older = flight.older;
    flight.older = null;
    flight.younger = null;
    flight.counted = false;
    this.#inFlight--;
    if (flight.cancelOrder === 0) this.#uncancelled--;
  }

  #strikeOff(flight: Flight): void {
    const first = this.#byRequest.get(flight.request);
    if (first === flight) {
      if (flight.sibling === null) this.#byRequest.delete(flight.request);
      else this.#byRequest.set(flight.request, flight.sibling);
      return;
    }
    for (let before = first ?? null; before !== null; before = before.sibling) {
      if (before.sibling === flight) {
        before.sibling = flight.sibling;
        return;
      }
    }
  }
}
