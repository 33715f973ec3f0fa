import type { Speed } from '@sparewheel/onnx';
import type { Costs, DeviceSpeed } from './costs.ts';
import { layerMs } from './costs.ts';
import type { ModelProfile } from './profile.ts';

/** What planning needs to know of a device; what is not known is not checked. */
export interface DeviceCapacity {
  readonly id: string;
  /** Bytes that it has for weights. */
  readonly memoryBytes?: number;
  /** As it was measured when it joined. */
  readonly speed?: DeviceSpeed;
}

/** Speeds closer than this are taken for equal: blocks of different heights would gain less than they cost. */
export const MEANINGFUL_DIFFERENCE = 1.15;
/**
 * Gives devices of one machine that machine's speed, and the middle of what was measured of the way to them: they have
 * only been measured at different moments, among them busy ones (six that start at once on two cores differ by four).
 * A device on the machine that timed the layers is as fast as that machine was then: both figures come from one moment,
 * and whatever else was going on cancels out of their ratio. WebAssembly is another machine in this respect.
 * @param served  of the data plane's machine, natively, with the settings of serving, when it timed the layers
 */
export function levelMachines(devices: readonly DeviceCapacity[], served?: Speed): DeviceCapacity[] {
  const kinds = new Map<string, DeviceSpeed[]>();
  const kindOf = ({ machine, engine }: DeviceSpeed) => `${machine} ${engine}`;
  for (const { speed } of devices) {
    if (speed) kinds.set(kindOf(speed), [...(kinds.get(kindOf(speed)) ?? []), speed]);
  }
  return devices.map((device) => {
    const { speed } = device;
    if (!speed) return device;
    const beside = kinds.get(kindOf(speed))!;
    const level = (figure: (of: Speed) => number) =>
      speed.besideDataPlane && speed.engine === 'native' && served
        ? figure(served)
        : Math.max(...beside.map((each) => figure(each)));
    const hopMs = middle(beside.flatMap((each) => each.hopMs ?? []));
    const bytesPerMs = middle(beside.flatMap((each) => each.bytesPerMs ?? []));
    return {
      ...device,
      speed: {
        ...speed,
        multiplyAddsPerSecond: level((of) => of.multiplyAddsPerSecond),
        memoryBytesPerSecond: level((of) => of.memoryBytesPerSecond),
        ...(hopMs === undefined ? {} : { hopMs }),
        ...(bytesPerMs === undefined ? {} : { bytesPerMs }),
      },
    };
  });
}

/** The median; of an even number the lower one. */
function middle(values: readonly number[]): number | undefined {
  return [...values].sort((a, b) => a - b)[(values.length - 1) >> 1];
}

/** Milliseconds of the whole model on one device, by which devices are compared. */
export function modelMs(profile: ModelProfile, speed: DeviceSpeed, costs: Costs): number {
  return profile.layers.reduce((sum, layer) => sum + layerMs(profile, layer, speed, costs), 0);
}

/**
 * Chooses the devices of a coded group: the fastest `count`. Where their speeds differ by a meaningful amount the
 * fastest of them take the parity seats, whose shards are as tall as the tallest block, and the others follow in the
 * order of their speed; where not, or where not all were measured, they keep the order in which they were given.
 * @param devices  levelled; at least `count`
 * @returns by seat: k data seats, then r parity seats
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
