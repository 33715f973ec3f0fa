import type { Refusal } from '@sparewheel/protocol';
import type { Device } from '../devices/device.ts';
import { SHORTEST_WAIT_MS } from '../options.ts';
import type { DeviceId } from '../ports.ts';
import type { Program } from '../requests/program.ts';
import { type MissingSeat, type OutagePhase, Redistribution } from './redistribution.ts';
import {
  backOff,
  holderAnswers,
  isAnswering,
  mustReload,
  type SeatRecord,
  type SeatSnapshot,
  seatRecord,
  seatSnapshot,
  substituteAnswers,
} from './seat.ts';
import { type PlacementContext, SeatInstalls, weightsOf } from './seat-installs.ts';
import { pickStandby } from './standby.ts';

/** Failed installs on a seat's own device before a standby may take the seat over. */
const FAILURES_TO_REPLACE = 2;

/**
 * Assigns the seats of one plan to devices and keeps them on live devices. If a seat's device stays down beyond the
 * grace period, a standby installs the seat and takes it over when everything is loaded. If the original device
 * returns first, it keeps the seat. The first distribution works the same way, starting from empty seats. No device
 * holds two seats of one plan, except as a substitute; see `Redistribution`.
 */
export class Placement {
  readonly #seats: SeatRecord[];
  readonly #startedAt: number;
  readonly #installs: SeatInstalls;
  readonly #redistribution: Redistribution;
  #cancelTimer: (() => void) | null = null;
  /** Whether a timer is pending after which a seat may be filled. */
  #fillDue = false;
  /** When to reload a silent device. Does not count as pending work, because an answer is unlikely. */
  #silentReloadAt = Number.POSITIVE_INFINITY;
  #disposed = false;

