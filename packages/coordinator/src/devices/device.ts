import { type CoordinatorOptions, SHORTEST_WAIT_MS } from '../options.ts';
import type { Clock, DeviceId } from '../ports.ts';
import {
  type Entry,
  type EntryOwner,
  type ErasureReason,
  InFlightTable,
  type SendOrder,
} from './in-flight-table.ts';
import { Unsolicited } from './unsolicited.ts';

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

/** One computation that was sent to a device and has not come back. */
export type Computation = Entry<Device>;
export type ComputationOwner = EntryOwner<Device>;

/** Weight of a new observation in a smoothed time. */
const SMOOTHING = 1 / 8;
/** A device that has never answered is given this many times the silence bound: its first run may be a cold one. */
const FIRST_ANSWER_FACTOR = 5;
/** The silence bound follows the device's own pace, between one and this many times `silentAfterMs`. */
const SLOWEST_PACE_FACTOR = 10;
const ARRIVALS_TO_SILENCE = 4;
/** Given-up computations whose late answer is still recognised, in multiples of the cap. */
const REMEMBERED = 4;
/** One device as the coordinator knows it: what it was asked and has not answered, and how it behaves. */
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

  readonly #computations: InFlightTable<Device>;
  #lastHeardAt = Number.NEGATIVE_INFINITY;
  #nextProbeAt = 0;
  #watch: (() => void) | null = null;

  constructor(
    readonly id: DeviceId,
    readonly clock: Clock,
    readonly options: CoordinatorOptions,
    order: SendOrder,
    readonly observer: DeviceObserver,
  ) {
    this.#computations = new InFlightTable(this, order, REMEMBERED * options.inFlightPerDevice);
    this.downSince = clock.now();
  }

  get inFlight(): number {
    return this.#computations.inFlight;
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
    return this.inFlight > this.options.inFlightPerDevice / 2;
  }

  get #hasRoom(): boolean {
    return this.inFlight < this.options.inFlightPerDevice || this.#computations.uncancelled === 0;
  }

  /** When a silent device may next be sent a computation, to find out whether it is back; passes where none comes. */
  get probeDueAt(): number {
    return this.#nextProbeAt;
  }

  /** Whether a silent device may be sent a computation now, to find out whether it is back. */
  probeDue(now: number): boolean {
    return this.silentSince !== null && this.live && now >= this.#nextProbeAt && this.#hasRoom;
  }

  /** Books a computation; the caller sends it. */
  send(request: number, task: number, shard: number, owner: ComputationOwner, now: number): Computation {
    const computation = this.#computations.open(request, task, shard, owner, now);
    this.sent++;
    this.unsolicited.asked(request, task);
    if (this.silentSince !== null) this.#nextProbeAt = now + this.options.probeEveryMs;
    if (this.#watch === null) this.#watchFor(this.options.silentAfterMs);
    return computation;
  }

  /** Nobody wants the answer any more. @returns whether the device should be told */
  cancel(computation: Computation): boolean {
    return this.#computations.cancel(computation);
  }

  /** Strikes a computation off the book because an answer to it came. undefined where it was never asked. */
  take(request: number, task: number): Computation | undefined {
    const computation = this.#computations.take(request, task);
    if (computation !== undefined) this.unsolicited.awaited(request, task);
    return computation;
  }

  /** A message to a computation that was taken: the device lives, and has read all that was sent before. */
  heard(computation: Computation, now: number, computeMicros: number | null): void {
    this.#lastHeardAt = now;
    if (computeMicros !== null) {
      this.arrivalMs = smoothed(this.arrivalMs, now - computation.sentAt);
      this.computeMs = smoothed(this.computeMs, computeMicros / 1000);
    }
    this.#computations.readUntil(computation);
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
    for (const computation of this.#computations.clear()) {
      const { owner } = computation;
      computation.owner = null;
      if (computation.cancelOrder === 0) this.unanswered++;
      owner?.erased(computation.shard, reason);
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
    const erased: Computation[] = [];
    let silent = false;
    let nextDueMs = Number.POSITIVE_INFINITY;
    for (let computation = this.#computations.oldest; computation !== null; ) {
      const next: Computation | null = computation.younger;
      const age = now - computation.sentAt;
      if (age < bound && !silent) {
        nextDueMs = bound - age;
        break;
      }
      if (computation.cancelOrder > 0) {
        this.#computations.forget(computation);
      } else {
        // Answers to younger computations came: this one got lost, the device is well.
        silent ||= this.#lastHeardAt <= computation.sentAt;
        this.unanswered++;
        this.#computations.giveUp(computation);
        erased.push(computation);
      }
      computation = next;
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
    for (const computation of erased) computation.owner?.erased(computation.shard, 'silent');
    if (erased.length > 0) this.observer.gaveUp(this);
  }
}

function smoothed(previous: number | null, sample: number): number {
  return previous === null ? sample : previous + SMOOTHING * (sample - previous);
}
