import type { FromDevice } from '@sparewheel/protocol';
import { UnknownDeviceError } from '../errors.ts';
import type { CoordinatorEvent } from '../events.ts';
import type { CoordinatorOptions } from '../options.ts';
import type { Clock, DeviceId } from '../ports.ts';
import type { Computation } from './device.ts';
import { Device, type DeviceObserver } from './device.ts';
import type { SendOrder } from './in-flight-table.ts';

/** What changes when a device's standing changes. */
export interface FleetObserver {
  /** It can be used, or can no longer be used: seats and parked steps are to be looked at again. */
  standingChanged(device: Device): void;
  /** There may be room on it. */
  roomMade(device: Device): void;
}

/** All devices that ever joined or were named in a plan, and who of them may be asked. */
export class Fleet implements DeviceObserver {
  readonly #devices = new Map<DeviceId, Device>();
  readonly #order: SendOrder = { next: 1 };

  constructor(
    readonly clock: Clock,
    readonly options: CoordinatorOptions,
    readonly emit: (event: CoordinatorEvent) => void,
    readonly observer: FleetObserver,
  ) {}

  get devices(): Iterable<Device> {
    return this.#devices.values();
  }

  get(id: DeviceId): Device | undefined {
    return this.#devices.get(id);
  }

  /** The device's record, made where a deployment names one that has not joined yet. */
  ensure(id: DeviceId): Device {
    let device = this.#devices.get(id);
    if (!device) {
      device = new Device(id, this.clock, this.options, this.#order, this);
      this.#devices.set(id, device);
    }
    return device;
  }

  /** A device that was connected already starts a new life: what the old one was asked is lost. */
  connect(id: DeviceId): Device {
    const device = this.ensure(id);
    const first = !device.joined;
    if (device.connected) this.disconnect(id, 'replaced by a new connection');
    device.connect(this.clock.now());
    this.emit({ kind: first ? 'device-joined' : 'device-returned', device: id });
    this.observer.standingChanged(device);
    return device;
  }

  disconnect(id: DeviceId, reason: string): void {
    const device = this.#devices.get(id);
    if (!device?.connected) return;
    this.emit({ kind: 'device-lost', device: id, reason });
    device.disconnect(this.clock.now(), reason);
    this.observer.standingChanged(device);
  }

  /** Never used again until it is pardoned; what it was asked is erased. */
  quarantine(device: Device, reason: string): void {
    if (device.quarantineReason !== null) return;
    device.quarantineReason = reason;
    this.emit({ kind: 'device-quarantined', device: device.id, reason });
    device.eraseAll('quarantined');
    this.observer.standingChanged(device);
  }

  /** @throws {UnknownDeviceError} */
  release(id: DeviceId): void {
    const device = this.#devices.get(id);
    if (!device) throw new UnknownDeviceError(id);
    if (device.quarantineReason === null) return;
    device.quarantineReason = null;
    device.strikes = 0;
    device.startAnew();
    this.emit({ kind: 'device-released', device: id });
    this.observer.standingChanged(device);
  }

  /** An answer that no honest device gives. */
  strike(device: Device, reason: string): void {
    device.invalid++;
    device.strikes++;
    if (device.strikes >= this.options.strikesToQuarantine) this.quarantine(device, reason);
  }

  /**
   * Books what came from a device and finds what it belongs to.
   * @returns undefined where nothing was asked, or nothing any more
   */
  arrived(device: Device, message: FromDevice): Computation | undefined {
    const computation = device.take(message.request, message.task);
    if (!computation) {
      const answered = device.answers + device.refusals;
      const problem = device.unsolicited.arrived(message.request, message.task, answered);
      if (problem !== null) this.quarantine(device, problem);
      return undefined;
    }
    if (message.kind === 'refusal') {
      device.refusals++;
      device.heard(computation, this.clock.now(), null);
    } else {
      device.answers++;
      device.heard(computation, this.clock.now(), message.computeMicros);
    }
    if (computation.owner === null) device.late++;
    return computation;
  }

  silent(device: Device): void {
    this.emit({ kind: 'device-silent', device: device.id });
    this.observer.standingChanged(device);
  }

  gaveUp(device: Device): void {
    this.observer.roomMade(device);
  }

  answering(device: Device): void {
    this.emit({ kind: 'device-answering', device: device.id });
    this.observer.standingChanged(device);
  }
}
