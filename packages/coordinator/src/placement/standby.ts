import type { Device } from '../devices/device.ts';
import type { DeviceId, SeatTask } from '../ports.ts';

/**
 * Chooses the device that takes over a seat: the one that lacks the fewest bytes, of those the one with the fewest
 * seats, of those the first by name, so that the choice does not depend on who connected when. One that is silent
 * comes last: nobody asks a device without a seat anything, so that only an install can show that it is back.
 * @param free  whether a live device may take the seat at all
 * @returns undefined where no device is free
 */
export function pickStandby(
  devices: Iterable<Device>,
  tasks: readonly SeatTask[],
  holds: (device: DeviceId, sha256: string) => boolean,
  free: (device: Device) => boolean,
): Device | undefined {
  let best: Device | undefined;
  let bestBytes = Number.POSITIVE_INFINITY;
  for (const device of devices) {
    if (!device.live || !free(device)) continue;
    const bytes = missingBytes(device, tasks, holds);
    if (best === undefined || comesBefore(device, bytes, best, bestBytes)) {
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

function comesBefore(a: Device, aBytes: number, b: Device, bBytes: number): boolean {
  const [aSilent, bSilent] = [a.silentSince !== null, b.silentSince !== null];
  if (aSilent !== bSilent) return bSilent;
  if (aBytes !== bBytes) return aBytes < bBytes;
  return a.seatCount !== b.seatCount ? a.seatCount < b.seatCount : a.id < b.id;
}
