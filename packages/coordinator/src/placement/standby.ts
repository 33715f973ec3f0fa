import type { Device } from '../devices/device.ts';
import type { DeviceId, SeatTask } from '../ports.ts';

/**
 * Chooses the device that takes over a seat. Prefers the device that lacks the fewest bytes, then the one with the
 * fewest seats, then the lowest id, so that the choice does not depend on the order of connections. A silent device is
 * the last choice. It remains a candidate because nothing else is sent to a device without a seat: only an install can
 * show that it answers again.
 * @param isFree  returns whether a live device may take the seat
 * @returns undefined if no device is free
 */
export function pickStandby(
  devices: Iterable<Device>,
  tasks: readonly SeatTask[],
  holds: (device: DeviceId, sha256: string) => boolean,
  isFree: (device: Device) => boolean,
): Device | undefined {
  let best: Device | undefined;
  let bestBytes = Number.POSITIVE_INFINITY;
  for (const device of devices) {
    if (!device.live || !isFree(device)) continue;
    const bytes = missingBytes(device, tasks, holds);
    if (best === undefined || isBetter(device, bytes, best, bestBytes)) {
      best = device;
      bestBytes = bytes;
    }
  }
  return best;
}

function missingBytes(
  device: Device,
  tasks: readonly SeatTask[],
  holds: (device: DeviceId, sha256: string) => boolean,
): number {
  let bytes = 0;
  for (const { artifact } of tasks) {
    if (!holds(device.id, artifact.graph.sha256)) bytes += artifact.graph.bytes;
    const { weights } = artifact;
    if (weights && !holds(device.id, weights.sha256)) bytes += weights.bytes;
  }
  return bytes;
}

function isBetter(a: Device, aBytes: number, b: Device, bBytes: number): boolean {
  const [aSilent, bSilent] = [a.silentSince !== null, b.silentSince !== null];
  if (aSilent !== bSilent) return bSilent;
  if (aBytes !== bBytes) return aBytes < bBytes;
  return a.seatCount !== b.seatCount ? a.seatCount < b.seatCount : a.id < b.id;
}
