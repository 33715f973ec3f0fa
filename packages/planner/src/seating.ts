import type { Speed } from '@sparewheel/onnx';
import { type Costs, type DeviceCapacity, type DeviceSpeed, layerMs } from './costs.ts';
import { PlanRefusedError } from './errors.ts';
import type { SeatSummary } from './plan.ts';
import type { ModelProfile } from './profile.ts';

/**
 * Speed ratio below which devices count as equal: blocks of different heights would cost more than they gain.
 */
const MEANINGFUL_DIFFERENCE = 1.15;

/**
 * Gives all devices of one machine and engine the same speed (the largest measured), hop time and bandwidth
 * (the medians). Their measurements differ only because the machine was busy: six devices that start together
 * on two cores measure speeds up to four times apart.
 *
 * A native device on the machine that timed the layers gets the speed measured at that time, so that other
 * load on the machine cancels out of the ratio.
 * @param served  native speed of the data plane's machine, with the settings of serving, when it timed the
 *   layers
 */
export function unifyMachineSpeeds(devices: readonly DeviceCapacity[], served?: Speed): DeviceCapacity[] {
  const kinds = new Map<string, DeviceSpeed[]>();
  const kindOf = ({ machine, engine }: DeviceSpeed) => `${machine} ${engine}`;
  for (const { speed } of devices) {
    if (speed) kinds.set(kindOf(speed), [...(kinds.get(kindOf(speed)) ?? []), speed]);
  }
  return devices.map((device) => {
    const { speed } = device;
    if (!speed) return device;
    const beside = kinds.get(kindOf(speed))!;
    const unified = (figure: (of: Speed) => number) =>
      speed.besideDataPlane && speed.engine === 'native' && served
        ? figure(served)
        : Math.max(...beside.map((each) => figure(each)));
    const hopMs = lowerMedian(beside.flatMap((each) => each.hopMs ?? []));
    const bytesPerMs = lowerMedian(beside.flatMap((each) => each.bytesPerMs ?? []));
    return {
      ...device,
      speed: {
        ...speed,
        multiplyAddsPerSecond: unified((of) => of.multiplyAddsPerSecond),
        memoryBytesPerSecond: unified((of) => of.memoryBytesPerSecond),
        ...(hopMs === undefined ? {} : { hopMs }),
        ...(bytesPerMs === undefined ? {} : { bytesPerMs }),
      },
    };
  });
}

function lowerMedian(values: readonly number[]): number | undefined {
  return [...values].sort((a, b) => a - b)[(values.length - 1) >> 1];
}

/** Returns the milliseconds of the whole model on one device, to compare devices. */
function modelMs(profile: ModelProfile, speed: DeviceSpeed, costs: Costs): number {
  return profile.layers.reduce((sum, layer) => sum + layerMs(profile, layer, speed, costs), 0);
}

/**
 * Chooses the devices of a coded group. If the speeds of all devices are known and differ, chooses the
 * fastest k + r; the r fastest get the parity seats, because a parity shard is as tall as the tallest block,
 * and the others follow by speed. Otherwise keeps the given order.
 * @param devices  at least k + r, with unified speeds
 * @returns devices by seat, k data seats then r parity seats; `uneven` is true if their speeds differ
 */
export function seatGroup(
  profile: ModelProfile,
  devices: readonly DeviceCapacity[],
  { k, r }: { readonly k: number; readonly r: number },
  costs: Costs,
): { readonly devices: readonly DeviceCapacity[]; readonly uneven: boolean } {
  const timed = devices.map((device) => ({
    device,
    ms: device.speed ? modelMs(profile, device.speed, costs) : Number.NaN,
  }));
  const inOrder = { devices: devices.slice(0, k + r), uneven: false };
  if (timed.some(({ ms }) => Number.isNaN(ms))) return inOrder;
  const fastest = [...timed].sort((a, b) => a.ms - b.ms).slice(0, k + r);
  const differs = (list: readonly { ms: number }[]) =>
    Math.max(...list.map(({ ms }) => ms)) > MEANINGFUL_DIFFERENCE * Math.min(...list.map(({ ms }) => ms));
  if (!differs(timed)) return inOrder;
  const order = [...fastest.slice(r), ...fastest.slice(0, r)];
  return { devices: order.map(({ device }) => device), uneven: differs(fastest) };
}

/** Assigns the seat with the most weights to the device with the most memory, and so on. */
export function assignByMemory(
  seats: readonly SeatSummary[],
  devices: readonly DeviceCapacity[],
): DeviceCapacity[] {
  const memory = (device: DeviceCapacity) => device.memoryBytes ?? Number.POSITIVE_INFINITY;
  const largestFirst = [...devices].sort((a, b) => memory(b) - memory(a));
  const seated: DeviceCapacity[] = [];
  for (const [index, { seat }] of [...seats].sort((a, b) => b.weightsBytes - a.weightsBytes).entries()) {
    seated[seat] = largestFirst[index]!;
  }
  return seated;
}

/** A seat whose weights do not fit on its device. */
export interface MemoryShortage {
  readonly weightsBytes: number;
  readonly memoryBytes: number;
}

/**
 * Finds the largest seat that does not fit on its device. Without pinned devices, the largest seat gets the
 * device with the most memory, and so on.
 * @param pinned  devices by seat, or null
 */
export function findMemoryShortage(
  seats: readonly SeatSummary[],
  devices: readonly DeviceCapacity[],
  pinned: readonly DeviceCapacity[] | null,
): MemoryShortage | null {
  const demands = [...seats].sort((a, b) => b.weightsBytes - a.weightsBytes);
  const memory = devices
    .map(({ memoryBytes }) => memoryBytes ?? Number.POSITIVE_INFINITY)
    .sort((a, b) => b - a);
  for (const [index, { seat, weightsBytes }] of demands.entries()) {
    const memoryBytes = pinned
      ? (pinned[seat]?.memoryBytes ?? Number.POSITIVE_INFINITY)
      : (memory[index] ?? Number.POSITIVE_INFINITY);
    if (weightsBytes > memoryBytes) return { weightsBytes, memoryBytes };
  }
  return null;
}

/** @param fittingK  the smallest k that fits on the devices, or null */
export function memoryRefusal(
  { weightsBytes, memoryBytes }: MemoryShortage,
  fittingK: number | null,
): PlanRefusedError {
  const excess = megabytes(weightsBytes - memoryBytes);
  return new PlanRefusedError(
    'TOO_LITTLE_MEMORY',
    `a seat needs ${megabytes(weightsBytes)} MB for weights, ${excess} MB more than its device has (${megabytes(memoryBytes)} MB)`,
    fittingK === null
      ? `no k fits on the available devices; add devices, or use devices with ${megabytes(weightsBytes)} MB`
      : `choose k = ${fittingK}, which fits on the available devices`,
  );
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
