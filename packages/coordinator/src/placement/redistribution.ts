import type { Device } from '../devices/device.ts';
import type { DeviceId } from '../ports.ts';
import type { Program } from '../requests/program.ts';
import { backOff, holderAnswers, isAnswering, type SeatRecord, type Substitute } from './seat.ts';
import { type PlacementContext, type SeatInstalls, weightsOf } from './seat-installs.ts';

/** What the deployment is doing about its missing shards. */
export interface OutagePhase {
  readonly phase: 'detecting' | 'redistributing' | 'waiting';
  /** The device that loads the missing shards. */
  readonly to: DeviceId | null;
}

/** A seat that does not answer, and since when. */
export interface MissingSeat {
  readonly seat: number;
  readonly device: DeviceId | null;
  /** Milliseconds of the coordinator's clock. */
  readonly since: number;
}

export interface RedistributionHooks {
  /** Returns whether a standby will take the seat over, now or after a delay. */
  readonly standbyComes: (seat: SeatRecord, now: number) => boolean;
  readonly reconcile: () => void;
}

/**
 * Follows the seats that do not answer and, under `rescue: "devices"`, redistributes their shards: if more of them are
 * missing than the code recovers and no standby comes, a surviving device of the plan loads a lost seat as a second
 * task. It is then the seat's substitute, until the seat's own device answers again or a standby has taken the seat
 * over. [paper, case I]
 */
export class Redistribution {
  phase: OutagePhase = { phase: 'waiting', to: null };
  readonly #context: PlacementContext;
  readonly #deployment: string;
  readonly #program: Program;
  readonly #seats: readonly SeatRecord[];
  readonly #installs: SeatInstalls;
  readonly #hooks: RedistributionHooks;
  readonly #startedAt: number;

  constructor(
    context: PlacementContext,
    deployment: string,
    program: Program,
    seats: readonly SeatRecord[],
    installs: SeatInstalls,
    hooks: RedistributionHooks,
  ) {
    this.#context = context;
    this.#deployment = deployment;
    this.#program = program;
    this.#seats = seats;
    this.#installs = installs;
    this.#hooks = hooks;
    this.#startedAt = context.clock.now();
  }

  /** The seat whose failure made the deployment unable to answer: the last one that failed. */
  get missing(): MissingSeat | null {
    let last: MissingSeat | null = null;
    for (const { index, failed, missingSince } of this.#seats) {
      if (missingSince === null || (last !== null && missingSince <= last.since)) continue;
      last = { seat: index, device: failed, since: missingSince };
    }
    return last;
  }

  /** Returns whether every step can be answered by the seats that `answers` names. */
  viableIf(answers: (seat: SeatRecord) => boolean): boolean {
    return this.#program.steps.every((step) => {
      if (step.kind === 'local') return true;
      const needed = step.kind === 'coded' ? step.plan.dataShards : 1;
      let answering = 0;
      for (const seat of step.plan.seats) if (answers(this.#seats[seat]!)) answering++;
      return answering >= needed;
    });
  }

  /**
   * When the failure of a seat is detected, so that the coordinator may act on it: by a rescue, a redistribution or a
   * takeover. Minus infinity if there is nothing left to detect: the seat answers, it has never answered, or its device
   * was quarantined or removed.
   */
  detectedAt(seat: SeatRecord): number {
    // A request may ask before the seats were checked after a failure.
    this.#follow(seat, this.#context.clock.now());
    const { missingSince, failed, everAnswered } = seat;
    if (missingSince === null || failed === null || !everAnswered) return Number.NEGATIVE_INFINITY;
    const device = this.#context.fleet.get(failed);
    if (device === undefined || device.quarantineReason !== null) return Number.NEGATIVE_INFINITY;
    return missingSince + (this.#context.policy().detectMs ?? 0);
  }

  /** When a device may load the seat as a second task. */
  #dueAt(seat: SeatRecord): number {
    // After a restart of the data plane, the devices named in a plan need time to connect.
    const graceEndsAt = this.#startedAt + this.#context.options.returnGraceMs;
    return seat.everAnswered ? this.detectedAt(seat) : graceEndsAt;
  }

