import type { Costs, DeviceSpeed } from './costs.ts';

/** What one seat does in one step. */
export interface SeatWork {
  readonly computeMs: number;
  /** Sent to it and taken back. */
  readonly bytes: number;
  /** Of the device that sits there, where it was measured. */
  readonly speed: DeviceSpeed | undefined;
}

export interface StepTime {
  /** When each seat's answer is in, from the start of the step; by position. */
  readonly seatMs: readonly number[];
  /** When enough of them are in. */
  readonly ms: number;
}

/**
 * When the answers of a step are in. A device takes a hop, its bytes over its own link, and its computing; all bytes
 * pass the data plane's link; devices on one machine share its cores for computing and for handling bytes. A hop is
 * mostly waiting, and what busy cores do to it is in its measurement already.
 * @param needed  so many answers suffice
 */
export function stepTime(seats: readonly SeatWork[], needed: number, costs: Costs): StepTime {
  const work = seats.map(
    ({ computeMs, bytes, speed }) => computeMs + (speed?.bytesPerMs ? bytes / speed.bytesPerMs : 0),
  );
  const machines = new Map<string, number>();
  for (const [i, { speed }] of seats.entries()) {
    if (speed) machines.set(speed.machine, (machines.get(speed.machine) ?? 0) + work[i]! / speed.cores);
  }
  const total = seats.reduce((sum, { bytes }) => sum + bytes, 0);
  // The data plane's link is at least as fast as the fastest device's.
  const linkMs = total / Math.max(...seats.map(({ speed }) => speed?.bytesPerMs ?? costs.bytesPerMs));
  const seatMs = seats.map(({ speed }, i) => {
    const hopMs = speed?.hopMs ?? costs.hopMs;
    const shared = speed ? Math.max(work[i]!, machines.get(speed.machine)!) : work[i]!;
    return hopMs + (speed?.bytesPerMs ? Math.max(shared, linkMs) : shared + linkMs);
  });
  const sorted = [...seatMs].sort((a, b) => a - b);
  return { seatMs, ms: sorted[Math.min(needed, sorted.length) - 1] ?? 0 };
}
