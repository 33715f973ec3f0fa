import type { FromDevice } from '@sparewheel/protocol';
import { type CoordinatorOptions, SHORTEST_WAIT_MS } from './options.ts';
import type { Clock, DeviceId } from './ports.ts';
import { Unsolicited } from './unsolicited.ts';

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

export interface DeviceStatisticsView {
  readonly sent: number;
  readonly answers: number;
  /** Answers that nobody wanted any more. */
  readonly late: number;
  readonly refusals: number;
  readonly invalid: number;
  /** Computations that were never answered. */
  readonly unanswered: number;
  /** Messages that belong to nothing that was asked. */
  readonly unsolicited: number;
  /** Smoothed time from scatter to answer, and in the device's engine. */
  readonly arrivalMs: number | null;
  readonly computeMs: number | null;
}

export type Availability = 'ready' | 'busy' | 'silent' | 'down' | 'quarantined';

/** What the fleet wants to know of a device. */
export interface DeviceObserver {
  silent(device: Device): void;
  answering(device: Device): void;
  /** It was given up on for some of what it was asked: there may be room for more. */
  gaveUp(device: Device): void;
}

/** Weight of a new observation in a smoothed time. */
const SMOOTHING = 1 / 8;
/** A device that has never answered is given this many times the silence bound: its first run may be a cold one. */
const FIRST_ANSWER_FACTOR = 5;
/** The silence bound follows the device's own pace, between one and this many times `silentAfterMs`. */
const SLOWEST_PACE_FACTOR = 10;
const ARRIVALS_TO_SILENCE = 4;
/** Given-up computations whose late answer is still recognised, in multiples of the cap. */
const REMEMBERED = 4;

/** One number sequence for all sends and cancels, so that "sent before" can be told across devices. */
export interface SendOrder {
  next: number;
}

/**
 * One device as the coordinator knows it: what it was asked and has not answered, and how it behaves.
 *
 * A cancelled computation counts as in flight until the device shows that it has read the cancel, by answering
 * something that was sent later. The last computation that is not cancelled is never cancelled: its answer is that
 * proof, and the only sign of life of a device whose every answer comes too late.
 */
export class Device {
  connected = false;
  joined = false;
  quarantineReason: string | null = null;
  silentSince: number | null = null;
  downSince: number;
  /** Why it is down, for people. */
  downReason: string | null = null;
  strikes = 0;
  seatCount = 0;

  sent = 0;
  answers = 0;
  late = 0;
  refusals = 0;
  invalid = 0;
  unanswered = 0;
  readonly unsolicited = new Unsolicited();
  arrivalMs: number | null = null;
  computeMs: number | null = null;

  #inFlight = 0;
  #uncancelled = 0;
  #oldest: Flight | null = null;
  #youngest: Flight | null = null;
  readonly #book = new Map<number, Flight>();
  readonly #givenUp: Flight[] = [];
  #lastHeardAt = Number.NEGATIVE_INFINITY;
  #nextProbeAt = 0;
  #watch: (() => void) | null = null;

  constructor(
    readonly id: DeviceId,
    readonly clock: Clock,
    readonly options: CoordinatorOptions,
    readonly order: SendOrder,
    readonly observer: DeviceObserver,
  ) {
    this.downSince = clock.now();
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Connected and trusted; it may still be silent or at its cap. */
  get live(): boolean {
    return this.connected && this.quarantineReason === null;
  }

  get availability(): Availability {
    if (this.quarantineReason !== null) return 'quarantined';
    if (!this.connected) return 'down';
    if (this.silentSince !== null) return 'silent';
    return this.#hasRoom ? 'ready' : 'busy';
  }

  /** More than half of its cap is in flight: it should not be kept busy with answers that nobody waits for. */
  get loaded(): boolean {
    return this.#inFlight > this.options.inFlightPerDevice / 2;
  }

  get #hasRoom(): boolean {
    return this.#inFlight < this.options.inFlightPerDevice || this.#uncancelled === 0;
  }

  /** Whether a silent device may be sent a computation now, to find out whether it is back. */
  probeDue(now: number): boolean {
    return this.silentSince !== null && this.live && now >= this.#nextProbeAt && this.#hasRoom;
  }