  /** Records since when seats do not answer. Must run before the seats are checked. */
  follow(now: number): void {
    for (const seat of this.#seats) this.#follow(seat, now);
  }

  /**
   * Ends the substitutes that are no longer needed, and starts those that are. Must run after the seats were checked.
   * @returns when to check again, or infinity
   */
  reconcile(now: number): number {
    for (const seat of this.#seats) this.#review(seat);
    this.follow(now);
    if (this.viableIf(isAnswering)) {
      this.phase = { phase: 'waiting', to: null };
      return Number.POSITIVE_INFINITY;
    }
    const { rescue } = this.#context.policy();
    if (rescue === 'data-plane') return Number.POSITIVE_INFINITY;
    const filled = new Set(this.#seats.filter((seat) => isAnswering(seat) || isBeingFilled(seat)));
    const can = (seat: SeatRecord) => filled.has(seat);
    let retryAt = Number.POSITIVE_INFINITY;
    let detecting = false;
    for (const seat of this.#seats) {
      if (isAnswering(seat)) continue;
      const dueAt = this.#dueAt(seat);
      if (dueAt > now) {
        detecting = true;
        retryAt = Math.min(retryAt, dueAt);
        continue;
      }
      this.#reportDetected(seat, now);
      if (can(seat) || this.viableIf(can)) continue;
      if (rescue === 'devices' && !this.#hooks.standbyComes(seat, now)) {
        retryAt = Math.min(retryAt, this.#substitute(seat, now));
      }
      if (seat.substitute !== null) filled.add(seat);
    }
    const loading = this.#seats.find((seat) => !isAnswering(seat) && isBeingFilled(seat));
    this.phase = loading
      ? { phase: 'redistributing', to: (loading.install ?? loading.substitute)!.device.id }
      : { phase: detecting ? 'detecting' : 'waiting', to: null };
    return retryAt;
  }

  /** Handles a refusal by a substitute: it has lost its tasks, so another device may load them. */
  refused(seat: SeatRecord, now: number): void {
    backOff(seat, seat.substitute!.device, this.#context.options, now);
    this.#end(seat);
  }

  dispose(): void {
    for (const seat of this.#seats) if (seat.substitute !== null) this.#end(seat);
  }

  /** Ends a substitute that failed, or whose seat is served again by its own device. */
  #review(seat: SeatRecord): void {
    const { substitute } = seat;
    if (substitute === null) return;
    if (!substitute.device.answersNow) {
      this.#end(seat);
      return;
    }
    if (!holderAnswers(seat)) return;
    const { loadedAt, device } = substitute;
    this.#end(seat);
    if (loadedAt === null) return;
    this.#context.emit({
      kind: 'slowdown-ended',
      deployment: this.#deployment,
      seat: seat.index,
      device: seat.holder!.id,
      substitute: device.id,
      afterMs: this.#context.clock.now() - loadedAt,
    });
  }

  /** Records since when a seat does not answer. */
  #follow(seat: SeatRecord, now: number): void {
    if (isAnswering(seat)) {
      seat.missingSince = null;
      seat.detected = false;
      seat.everAnswered = true;
      return;
    }
    if (seat.missingSince !== null) return;
    const failed = seat.substitute?.device ?? seat.holder;
    seat.failed = failed?.id ?? null;
    if (failed === null || !seat.everAnswered) seat.missingSince = now;
    else if (!failed.connected) seat.missingSince = failed.downSince;
    else seat.missingSince = failed.silentSince === null ? now : failed.unansweredSince;
  }

  #reportDetected(seat: SeatRecord, now: number): void {
    if (seat.detected || !seat.everAnswered) return;
    seat.detected = true;
    this.#context.reportOutage();
    this.#context.emit({
      kind: 'failure-detected',
      deployment: this.#deployment,
      seat: seat.index,
      device: seat.failed,
      afterMs: now - seat.missingSince!,
    });
  }

  /** Starts to load a seat on a surviving device. @returns when to try again, or infinity */
  #substitute(seat: SeatRecord, now: number): number {
    let retryAt = Number.POSITIVE_INFINITY;
    let best: Device | null = null;
    for (const device of new Set(this.#seats.flatMap(({ holder }) => holder ?? []))) {
      if (device === seat.holder || !device.answersNow) continue;
      const own = this.#seats.filter(({ holder, substitute }) => {
        return holder === device || substitute?.device === device;
      });
      const weightsBytes = weightsOf([...own, seat].flatMap(({ tasks }) => tasks));
      if (!own.some(isAnswering) || !this.#context.options.fits(device.id, weightsBytes)) continue;
      const notBefore = seat.failures.get(device.id)?.notBefore ?? 0;
      if (notBefore > now) retryAt = Math.min(retryAt, notBefore);
      else if (best === null || this.#isBetter(device, best)) best = device;
    }
    if (best === null) return retryAt;
    this.#begin(seat, best);
    return Number.POSITIVE_INFINITY;
  }

  /** Prefers the device with the fewest seats of the plan, then the fastest one. */
  #isBetter(a: Device, b: Device): boolean {
    const [aSeats, bSeats] = [this.#seatsOf(a), this.#seatsOf(b)];
    if (aSeats !== bSeats) return aSeats < bSeats;
    const aMs = a.computeMs ?? Number.POSITIVE_INFINITY;
    const bMs = b.computeMs ?? Number.POSITIVE_INFINITY;
    return aMs === bMs ? a.id < b.id : aMs < bMs;
  }

  #seatsOf(device: Device): number {
    let count = 0;
    for (const { holder, substitute } of this.#seats) {
      if (holder === device) count++;
      if (substitute?.device === device) count++;
    }
    return count;
  }

  #begin(seat: SeatRecord, device: Device): void {
    const { emit, installer, clock } = this.#context;
    const startedAt = clock.now();
    const substitute: Substitute = {
      device,
      controller: new AbortController(),
      progress: { sentBytes: 0, totalBytes: 0 },
      loadedAt: null,
    };
    seat.substitute = substitute;
    device.seatCount++;
    const common = { deployment: this.#deployment, seat: seat.index, device: device.id };
    emit({ kind: 'redistribution-began', ...common, from: seat.holder?.id ?? null });
    const { signal } = substitute.controller;
    const options = {
      signal,
      onProgress: (progress: Substitute['progress']) => {
        substitute.progress = progress;
        if (seat.substitute === substitute) emit({ kind: 'install-progress', ...common, progress });
      },
    };
    installer.install(device.id, this.#program.substituteTasks[seat.index]!, options).then(
      () => {
        if (seat.substitute !== substitute) return;
        substitute.loadedAt = clock.now();
        emit({
          kind: 'redistribution-finished',
          ...common,
          afterMs: substitute.loadedAt - startedAt,
          transferredBytes: substitute.progress.sentBytes,
        });
        this.#context.placementChanged();
        this.#hooks.reconcile();
      },
      (cause: unknown) => {
        if (seat.substitute !== substitute) return;
        backOff(seat, device, this.#context.options, clock.now());
        this.#end(seat);
        const reason = cause instanceof Error ? cause.message : String(cause);
        emit({ kind: 'redistribution-failed', ...common, reason });
        this.#hooks.reconcile();
      },
    );
  }

  #end(seat: SeatRecord): void {
    const { device, controller, loadedAt } = seat.substitute!;
    seat.substitute = null;
    device.seatCount--;
    if (loadedAt === null) controller.abort(new Error('the seat is served by another device'));
    this.#installs.unload(device, this.#program.substituteTasks[seat.index]!);
  }
}

/** Returns whether a device that answers is loading the seat. */
function isBeingFilled({ install, substitute }: SeatRecord): boolean {
  return substitute !== null || install?.device.answersNow === true;
}
