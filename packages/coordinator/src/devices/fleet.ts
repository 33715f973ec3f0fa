import type { FromDevice } from '@sparewheel/protocol';
import { UnknownDeviceError } from '../errors.ts';
import type { CoordinatorEvent } from '../events.ts';
import type { CoordinatorOptions } from '../options.ts';
import type { Clock, DeviceId } from '../ports.ts';
import { type Computation, Device, type DeviceObserver } from './device.ts';
import type { SendOrder } from './in-flight-table.ts';
import { bytesOfTensors } from './tally.ts';

export interface FleetObserver {
  /** The device became usable or unusable: seats and queued steps must be checked again. */
  availabilityChanged(device: Device): void;
  /** Computations timed out, so the device may have capacity again. */
  capacityFreed(device: Device): void;
}

/** Counts a message that came when it was no longer needed. */
export function countLate({ device, tally }: Computation): void {
  device.late++;
  tally.late++;
}

/** All devices that ever joined or were named in a plan, with their quarantine. */
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

  /** Returns the device's record. Creates it if a plan names a device that has not joined yet. */
  ensure(id: DeviceId): Device {
    let device = this.#devices.get(id);
    if (!device) {
      device = new Device(id, this.clock, this.options, this.#order, this);
      this.#devices.set(id, device);
    }
    return device;
  }

  /** Registers a connection. If the device is already connected, that connection and its computations are lost. */
  connect(id: DeviceId): Device {
    const device = this.ensure(id);
    const first = !device.joined;
    if (device.connected) this.disconnect(id, 'replaced by a new connection');
    device.connect(this.clock.now());
    this.emit({ kind: first ? 'device-joined' : 'device-returned', device: id });
    this.observer.availabilityChanged(device);
    return device;
  }

  disconnect(id: DeviceId, reason: string): void {
    const device = this.#devices.get(id);
    if (!device?.connected) return;
    this.emit({ kind: 'device-lost', device: id, reason });
    device.disconnect(this.clock.now(), reason);
    this.observer.availabilityChanged(device);
  }

  /** Excludes a device until its release. Its pending computations count as erasures. */
  quarantine(device: Device, reason: string): void {
    if (device.quarantineReason !== null) return;
    device.quarantineReason = reason;
    device.quarantines++;
    this.emit({ kind: 'device-quarantined', device: device.id, reason });
    device.eraseAll('quarantined');
    this.observer.availabilityChanged(device);
  }

  /** Ends a quarantine. @throws {UnknownDeviceError} */
  release(id: DeviceId): void {
    const device = this.#devices.get(id);
    if (!device) throw new UnknownDeviceError(id);
    if (device.quarantineReason === null) return;
    device.quarantineReason = null;
    device.strikes.clear();
    device.resetUnsolicited();
    this.emit({ kind: 'device-released', device: id });
    this.observer.availabilityChanged(device);
  }

  /** Removes a device, and disconnects it first. @returns the removed record; undefined if the device is unknown */
  forget(id: DeviceId): Device | undefined {
    this.disconnect(id, 'forgotten');
    const device = this.#devices.get(id);
    this.#devices.delete(id);
    return device;
  }

  /**
   * Counts an invalid answer to a deployment. Quarantines the device after `strikesToQuarantine` of them to the same
   * deployment within `strikeExpiresMs`.
   */
  strike(device: Device, deployment: string, reason: string): void {
    device.invalid++;
    const strikes = device.strikes.add(deployment, this.clock.now(), this.options.strikeExpiresMs);
    if (strikes >= this.options.strikesToQuarantine) this.quarantine(device, reason);
  }

  /** Forgets the invalid answers to a deployment that is taken down. */
  forgetStrikes(deployment: string): void {
    for (const device of this.devices) device.strikes.forget(deployment);
  }

  /**
   * Records a device's message and finds its computation.
   * @returns undefined if the message is unsolicited; too many of those quarantine the device
   */
  matchMessage(device: Device, message: FromDevice): Computation | undefined {
    const computation = device.take(message.request, message.task);
    if (!computation) {
      const expected = device.answers + device.refusals;
      const problem = device.unsolicited.record(message.request, message.task, expected);
      if (problem !== null) this.quarantine(device, problem);
      return undefined;
    }
    if (message.kind === 'refusal') {
      device.refusals++;
      device.recordMessage(computation, this.clock.now(), null);
    } else {
      device.answers++;
      computation.tally.answers++;
      computation.tally.receivedBytes += bytesOfTensors(message.tensors);
      device.recordMessage(computation, this.clock.now(), message.computeMicros);
    }
    if (computation.owner === null) countLate(computation);
    return computation;
  }

  silent(device: Device): void {
    this.emit({ kind: 'device-silent', device: device.id });
    this.observer.availabilityChanged(device);
  }

  computationsTimedOut(device: Device): void {
    this.observer.capacityFreed(device);
  }

  answering(device: Device): void {
    this.emit({ kind: 'device-answering', device: device.id });
    this.observer.availabilityChanged(device);
  }
}
