import type { Refusal } from '@sparewheel/protocol';
import type { Device } from '../devices/device.ts';
import { SHORTEST_WAIT_MS } from '../options.ts';
import type { DeviceId } from '../ports.ts';
import type { Program } from '../requests/program.ts';
import type { PlacementContext } from './placement-context.ts';
import {
  answers,
  backOff,
  hasLostItsLoad,
  type SeatRecord,
  type SeatSnapshot,
  seatRecord,
  seatSnapshot,
} from './seat.ts';
import { SeatInstalls } from './seat-installs.ts';
import { pickStandby } from './standby.ts';

/** Failed installs on a seat's own device after which a spare is preferred. */
const FAILURES_TO_REPLACE = 2;

/**
 * Who sits where: brings every seat onto a live device and keeps it there. A seat whose device is down beyond a
 * grace is built up on a spare and handed over when that is ready; the old device coming back first keeps its seat.
 * The first distribution is the same thing, with seats that nobody holds yet. No device holds two seats.
 */
export class Placement {
  readonly #seats: SeatRecord[];
  readonly #startedAt: number;
  readonly #installs: SeatInstalls;
  #wake: (() => void) | null = null;
  /** A seat is to be looked at again because something may fill it by then. */
  #fillDue = false;
  /** When a silent device is to be roused, in which nobody should place hopes. */
  #rouseAt = Number.POSITIVE_INFINITY;
  #disposed = false;

