import type { Speed } from '@sparewheel/onnx';
import { type Costs, type DeviceCapacity, type DeviceSpeed, layerMs } from '../costs/costs.ts';
import { PlanRefusedError } from '../errors.ts';
import type { SeatSummary } from '../plan.ts';
import type { ModelProfile } from '../profile.ts';

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

/**
 * Gives devices without a measured speed, such as a browser tab that has just joined, the medians of the
 * measured devices. If no device is measured, all count as equally fast, with the default figures of `Costs`.
 */
export function assumeSpeeds(devices: readonly DeviceCapacity[]): DeviceCapacity[] {
  const measured = devices.flatMap(({ speed }) => speed ?? []);
  if (measured.length === 0) return [...devices];
  const median = (of: (speed: DeviceSpeed) => number | undefined) =>
    lowerMedian(measured.flatMap((speed) => of(speed) ?? []));
  const hopMs = median((speed) => speed.hopMs);
  const bytesPerMs = median((speed) => speed.bytesPerMs);
  return devices.map((device) =>
    device.speed
      ? device
      : {
          ...device,
          speed: {
            multiplyAddsPerSecond: median((speed) => speed.multiplyAddsPerSecond)!,
            memoryBytesPerSecond: median((speed) => speed.memoryBytesPerSecond)!,
            cores: 1,
            machine: `unmeasured ${device.id}`,
            engine: 'native',
            assumed: true,
            ...(hopMs === undefined ? {} : { hopMs }),
            ...(bytesPerMs === undefined ? {} : { bytesPerMs }),
          },
        },
  );
}

function lowerMedian(values: readonly number[]): number | undefined {
  return [...values].sort((a, b) => a - b)[(values.length - 1) >> 1];
}

/** @throws {PlanRefusedError} MORE_THREADS_THAN_CORES */
export function requireThreads(devices: readonly DeviceCapacity[]): void {
  for (const { id, name = id, speed } of devices) {
    if (!speed?.threads || speed.threads <= speed.cores) continue;
    throw new PlanRefusedError(
      'MORE_THREADS_THAN_CORES',
      `device "${name}" computes with ${speed.threads} threads, but its machine has ${speed.cores} ${speed.cores === 1 ? 'core' : 'cores'}`,
      `restart it with at most ${speed.cores} threads, or plan without it`,
    );
  }
}

/** Returns the milliseconds of the whole model on one device, to compare devices. */
function modelMs(profile: ModelProfile, speed: DeviceSpeed, costs: Costs): number {
  return profile.layers.reduce((sum, layer) => sum + layerMs(profile, layer, speed, costs), 0);
}

/** The devices of a coded group, by seat: k data seats, then r parity seats. */
export interface SeatedGroup {
  readonly devices: readonly DeviceCapacity[];
  /** Whether their speeds differ, so that faster devices get more rows. */
  readonly uneven: boolean;
  /** Whether a block must not be larger than the memory of its device. */
  readonly limited: boolean;
}

/**
 * Chooses the devices of a coded group. If the speeds of all devices are known and differ, chooses the
 * fastest k + r; the r fastest get the parity seats, because a parity shard is as tall as the tallest block,
 * and the others follow by speed. Otherwise keeps the given order.
 * @param devices  at least k + r, with unified speeds
 */
export function seatGroup(
  profile: ModelProfile,
  devices: readonly DeviceCapacity[],
  { k, r }: { readonly k: number; readonly r: number },
  costs: Costs,
): SeatedGroup {
  const timed = devices.map((device) => ({
    device,
    ms: device.speed ? modelMs(profile, device.speed, costs) : Number.NaN,
  }));
  const inOrder = { devices: devices.slice(0, k + r), uneven: false, limited: false };
  if (timed.some(({ ms }) => Number.isNaN(ms))) return inOrder;
  const fastest = [...timed].sort((a, b) => a.ms - b.ms).slice(0, k + r);
  const differs = (list: readonly { ms: number }[]) =>
    Math.max(...list.map(({ ms }) => ms)) > MEANINGFUL_DIFFERENCE * Math.min(...list.map(({ ms }) => ms));
  if (!differs(timed)) return inOrder;
  const order = [...fastest.slice(r), ...fastest.slice(0, r)];
  return { devices: order.map(({ device }) => device), uneven: differs(fastest), limited: false };
}

