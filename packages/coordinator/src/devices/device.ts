import type { CoordinatorOptions } from '../options.ts';
import type { Clock, DeviceId } from '../ports.ts';
import { smoothed } from './answer-time.ts';
import { ComputationTimeouts, type ReportedComputation, type TimedOut } from './computation-timeouts.ts';
import {
  type Accounting,
  type Entry,
  type EntryOwner,
  type ErasureReason,
  InFlightTable,
  type SendOrder,
} from './in-flight-table.ts';
import { Strikes } from './strikes.ts';
import { UnsolicitedMessages } from './unsolicited.ts';

export interface DeviceStatisticsView {
  readonly sent: number;
  readonly answers: number;
  /** Answers that came when they were no longer needed. */
  readonly late: number;
  readonly refusals: number;
  readonly invalid: number;
  /** Computations that were neither answered in time nor canceled. */
  readonly unanswered: number;
  /** Messages that match no pending computation. */
  readonly unsolicited: number;
  readonly quarantines: number;
  /** Smoothed time from scatter to answer. */
  readonly arrivalMs: number | null;
  /** Smoothed compute time in the device's engine. */
  readonly computeMs: number | null;
}

export type Availability = 'ready' | 'busy' | 'silent' | 'down' | 'quarantined';

export interface DeviceObserver {
  silent(device: Device): void;
  answering(device: Device): void;
  /** Computations timed out, so the device may have capacity again. */
  computationsTimedOut(device: Device): void;
}

/** One computation sent to a device. */
export type Computation = Entry<Device>;
export type ComputationOwner = EntryOwner<Device>;

/** Share of the cap that is left free for the sampled request, which has several steps in flight on a slow device. */
const SAMPLE_RESERVE = 3 / 8;
/** A smaller cap has no such places. */
const SMALLEST_CAP_WITH_RESERVE = 8;
/** Timed-out computations whose late answer is still recognized, in multiples of the cap. */
const REMEMBERED = 4;

/** One device as the coordinator knows it: its connection, its pending computations and its statistics. */
export class Device {
  connected = false;
  joined = false;
  quarantineReason: string | null = null;
  silentSince: number | null = null;
  /** When the computation was sent whose missing answer made the device silent. */
  unansweredSince = 0;
  downSince: number;
  /** Why the device is down, shown to operators. */
  downReason: string | null = null;
  /** Invalid answers that count toward a quarantine. */
  readonly strikes = new Strikes();
  /** Since the start of the data plane. */
  quarantines = 0;
  /** Seats in all plans, including those being installed. */
  seatCount = 0;

  sent = 0;
  answers = 0;
  late = 0;
  refusals = 0;
  invalid = 0;
  unanswered = 0;
  readonly unsolicited = new UnsolicitedMessages();
  arrivalMs: number | null = null;
  computeMs: number | null = null;

  readonly #computations: InFlightTable<Device>;
  readonly #timeouts: ComputationTimeouts<Device>;
  #nextProbeAt = 0;

