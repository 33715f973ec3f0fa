import type { Device } from '../devices/device.ts';
import type { CoordinatorOptions } from '../options.ts';
import type { DeviceId, InstallProgress, SeatTask } from '../ports.ts';

export interface SeatSnapshot {
  readonly seat: number;
  readonly role: 'data' | 'parity' | 'replica';
  readonly device: DeviceId | null;
  readonly state: 'empty' | 'installing' | 'ready' | 'down';
  /** The device of the install in progress: the seat's own device, or a standby that takes the seat over. */
  readonly installing: DeviceId | null;
  readonly progress: InstallProgress | null;
  /** The surviving device that computes the seat as a second task, or loads it. */
  readonly substitute: DeviceId | null;
  readonly substituteState: 'loading' | 'computing' | null;
}

/** A surviving device that computes a lost seat as a second task. */
export interface Substitute {
  readonly device: Device;
  readonly controller: AbortController;
  progress: InstallProgress;
  /** When all tasks were loaded; null before. */
  loadedAt: number | null;
}

export interface Install {
  readonly device: Device;
  readonly controller: AbortController;
  progress: InstallProgress;
}

/** The mutable state of one seat. */
export interface SeatRecord {
  readonly index: number;
  readonly tasks: readonly SeatTask[];
  /** The seat's own device. During a takeover it changes only when the install has finished. */
  holder: Device | null;
  /** Whether the holder has loaded all tasks. */
  loaded: boolean;
  install: Install | null;
  /** Consecutive refusals, and the time of the first one. */
  refusals: number;
  refusingSince: number;
  /** Failed installs by device, and the earliest time of the next attempt. */
  readonly failures: Map<DeviceId, { count: number; notBefore: number }>;
  substitute: Substitute | null;
  /** Since when the seat does not answer; null while it does. */
  missingSince: number | null;
  /** The device whose failure made the seat stop answering: its holder, or its substitute. */
  failed: DeviceId | null;
  /** Whether the present failure was reported as detected. */
  detected: boolean;
  everAnswered: boolean;
}

/** Creates a seat that is not loaded yet, and adds it to its holder's `seatCount`. */
export function seatRecord(index: number, tasks: readonly SeatTask[], holder: Device | null): SeatRecord {
  if (holder) holder.seatCount++;
  const failures = new Map();
  return {
    index,
    tasks,
    holder,
    loaded: false,
    install: null,
    refusals: 0,
    refusingSince: 0,
    failures,
    substitute: null,
    missingSince: null,
    failed: null,
    detected: false,
    everAnswered: false,
  };
}

/** Records a refusal by the seat's holder. @returns whether the holder must load its tasks again */
export function mustReload(
  seat: SeatRecord,
  code: string,
  { refusalsToReload, silentAfterMs }: CoordinatorOptions,
  now: number,
): boolean {
  if (seat.refusals++ === 0) seat.refusingSince = now;
  if (code === 'unknown-task') return true;
  if (seat.refusals < refusalsToReload) return false;
  // A full device has usually lost nothing. Reload it only if it stays full for as long as the silence timeout.
  return code !== 'overloaded' || now - seat.refusingSince >= silentAfterMs;
}

/** Delays the seat's next install on a device, with exponential backoff. */
export function backOff(
  seat: SeatRecord,
  device: Device,
  { installRetryMs, installRetryMaxMs }: CoordinatorOptions,
  now: number,
): void {
  const count = (seat.failures.get(device.id)?.count ?? 0) + 1;
  const waitMs = Math.min(installRetryMs * 2 ** (count - 1), installRetryMaxMs);
  seat.failures.set(device.id, { count, notBefore: now + waitMs });
}

export function seatSnapshot(seat: SeatRecord, role: SeatSnapshot['role']): SeatSnapshot {
  return {
    seat: seat.index,
    role,
    device: seat.holder?.id ?? seat.install?.device.id ?? null,
    state: stateOf(seat),
    installing: seat.install?.device.id ?? null,
    progress: seat.install?.progress ?? seat.substitute?.progress ?? null,
    substitute: seat.substitute?.device.id ?? null,
    substituteState:
      seat.substitute === null ? null : seat.substitute.loadedAt === null ? 'loading' : 'computing',
  };
}

/** Returns whether the seat's holder, or else its substitute, is loaded, live and not silent. */
export function isAnswering(seat: SeatRecord): boolean {
  return holderAnswers(seat) || substituteAnswers(seat);
}

/** Returns whether the seat's substitute is loaded, live and not silent. */
export function substituteAnswers({ substitute }: SeatRecord): boolean {
  return substitute !== null && substitute.loadedAt !== null && substitute.device.answersNow;
}

/** Returns whether the seat's holder is loaded, live and not silent. */
export function holderAnswers(seat: SeatRecord): boolean {
  const { holder } = seat;
  return holder !== null && seat.loaded && holder.answersNow;
}

function stateOf(seat: SeatRecord): SeatSnapshot['state'] {
  if (seat.holder === null) return seat.install ? 'installing' : 'empty';
  if (!seat.holder.live) return 'down';
  if (seat.loaded) return 'ready';
  return seat.install?.device === seat.holder ? 'installing' : 'down';
}
