import type { Device } from '../devices/device.ts';
import type { CoordinatorOptions } from '../options.ts';
import type { DeviceId, InstallProgress, SeatTask } from '../ports.ts';

export interface SeatSnapshot {
  readonly seat: number;
  readonly role: 'data' | 'parity' | 'replica';
  readonly device: DeviceId | null;
  readonly state: 'empty' | 'installing' | 'ready' | 'down';
  /** The device that the seat is being brought onto: its own, or the spare that takes over. */
  readonly installing: DeviceId | null;
  readonly progress: InstallProgress | null;
}

export interface Install {
  readonly device: Device;
  readonly controller: AbortController;
  progress: InstallProgress;
}

export interface SeatRecord {
  readonly index: number;
  readonly tasks: readonly SeatTask[];
  holder: Device | null;
  /** The holder has everything loaded. */
  loaded: boolean;
  install: Install | null;
  /** In a row, and when the first of them came. */
  refusals: number;
  refusingSince: number;
  readonly failures: Map<DeviceId, { count: number; notBefore: number }>;
}

/** A seat whose holder, if it has one, still has to be loaded. */
export function seatRecord(index: number, tasks: readonly SeatTask[], holder: Device | null): SeatRecord {
  if (holder) holder.seatCount++;
  const failures = new Map();
  return { index, tasks, holder, loaded: false, install: null, refusals: 0, refusingSince: 0, failures };
}

/** Books a refusal of the seat's holder. @returns whether the device has to be loaded again */
export function hasLostItsLoad(
  seat: SeatRecord,
  code: string,
  { refusalsToReload, silentAfterMs }: CoordinatorOptions,
  now: number,
): boolean {
  if (seat.refusals++ === 0) seat.refusingSince = now;
  if (code === 'unknown-task') return true;
  if (seat.refusals < refusalsToReload) return false;
  // A device that is full has lost nothing, unless it says so for as long as others are silent.
  return code !== 'overloaded' || now - seat.refusingSince >= silentAfterMs;
}

/** An install on a device failed, or had to be repeated: the next one comes later each time. */
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
    progress: seat.install?.progress ?? null,
  };
}

/** Its holder can be asked for its shard, and is expected to answer. */
export function answers(seat: SeatRecord): boolean {
  const { holder } = seat;
  if (holder === null || !seat.loaded) return false;
  return holder.live && holder.silentSince === null;
}

function stateOf(seat: SeatRecord): SeatSnapshot['state'] {
  if (seat.holder === null) return seat.install ? 'installing' : 'empty';
  if (!seat.holder.live) return 'down';
  if (seat.loaded) return 'ready';
  return seat.install?.device === seat.holder ? 'installing' : 'down';
}