/**
 * Chooses the devices with the most memory for a group whose blocks must fit their devices. The largest get the
 * parity seats.
 */
export function seatGroupByMemory(
  devices: readonly DeviceCapacity[],
  { k, r }: { readonly k: number; readonly r: number },
): SeatedGroup {
  const largest = [...devices].sort((a, b) => memoryOf(b) - memoryOf(a)).slice(0, k + r);
  return { devices: [...largest.slice(r), ...largest.slice(0, r)], uneven: true, limited: true };
}

export function memoryOf(device: DeviceCapacity): number {
  return device.memoryBytes ?? Number.POSITIVE_INFINITY;
}

/** Assigns the seat with the most weights to the device with the most memory, and so on. */
export function assignByMemory(
  seats: readonly SeatSummary[],
  devices: readonly DeviceCapacity[],
): DeviceCapacity[] {
  const largestFirst = [...devices].sort((a, b) => memoryOf(b) - memoryOf(a));
  const seated: DeviceCapacity[] = [];
  for (const [index, { seat }] of [...seats].sort((a, b) => b.weightsBytes - a.weightsBytes).entries()) {
    seated[seat] = largestFirst[index]!;
  }
  return seated;
}

/** A seat whose weights do not fit on its device. */
export interface MemoryShortage {
  readonly device: DeviceCapacity;
  readonly memoryBytes: number;
  readonly weightsBytes: number;
}

/** Finds the seat whose weights exceed the memory of its device by most, or null. */
export function findMemoryShortage(
  seats: readonly SeatSummary[],
  seated: readonly DeviceCapacity[],
): MemoryShortage | null {
  let worst: MemoryShortage | null = null;
  for (const { seat, weightsBytes } of seats) {
    const device = seated[seat];
    const memoryBytes = device?.memoryBytes;
    if (!device || memoryBytes === undefined || weightsBytes <= memoryBytes) continue;
    if (worst && worst.weightsBytes - worst.memoryBytes >= weightsBytes - memoryBytes) continue;
    worst = { device, memoryBytes, weightsBytes };
  }
  return worst;
}

/**
 * @param smallestBytes  the smallest shard that a seat of the plan can have
 * @param fittingK  the smallest k that fits on the devices, or null
 */
export function memoryRefusal(
  { device, weightsBytes, memoryBytes }: MemoryShortage,
  smallestBytes: number,
  fittingK: number | null,
): PlanRefusedError {
  const { id, name = id, heldBytes = 0 } = device;
  const beside = heldBytes > 0 ? ` beside ${megabytes(heldBytes)} MB of other deployments` : '';
  const limit = `device "${name}" has ${megabytes(memoryBytes)} MB for weights${beside}`;
  return new PlanRefusedError(
    'TOO_LITTLE_MEMORY',
    memoryBytes < smallestBytes
      ? `${limit}, but the smallest shard of the plan has ${megabytes(smallestBytes)} MB`
      : `${limit}, but its shards have ${megabytes(weightsBytes)} MB, and the other devices cannot take the rest`,
    fittingK === null
      ? `no k fits on the available devices; add devices, or use devices with ${megabytes(weightsBytes)} MB`
      : `choose k = ${fittingK}, which fits on the available devices`,
  );
}

/** Formats bytes as megabytes, with three significant digits below one. */
export function megabytes(bytes: number): string {
  const value = bytes / 1e6;
  return value < 1 ? value.toPrecision(3) : value.toFixed(1);
}
