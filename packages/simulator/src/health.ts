import type { CoordinatorSnapshot } from '@sparewheel/coordinator';
import { DIRECTIONS } from './link.ts';
import { MOST_COMPUTE_MS, MOST_DELAY_MS } from './scenario.ts';
import type { VirtualClock } from './virtual-clock.ts';
import type { VirtualDevice } from './virtual-device.ts';

interface DeviceHealth {
  /** From the start of a fault until the device is in use again. */
  out: boolean;
  /** The last time at which the device was out, or had a fault. */
  lastOutAt: number;
  lastFaultyAt: number;
  everDisturbed: boolean;
}

/** Whether a device has a fault now. An earlier fault may still delay it. */
export function faulty(device: VirtualDevice): boolean {
  return (
    device.life === null ||
    device.paused ||
    device.slowFactor > 1 ||
    device.lie !== null ||
    device.everLied ||
    device.refuseCode !== null ||
    device.failInstalls > 0 ||
    DIRECTIONS.some((way) => {
      const { partitioned, extraMs, dropProbability } = device.link[way];
      return partitioned !== null || extraMs > 0 || dropProbability > 0;
    })
  );
}

/**
 * Records which devices are out: the promises make exceptions for them. A device is out from the start of a fault until
 * it has no fault and the coordinator uses it again. That this happens is a promise of its own.
 */
export class Health {
  readonly #records = new Map<string, DeviceHealth>();

  constructor(readonly clock: VirtualClock) {}

  /** Records that a fault or a connection of the device starts or ends. */
  disturbed(device: VirtualDevice): void {
    const record = this.#record(device.id);
    record.out = true;
    record.lastOutAt = this.clock.now();
    record.lastFaultyAt = this.clock.now();
    record.everDisturbed = true;
  }

  /** Marks devices that are in use again. */
  review(
    devices: Iterable<VirtualDevice>,
    snapshot: CoordinatorSnapshot,
    connected: (device: VirtualDevice) => boolean,
  ): void {
    for (const device of devices) {
      const record = this.#record(device.id);
      if (!record.out) continue;
      record.lastOutAt = this.clock.now();
      if (faulty(device)) {
        record.lastFaultyAt = this.clock.now();
        continue;
      }
      if (!connected(device) || !caughtUp(device, this.clock.now())) continue;
      const seen = snapshot.devices.find(({ id }) => id === device.id);
      if (seen?.state !== 'up' || seen.inFlight > 0) continue;
      if (seen.seats.every(({ state }) => state === 'ready')) record.out = false;
    }
  }

  isOut(id: string): boolean {
    return this.#record(id).out;
  }

  /** Whether the device was out at any time since `since`. */
  wasOut(id: string, since: number): boolean {
    const { out, lastOutAt } = this.#record(id);
    return out || lastOutAt >= since;
  }

  everDisturbed(device: VirtualDevice): boolean {
    return this.#record(device.id).everDisturbed;
  }

  /** Whether the device had a fault at any time since `since`. */
  wasFaulty(device: VirtualDevice, since: number): boolean {
    return faulty(device) || this.#record(device.id).lastFaultyAt > since;
  }

  #record(id: string): DeviceHealth {
    let record = this.#records.get(id);
    if (!record) {
      record = {
        out: true,
        lastOutAt: this.clock.now(),
        lastFaultyAt: this.clock.now(),
        everDisturbed: false,
      };
      this.#records.set(id, record);
    }
    return record;
  }
}

/** Whether no delayed work and no delayed message of the device is left. */
function caughtUp({ life, busyUntil, lastArrivalAt }: VirtualDevice, now: number): boolean {
  return (
    life!.queue.length <= 1 && busyUntil <= now + MOST_COMPUTE_MS && lastArrivalAt <= now + MOST_DELAY_MS
  );
}