  constructor(
    readonly id: DeviceId,
    readonly clock: Clock,
    readonly options: CoordinatorOptions,
    order: SendOrder,
    readonly observer: DeviceObserver,
  ) {
    this.#computations = new InFlightTable(this, order, REMEMBERED * options.inFlightPerDevice);
    this.#timeouts = new ComputationTimeouts(this.#computations, clock, options, {
      arrivalMs: () => this.arrivalMs,
      timedOut: (computations, unanswered) => this.#timeOut(computations, unanswered),
    });
    this.downSince = clock.now();
  }

  get inFlight(): number {
    return this.#computations.inFlight;
  }

  /** Whether the device is connected and not quarantined. It may be silent or at its cap. */
  get live(): boolean {
    return this.connected && this.quarantineReason === null;
  }

  /** Whether the device is live and not silent. It may be at its cap. */
  get answersNow(): boolean {
    return this.live && this.silentSince === null;
  }

  get availability(): Availability {
    if (this.quarantineReason !== null) return 'quarantined';
    if (!this.connected) return 'down';
    if (this.silentSince !== null) return 'silent';
    return this.#hasCapacity(0) ? 'ready' : 'busy';
  }

  /**
   * Returns the availability for the computations of mirrors, or for all others. Each kind has its own cap.
   * @param kept  number of places that must stay free
   */
  availabilityFor(mirrored: boolean, kept = 0): Availability {
    const { availability } = this;
    if (availability !== 'ready' && availability !== 'busy') return availability;
    const hasCapacity = mirrored
      ? this.#computations.mirrored + kept < this.options.mirroredPerDevice
      : this.#hasCapacity(kept);
    return hasCapacity ? 'ready' : 'busy';
  }

  /** Whether more than half of the cap is in flight. Such a device should not compute surplus answers. */
  get heavilyLoaded(): boolean {
    return this.#own > this.options.inFlightPerDevice / 2;
  }

  /** Whether the sampled request may use a place, also one that the others leave free. */
  get hasRoomForSample(): boolean {
    return this.answersNow && this.#own < this.options.inFlightPerDevice;
  }

  /** If every computation in flight is canceled, one more is sent: its answer shows that the device read the cancels. */
  #hasCapacity(kept: number): boolean {
    const { inFlightPerDevice } = this.options;
    const reserve =
      inFlightPerDevice >= SMALLEST_CAP_WITH_RESERVE ? Math.floor(SAMPLE_RESERVE * inFlightPerDevice) : 0;
    return this.#own + kept < inFlightPerDevice - reserve || this.#computations.uncanceled === 0;
  }

  /** Number of computations in flight, without those of mirrors. */
  get #own(): number {
    return this.inFlight - this.#computations.mirrored;
  }

  /** When a silent device may be probed next. The time passes if no request needs the device. */
  get probeDueAt(): number {
    return this.#nextProbeAt;
  }

  /** Returns whether a silent device may be probed now with a computation. */
  probeDue(now: number): boolean {
    return this.silentSince !== null && this.live && now >= this.#nextProbeAt && this.#hasCapacity(0);
  }

  /** Adds a computation to the in-flight table. The caller sends it. */
  send(
    request: number,
    task: number,
    shard: number,
    owner: ComputationOwner,
    now: number,
    accounting: Accounting,
  ): Computation {
    const computation = this.#computations.add(request, task, shard, owner, now, accounting);
    this.sent++;
    this.unsolicited.recordSent(request, task);
    if (this.silentSince !== null) this.#nextProbeAt = now + this.options.probeEveryMs;
    this.#timeouts.start();
    return computation;
  }

  /** Marks a computation as no longer needed. @returns whether to send a cancel to the device */
  cancel(computation: Computation): boolean {
    return this.#computations.cancel(computation);
  }

  /** Removes the computation that a message belongs to. @returns undefined if none is pending */
  take(request: number, task: number): Computation | undefined {
    const computation = this.#computations.take(request, task);
    if (computation !== undefined) this.unsolicited.recordExpected(request, task);
    return computation;
  }

  /**
   * Records the message to a taken computation. It shows that the device is alive and has read everything sent before
   * that computation.
   * @param computeMicros  engine time in microseconds; null for a refusal
   */
  recordMessage(computation: Computation, now: number, computeMicros: number | null): void {
    this.#timeouts.recordMessage(now);
    if (computeMicros !== null) {
      this.arrivalMs = smoothed(this.arrivalMs, now - computation.sentAt);
      computation.time.observe(now - computation.sentAt);
      this.computeMs = smoothed(this.computeMs, computeMicros / 1000);
    }
    this.#computations.confirmCancels(computation);
    this.markResponsive();
  }

  /** Records the device's report that it has received these computations and has not finished them. */
  recordReport(computations: readonly ReportedComputation[], now: number): void {
    this.#timeouts.recordReport(computations, now);
  }

  /** Ends a silence, after the device computed or loaded something. */
  markResponsive(): void {
    if (this.silentSince === null) return;
    this.silentSince = null;
    this.observer.answering(this);
  }

  resetUnsolicited(): void {
    this.unsolicited.reset(this.answers + this.refusals);
  }

  connect(now: number): void {
    this.resetUnsolicited();
    this.connected = true;
    this.joined = true;
    this.silentSince = null;
    this.downReason = null;
    this.#timeouts.recordMessage(now);
  }

  disconnect(now: number, reason: string): void {
    this.connected = false;
    this.downSince = now;
    this.downReason = reason;
    this.silentSince = null;
    this.eraseAll('down');
  }

  /** Erases all computations in flight. */
  eraseAll(reason: ErasureReason): void {
    this.#timeouts.stop();
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
      quarantines: this.quarantines,
      arrivalMs: this.arrivalMs,
      computeMs: this.computeMs,
    };
  }

  /** Times out computations. @param unanswered  the oldest one whose missing answer makes the device silent */
  #timeOut(timedOut: readonly TimedOut<Device>[], unanswered: Computation | null): void {
    const now = this.clock.now();
    const becameSilent = unanswered !== null && this.silentSince === null;
    if (becameSilent) {
      this.silentSince = now;
      this.unansweredSince = unanswered.sentAt;
      this.#nextProbeAt = now + this.options.probeEveryMs;
      this.observer.silent(this);
    }
    for (const { computation, reason } of timedOut) {
      if (reason === 'silent') this.unanswered++;
      computation.owner?.erased(computation.shard, reason);
    }
    if (timedOut.length > 0) this.observer.computationsTimedOut(this);
  }
}