  constructor(
    readonly runtime: PlacementContext,
    readonly deployment: string,
    readonly program: Program,
    seats: readonly (DeviceId | null)[],
  ) {
    this.#startedAt = runtime.clock.now();
    this.#installs = new SeatInstalls(runtime, deployment, {
      changed: () => runtime.placementChanged(),
      lookAgain: () => this.reconcile(),
    });
    this.#seats = program.seatTasks.map((tasks, index) => {
      const id = seats[index] ?? null;
      return seatRecord(index, tasks, id === null ? null : runtime.fleet.ensure(id));
    });
  }

  /** The device to ask for a seat's shard; null where no device has it loaded. It may be silent or busy. */
  serving(seat: number): Device | null {
    const record = this.#seats[seat]!;
    return record.loaded ? record.holder : null;
  }

  get seatDevices(): readonly (DeviceId | null)[] {
    return this.#seats.map((seat) => seat.holder?.id ?? null);
  }

  get readySeats(): number {
    return this.#seats.filter(answers).length;
  }

  get seatCount(): number {
    return this.#seats.length;
  }

  /** Every seat answers. */
  get complete(): boolean {
    return this.#seats.every(answers);
  }

  /** Every step can be answered without a rescue. */
  get viable(): boolean {
    return this.program.steps.every((step) => {
      if (step.kind === 'local') return true;
      const needed = step.kind === 'coded' ? step.plan.dataShards : 1;
      return step.plan.seats.filter((seat) => answers(this.#seats[seat]!)).length >= needed;
    });
  }

  /** Nothing is under way and nothing is due that would fill another seat. */
  get settled(): boolean {
    const fills = ({ install, holder, loaded }: SeatRecord) =>
      install !== null && !(loaded && install.device === holder);
    return !this.#fillDue && !this.#seats.some(fills);
  }

  snapshot(): SeatSnapshot[] {
    return this.#seats.map((seat) => seatSnapshot(seat, this.program.plan.seats[seat.index]!.role));
  }

  holds(device: Device): boolean {
    return this.#seats.some((seat) => seat.holder === device);
  }

  /** A device came (back): what failed on it may work now, and what it lost its seat for is unloaded. */
  deviceConnected(device: Device): void {
    for (const seat of this.#seats) seat.failures.delete(device.id);
    this.#installs.deviceConnected(device);
  }

  /** A device would not compute a seat's shard. Often, or with "unknown-task": it is to be loaded again. */
  refused(seat: number, device: Device, { code }: Refusal): void {
    const record = this.#seats[seat]!;
    if (record.holder !== device || !record.loaded) return;
    if (!hasLostItsLoad(record, code, this.runtime.options, this.runtime.clock.now())) return;
    record.refusals = 0;
    record.loaded = false;
    backOff(record, device, this.runtime.options, this.runtime.clock.now());
    this.runtime.placementChanged();
    this.reconcile();
  }

  /** A valid answer came for the seat. */
  answered(seat: number): void {
    const record = this.#seats[seat]!;
    record.refusals = 0;
    if (record.failures.size > 0) record.failures.clear();
  }

  /** Looks at every seat, starts and aborts installs, and arranges to look again when something falls due. */
  reconcile(): void {
    if (this.#disposed) return;
    this.#wake?.();
    this.#wake = null;
    const now = this.runtime.clock.now();
    let fillAt = Number.POSITIVE_INFINITY;
    this.#rouseAt = Number.POSITIVE_INFINITY;
    for (const seat of this.#seats) {
      fillAt = Math.min(fillAt, this.#attend(seat, now));
      if (this.#disposed) return;
    }
    this.#fillDue = fillAt < Number.POSITIVE_INFINITY;
    const dueAt = Math.min(fillAt, this.#rouseAt);
    if (dueAt < Number.POSITIVE_INFINITY) this.#wakeAt(dueAt, now);
    // What is missing stays missing: a plan that waited for it need not wait any longer.
    if (this.settled && !this.complete) this.runtime.placementChanged();
  }

  #wakeAt(dueAt: number, now: number): void {
    this.#wake = this.runtime.clock.schedule(Math.max(dueAt - now, SHORTEST_WAIT_MS), () => {
      this.#wake = null;
      this.reconcile();
    });
  }

  /** Ends all installs and unloads the seats. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#wake?.();
    this.#wake = null;
    for (const seat of this.#seats) {
      if (seat.install) this.#installs.abort(seat, 'the deployment was taken down');
      if (!seat.holder) continue;
      seat.holder.seatCount--;
      if (seat.holder.connected) this.runtime.installer.uninstall(seat.holder.id, seat.tasks);
      seat.holder = null;
      seat.loaded = false;
    }
  }

  /** @returns when the seat is to be looked at again, or infinity where only an event can change something */
  #attend(seat: SeatRecord, now: number): number {
    const { holder } = seat;
    if (seat.install && !seat.install.device.live) this.#installs.abort(seat, 'the device left');
    if (holder && !holder.live && seat.loaded) {
      seat.loaded = false;
      this.runtime.placementChanged();
      // The plan that was to replace this one may have done so just now, being the better one.
      if (this.#disposed) return Number.POSITIVE_INFINITY;
    }
    if (holder?.live)
      return seat.loaded ? this.#attendLoaded(seat, holder, now) : this.#load(seat, holder, now);
    const dueAt = this.#takeoverDueAt(holder);
    return dueAt > now ? dueAt : this.#replace(seat, now);
  }

  #attendLoaded(seat: SeatRecord, holder: Device, now: number): number {
    if (holder.silentSince === null) {
      if (seat.install) this.#installs.abort(seat, 'the seat’s own device answers again');
      return Number.POSITIVE_INFINITY;
    }
    const dueAt = holder.silentSince + this.runtime.options.takeoverSilentAfterMs;
    if (dueAt > now) return dueAt;
    const retryAt = this.#replace(seat, now);
    if (seat.install === null) this.#rouse(seat, holder, now);
    return retryAt;
  }

  /**
   * No spare is there, and requests have not asked the silent device anything for long, by which it could show that it
   * is back: those of a plan that waits to take over never do. It is told to load what it has loaded.
   */
  #rouse(seat: SeatRecord, holder: Device, now: number): void {
    const { options } = this.runtime;
    const notBefore = seat.failures.get(holder.id)?.notBefore ?? 0;
    const dueAt = Math.max(holder.probeDueAt + options.takeoverSilentAfterMs, notBefore);
    if (dueAt > now) {
      this.#rouseAt = Math.min(this.#rouseAt, dueAt);
      return;
    }
    backOff(seat, holder, options, now);
    this.#installs.begin(seat, holder);
  }

  /** The seat's own device is there: it gets its shard (again), unless that keeps failing and a spare is doing it. */
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

  #takeoverDueAt(holder: Device | null): number {
    const { takeoverAfterMs, returnGraceMs } = this.runtime.options;
    if (holder === null || holder.quarantineReason !== null) return 0;
    // A plan brought back by a restarted data plane names devices that are only just reconnecting.
    return Math.max(holder.downSince + takeoverAfterMs, this.#startedAt + returnGraceMs);
  }

  #replace(seat: SeatRecord, now: number): number {
    if (seat.install && seat.install.device.silentSince === null) return Number.POSITIVE_INFINITY;
    const { fleet, options } = this.runtime;
    let retryAt = Number.POSITIVE_INFINITY;
    const holderSilent = seat.holder?.live === true && seat.holder.silentSince !== null;
    const spare = pickStandby(fleet.devices, seat.tasks, options.holds, (device) => {
      if (this.#taken(device)) return false;
      // One silent device is no better than another.
      if (device.silentSince !== null && (holderSilent || seat.install)) return false;
      const notBefore = seat.failures.get(device.id)?.notBefore ?? 0;
      if (notBefore <= now) return true;
      retryAt = Math.min(retryAt, notBefore);
      return false;
    });
    if (!spare) return retryAt;
    if (seat.install) this.#installs.abort(seat, 'another device is there that answers');
    spare.seatCount++;
    this.#installs.begin(seat, spare);
    return Number.POSITIVE_INFINITY;
  }

  #taken(device: Device): boolean {
    return this.#seats.some((seat) => seat.holder === device || seat.install?.device === device);
  }
}