  constructor(
    readonly context: PlacementContext,
    deployment: string,
    readonly program: Program,
    seats: readonly (DeviceId | null)[],
  ) {
    this.#startedAt = context.clock.now();
    this.#installs = new SeatInstalls(context, deployment, {
      seatReady: () => context.placementChanged(),
      reconcile: () => this.reconcile(),
    });
    this.#seats = program.seatTasks.map((tasks, index) => {
      const id = seats[index] ?? null;
      return seatRecord(index, tasks, id === null ? null : context.fleet.ensure(id));
    });
    this.#redistribution = new Redistribution(context, deployment, program, this.#seats, this.#installs, {
      standbyComes: (seat, now) => this.#standbyComes(seat, now),
      reconcile: () => this.reconcile(),
    });
  }

  /** Returns the device that has a seat's tasks loaded, or null. The device may be silent or busy. */
  serving(seat: number): Device | null {
    const record = this.#seats[seat]!;
    if (this.isSubstituted(seat)) return record.substitute!.device;
    return record.loaded ? record.holder : null;
  }

  /** Whether a substitute serves the seat, under the task numbers of substitutes. */
  isSubstituted(seat: number): boolean {
    const record = this.#seats[seat]!;
    return record.substitute !== null && substituteAnswers(record) && !holderAnswers(record);
  }

  /** The seat that failed last, and what is being done about the missing seats. */
  get outage(): (MissingSeat & OutagePhase) | null {
    const { missing, phase } = this.#redistribution;
    return missing && { ...missing, ...phase };
  }

  /** When the failure of a seat is detected; see `Redistribution.detectedAt`. */
  detectedAt(seat: number): number {
    return this.#redistribution.detectedAt(this.#seats[seat]!);
  }

  /** Number of seats that a substitute serves. */
  get substitutedSeats(): number {
    return this.#seats.filter(({ index }) => this.isSubstituted(index)).length;
  }

  /** Device ids by seat. */
  get seatDevices(): readonly (DeviceId | null)[] {
    return this.#seats.map((seat) => seat.holder?.id ?? null);
  }

  get readySeats(): number {
    return this.#seats.filter(isAnswering).length;
  }

  get seatCount(): number {
    return this.#seats.length;
  }

  /** Whether every seat is served by its own device. */
  get complete(): boolean {
    return this.#seats.every(holderAnswers);
  }

  /** Whether every step can be answered without a rescue. */
  get viable(): boolean {
    return this.#redistribution.viableIf(isAnswering);
  }

  /** Whether no install in progress and no pending timer can fill another seat. */
  get settled(): boolean {
    const isBeingFilled = ({ install, holder, loaded }: SeatRecord) =>
      install !== null && !(loaded && install.device === holder);
    return !this.#fillDue && !this.#seats.some(isBeingFilled);
  }

  snapshot(): SeatSnapshot[] {
    return this.#seats.map((seat) => seatSnapshot(seat, this.program.plan.seats[seat.index]!.role));
  }

  /** Handles a new connection: resets the device's install backoff, and unloads tasks of a seat it lost. */
  deviceConnected(device: Device): void {
    for (const seat of this.#seats) seat.failures.delete(device.id);
    this.#installs.deviceConnected(device);
  }

  /** Frees the seats of a removed device. The next check of the seats fills them. */
  forget(device: Device): void {
    this.#installs.forget(device);
    for (const seat of this.#seats) {
      seat.failures.delete(device.id);
      if (seat.install?.device === device) this.#installs.abort(seat, 'the device was forgotten');
      if (seat.holder !== device) continue;
      device.seatCount--;
      seat.holder = null;
      seat.loaded = false;
    }
  }

  /** Handles a refusal to compute. Reloads the device after repeated refusals, or at once after "unknown-task". */
  refused(seat: number, device: Device, { code }: Refusal): void {
    const record = this.#seats[seat]!;
    const now = this.context.clock.now();
    const substituted = record.substitute?.device === device && record.substitute.loadedAt !== null;
    if (!substituted && (record.holder !== device || !record.loaded)) return;
    if (!mustReload(record, code, this.context.options, now)) return;
    record.refusals = 0;
    if (substituted) {
      this.#redistribution.refused(record, now);
      this.context.placementChanged();
      this.reconcile();
      return;
    }
    record.loaded = false;
    backOff(record, device, this.context.options, now);
    this.context.placementChanged();
    this.reconcile();
  }

  /** Handles a valid answer for the seat: resets its refusals and install failures. */
  answered(seat: number): void {
    const record = this.#seats[seat]!;
    record.refusals = 0;
    if (record.failures.size > 0) record.failures.clear();
  }

  /** Checks every seat, starts and aborts installs, and schedules the next check. */
  reconcile(): void {
    if (this.#disposed) return;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    const now = this.context.clock.now();
    let fillAt = Number.POSITIVE_INFINITY;
    this.#silentReloadAt = Number.POSITIVE_INFINITY;
    this.#redistribution.follow(now);
    for (const seat of this.#seats) {
      fillAt = Math.min(fillAt, this.#reconcileSeat(seat, now));
      if (this.#disposed) return;
    }
    this.#fillDue = fillAt < Number.POSITIVE_INFINITY;
    const redistributeAt = this.#redistribution.reconcile(now);
    if (this.#disposed) return;
    const dueAt = Math.min(fillAt, this.#silentReloadAt, redistributeAt);
    if (dueAt < Number.POSITIVE_INFINITY) this.#scheduleReconcile(dueAt, now);
    // No further seat will be filled, so a plan that waits for its seats can stop waiting.
    if (!this.complete && (this.settled || !this.viable)) this.context.placementChanged();
  }

  #scheduleReconcile(dueAt: number, now: number): void {
    this.#cancelTimer = this.context.clock.schedule(Math.max(dueAt - now, SHORTEST_WAIT_MS), () => {
      this.#cancelTimer = null;
      this.reconcile();
    });
  }

  /** Aborts all installs and unloads all seats. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#redistribution.dispose();
    for (const seat of this.#seats) {
      if (seat.install) this.#installs.abort(seat, 'the plan was taken down');
      if (!seat.holder) continue;
      seat.holder.seatCount--;
      if (seat.holder.connected) this.context.installer.uninstall(seat.holder.id, seat.tasks);
      seat.holder = null;
      seat.loaded = false;
    }
  }

  /** @returns when to check the seat again; infinity if only an event can change it */
  #reconcileSeat(seat: SeatRecord, now: number): number {
    const { holder } = seat;
    if (seat.install && !seat.install.device.live) {
      this.#installs.abort(seat, 'the device disconnected or was quarantined');
    }
    if (holder && !holder.live && seat.loaded) {
      seat.loaded = false;
      this.context.placementChanged();
      // The call above may have activated the next plan and disposed this one.
      if (this.#disposed) return Number.POSITIVE_INFINITY;
    }
    if (holder?.live)
      return seat.loaded ? this.#reconcileLoaded(seat, holder, now) : this.#load(seat, holder, now);
    const dueAt = this.#takeoverDueAt(seat);
    return dueAt > now ? dueAt : this.#replace(seat, now);
  }

  #reconcileLoaded(seat: SeatRecord, holder: Device, now: number): number {
    if (holder.silentSince === null) {
      if (seat.install) this.#installs.abort(seat, 'the seat’s own device answers again');
      return Number.POSITIVE_INFINITY;
    }
    const dueAt = Math.max(
      holder.silentSince + this.context.options.takeoverSilentAfterMs,
      this.#redistribution.detectedAt(seat),
    );
    if (dueAt > now) return dueAt;
    const retryAt = this.#replace(seat, now);
    if (seat.install === null) this.#reloadSilent(seat, holder, now);
    return retryAt;
  }

  /**
   * Probes a silent device by loading its tasks again. Used when no standby is free and no request has probed the
   * device for some time. Requests never probe the devices of a plan that is not active yet.
   */
  #reloadSilent(seat: SeatRecord, holder: Device, now: number): void {
    const { options } = this.context;
    const notBefore = seat.failures.get(holder.id)?.notBefore ?? 0;
    const dueAt = Math.max(holder.probeDueAt + options.takeoverSilentAfterMs, notBefore);
    if (dueAt > now) {
      this.#silentReloadAt = Math.min(this.#silentReloadAt, dueAt);
      return;
    }
    backOff(seat, holder, options, now);
    this.#installs.begin(seat, holder);
  }

  /** Loads the seat on its own live device. If that keeps failing, a standby takes the seat over instead. */
  #load(seat: SeatRecord, holder: Device, now: number): number {
    const failure = seat.failures.get(holder.id);
    if (seat.install && seat.install.device !== holder) {
      if ((failure?.count ?? 0) >= FAILURES_TO_REPLACE) return Number.POSITIVE_INFINITY;
      this.#installs.abort(seat, 'the seat’s own device returned');
    }
    if (seat.install) return Number.POSITIVE_INFINITY;
    if (failure && failure.count >= FAILURES_TO_REPLACE) {
      const dueAt = this.#replace(seat, now);
      if (seat.install) return dueAt;
    }
    if (failure && failure.notBefore > now) return failure.notBefore;
    this.#installs.begin(seat, holder);
    return Number.POSITIVE_INFINITY;
  }

  #takeoverDueAt(seat: SeatRecord): number {
    const { holder } = seat;
    const { takeoverAfterMs, returnGraceMs } = this.context.options;
    if (holder === null || holder.quarantineReason !== null) return 0;
    // After a restart of the data plane, the devices named in a plan need time to reconnect.
    const graceEndsAt = this.#startedAt + returnGraceMs;
    return Math.max(holder.downSince + takeoverAfterMs, graceEndsAt, this.#redistribution.detectedAt(seat));
  }

  /** Starts a takeover by the best standby. @returns when to try again, or infinity */
  #replace(seat: SeatRecord, now: number): number {
    if (seat.install && seat.install.device.silentSince === null) return Number.POSITIVE_INFINITY;
    const { standby, retryAt } = this.#pickStandby(seat, now);
    if (!standby) return retryAt;
    if (seat.install) this.#installs.abort(seat, 'a device that answers is available instead');
    standby.seatCount++;
    this.#installs.begin(seat, standby);
    return Number.POSITIVE_INFINITY;
  }

  /** @returns the best standby for a seat, or when to look again */
  #pickStandby(seat: SeatRecord, now: number): { standby: Device | undefined; retryAt: number } {
    const { fleet, options } = this.context;
    let retryAt = Number.POSITIVE_INFINITY;
    const holderSilent = seat.holder?.live === true && seat.holder.silentSince !== null;
    const standby = pickStandby(fleet.devices, seat.tasks, options.holds, (device) => {
      if (this.#isTaken(device) || !options.fits(device.id, weightsOf(seat.tasks))) return false;
      // Replacing one silent device with another gains nothing.
      if (device.silentSince !== null && (holderSilent || seat.install)) return false;
      const notBefore = seat.failures.get(device.id)?.notBefore ?? 0;
      if (notBefore <= now) return true;
      retryAt = Math.min(retryAt, notBefore);
      return false;
    });
    return { standby, retryAt };
  }

  #standbyComes(seat: SeatRecord, now: number): boolean {
    const { standby } = this.#pickStandby(seat, now);
    return standby !== undefined && standby.silentSince === null;
  }

  #isTaken(device: Device): boolean {
    return this.#seats.some((seat) => seat.holder === device || seat.install?.device === device);
  }
}