  /** Books a computation; the caller sends it. */
  send(request: number, task: number, shard: number, owner: FlightOwner, now: number): Flight {
    const flight: Flight = {
      device: this,
      request,
      task,
      shard,
      sentAt: now,
      order: this.order.next++,
      cancelOrder: 0,
      owner,
      older: this.#youngest,
      younger: null,
      sibling: this.#book.get(request) ?? null,
      counted: true,
    };
    this.#book.set(request, flight);
    if (this.#youngest === null) this.#oldest = flight;
    else this.#youngest.younger = flight;
    this.#youngest = flight;
    this.#inFlight++;
    this.#uncancelled++;
    this.sent++;
    this.unsolicited.asked(request, task);
    if (this.silentSince !== null) this.#nextProbeAt = now + this.options.probeEveryMs;
    if (this.#watch === null) this.#watchFor(this.options.silentAfterMs);
    return flight;
  }

  /** Nobody wants the answer any more. @returns whether the device should be told */
  cancel(flight: Flight): boolean {
    flight.owner = null;
    if (!flight.counted || flight.cancelOrder > 0 || this.#uncancelled <= 1) return false;
    flight.cancelOrder = this.order.next++;
    this.#uncancelled--;
    return true;
  }

  /** Strikes a computation off the book because an answer to it came. undefined where it was never asked. */
  take(request: number, task: number): Flight | undefined {
    let flight = this.#book.get(request) ?? null;
    while (flight !== null && flight.task !== task) flight = flight.sibling;
    if (flight === null) return undefined;
    this.#forget(flight);
    this.unsolicited.awaited(request, task);
    return flight;
  }

  /** A message to a computation that was taken: the device lives, and has read all that was sent before. */
  heard(flight: Flight, now: number, computeMicros: number | null): void {
    this.#lastHeardAt = now;
    if (computeMicros !== null) {
      this.arrivalMs = smoothed(this.arrivalMs, now - flight.sentAt);
      this.computeMs = smoothed(this.computeMs, computeMicros / 1000);
    }
    for (let other = this.#oldest; other !== null && other.order < flight.order; ) {
      const next: Flight | null = other.younger;
      if (other.cancelOrder > 0 && other.cancelOrder < flight.order) this.#forget(other);
      other = next;
    }
    this.showedLife();
  }

  /** It did what it was told, computing or loading: a silence is over. */
  showedLife(): void {
    if (this.silentSince === null) return;
    this.silentSince = null;
    this.observer.answering(this);
  }

  /** What it said before is not held against it any more. */
  startAnew(): void {
    this.unsolicited.startAnew(this.answers + this.refusals);
  }

  connect(now: number): void {
    this.startAnew();
    this.connected = true;
    this.joined = true;
    this.silentSince = null;
    this.downReason = null;
    this.#lastHeardAt = now;
  }

  disconnect(now: number, reason: string): void {
    this.connected = false;
    this.downSince = now;
    this.downReason = reason;
    this.silentSince = null;
    this.eraseAll('down');
  }

  /** Gives up on everything that is in flight. */
  eraseAll(reason: ErasureReason): void {
    this.#watch?.();
    this.#watch = null;
    const oldest = this.#oldest;
    this.#oldest = null;
    this.#youngest = null;
    this.#inFlight = 0;
    this.#uncancelled = 0;
    this.#book.clear();
    this.#givenUp.length = 0;
    for (let flight = oldest; flight !== null; flight = flight.younger) {
      flight.counted = false;
      const owner = flight.owner;
      flight.owner = null;
      if (flight.cancelOrder === 0) this.unanswered++;
      owner?.erased(flight.shard, reason);
    }
  }

  get statistics(): DeviceStatisticsView {
    return {
      sent: this.sent,
      answers: this.answers,
      late: this.late,
      refusals: this.refusals,
      invalid: this.invalid,
      unanswered: this.unanswered,
      unsolicited: this.unsolicited.count,
      arrivalMs: this.arrivalMs,
      computeMs: this.computeMs,
    };
  }

  get #silenceBoundMs(): number {
    const bound = this.options.silentAfterMs;
    if (this.arrivalMs === null) return bound * FIRST_ANSWER_FACTOR;
    return Math.min(Math.max(bound, ARRIVALS_TO_SILENCE * this.arrivalMs), bound * SLOWEST_PACE_FACTOR);
  }

  #watchFor(delayMs: number): void {
    const due = this.clock.now() + delayMs;
    this.#watch = this.clock.schedule(delayMs, () => {
      this.#watch = null;
      const overdueMs = this.clock.now() - due;
      // This thread itself was held up: answers may lie unread in the sockets. Let them come in first.
      if (overdueMs > this.options.silentAfterMs / 4) this.#watchFor(this.options.silentAfterMs / 4);
      else this.#giveUpOnOld();
    });
  }

  #giveUpOnOld(): void {
    const now = this.clock.now();
    const bound = this.#silenceBoundMs;
    const erased: Flight[] = [];
    let silent = false;
    let nextDueMs = Number.POSITIVE_INFINITY;
    for (let flight = this.#oldest; flight !== null; ) {
      const next: Flight | null = flight.younger;
      const age = now - flight.sentAt;
      if (age < bound && !silent) {
        nextDueMs = bound - age;
        break;
      }
      if (flight.cancelOrder > 0) {
        this.#forget(flight);
      } else {
        // Answers to younger computations came: this one got lost, the device is well.
        silent ||= this.#lastHeardAt <= flight.sentAt;
        this.#giveUp(flight);
        erased.push(flight);
      }
      flight = next;
    }
    const fellSilent = silent && this.silentSince === null;
    if (fellSilent) {
      this.silentSince = now;
      this.#nextProbeAt = now + this.options.probeEveryMs;
    }
    if (nextDueMs < Number.POSITIVE_INFINITY) {
      // The bound may shrink meanwhile, as the device's pace becomes known: never look away for longer than this.
      this.#watchFor(Math.max(Math.min(nextDueMs, this.options.silentAfterMs), SHORTEST_WAIT_MS));
    }
    if (fellSilent) this.observer.silent(this);
    for (const flight of erased) flight.owner?.erased(flight.shard, 'silent');
    if (erased.length > 0) this.observer.gaveUp(this);
  }

  /** It no longer counts as in flight, but its answer is still recognised, for a while. */
  #giveUp(flight: Flight): void {
    this.#unlink(flight);
    this.unanswered++;
    this.#givenUp.push(flight);
    if (this.#givenUp.length > REMEMBERED * this.options.inFlightPerDevice) {
      const forgotten = this.#givenUp.shift()!;
      forgotten.owner = null;
      this.#strikeOff(forgotten);
    }
  }

  #forget(flight: Flight): void {
    if (flight.counted) this.#unlink(flight);
    else {
      const index = this.#givenUp.indexOf(flight);
      if (index >= 0) this.#givenUp.splice(index, 1);
    }
    this.#strikeOff(flight);
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
    const first = this.#book.get(flight.request);
    if (first === flight) {
      if (flight.sibling === null) this.#book.delete(flight.request);
      else this.#book.set(flight.request, flight.sibling);
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

function smoothed(previous: number | null, sample: number): number {
  return previous === null ? sample : previous + SMOOTHING * (sample - previous);
}
