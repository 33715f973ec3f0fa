import { totalmem } from 'node:os';
import type { DeviceCapacity } from '@sparewheel/planner';
import type { DeviceView } from '@sparewheel/protocol';

/** The part of a machine's memory for weights. The rest is for the system, the runtime and activations. */
const SHARE_FOR_WEIGHTS = 0.75;

/** Returns the bytes that the data plane may use for weights: its machine's memory, or the limit of its container. */
export function dataPlaneMemory(): number {
  const limit = process.constrainedMemory();
  return Math.floor(Math.min(totalmem(), limit > 0 ? limit : totalmem()) * SHARE_FOR_WEIGHTS);
}

/**
 * Returns the planner's view of devices. Devices on one machine share its memory.
 * @param dataPlaneMachine  the data plane's machine. Its devices have no network to the data plane.
 * @param held  by device: weights of other deployments, which count against the limit of the device
 */
export function capacities(
  devices: readonly DeviceView[],
  dataPlaneMachine: string,
  held: ReadonlyMap<string, number> = new Map(),
): DeviceCapacity[] {
  const onMachine = new Map<string, number>();
  for (const { profile } of devices) {
    if (profile) onMachine.set(profile.machine, (onMachine.get(profile.machine) ?? 0) + 1);
  }
  return devices.map(({ id, name, memory, profile, engine }): DeviceCapacity => {
    const sharers = profile ? onMachine.get(profile.machine)! : 1;
    const free = Math.floor((memory.totalBytes * SHARE_FOR_WEIGHTS) / sharers);
    const heldBytes = held.get(id) ?? 0;
    const limit = profile?.memoryLimitBytes;
    const left = limit === undefined ? undefined : Math.max(0, limit - heldBytes);
    const memoryBytes = left === undefined ? free : free > 0 ? Math.min(left, free) : left;
    return {
      id,
      name,
      ...(memoryBytes > 0 || left !== undefined ? { memoryBytes } : {}),
      ...(left === undefined || heldBytes === 0 ? {} : { heldBytes }),
      ...(profile ? { speed: speedOf(profile, engine, dataPlaneMachine) } : {}),
    };
  });
}

function speedOf(
  profile: NonNullable<DeviceView['profile']>,
  engine: DeviceView['engine'],
  dataPlaneMachine: string,
) {
  const { multiplyAddsPerSecond, memoryBytesPerSecond, cores, machine, threads, hopMs, bytesPerSecond } =
    profile;
  return {
    multiplyAddsPerSecond,
    memoryBytesPerSecond,
    cores,
    machine,
    engine,
    ...(threads === undefined ? {} : { threads }),
    ...(machine === dataPlaneMachine ? { besideDataPlane: true } : {}),
    ...(hopMs === null ? {} : { hopMs }),
    ...(bytesPerSecond === null ? {} : { bytesPerMs: bytesPerSecond / 1000 }),
  };
}
