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
 * pass the data plane's link; devices on one machine share its cores.
 * @param needed  so many answers suffice
 */
export function stepTime(seats: readonly SeatWork[], needed: number, costs: Costs): StepTime {
  const alone = seats.map(({ computeMs, bytes, speed }) => {
    const hopMs = speed?.hopMs ?? costs.hopMs;
    return speed?.bytesPerMs ? hopMs + bytes / speed.bytesPerMs + computeMs : hopMs + computeMs;
  });
  const machines = new Map<string, number>();
  for (const [i, { speed }] of seats.entries()) {
    if (speed) machines.set(speed.machine, (machines.get(speed.machine) ?? 0) + alone[i]! / speed.cores);
  }
  const total = seats.reduce((sum, { bytes }) => sum + bytes, 0);
  // The data plane's link is at least as fast as the fastest device's.
  const linkBytesPerMs = Math.max(
    ...seats.map(({ speed }) => speed?.bytesPerMs ?? costs.bytesPerMs),
    Number.MIN_VALUE,
  );
  const unmeasured = seats.some(({ speed }) => !speed?.bytesPerMs);
  const linkMs = total / linkBytesPerMs;
  const seatMs = seats.map(({ speed }, i) => {
    const ownMs = unmeasured ? alone[i]! + linkMs : Math.max(alone[i]!, linkMs);
    return speed ? Math.max(ownMs, machines.get(speed.machine)!) : ownMs;
  });
  const sorted = [...seatMs].sort((a, b) => a - b);
  return { seatMs, ms: sorted[Math.min(needed, sorted.length) - 1] ?? 0 };
}
