import type { Coordinator } from '@sparewheel/coordinator';
import type { FaultEvent } from '@sparewheel/data-plane-client';
import { ApiError } from '@sparewheel/protocol';
import type { DeviceGateway } from './gateway/device-gateway.ts';
import type { DeviceRegistry } from './gateway/device-registry.ts';

export interface MembershipParts {
  readonly registry: DeviceRegistry;
  readonly gateway: Pick<DeviceGateway, 'connected'>;
  readonly coordinator: Pick<Coordinator, 'snapshot' | 'release'>;
  /** Removes a device from every part that has a record of it, except the registry. */
  readonly remove: (device: string) => void;
  readonly emit: (event: FaultEvent) => void;
}

/** Ends quarantines, and removes devices that have left. */
export class Membership {
  readonly #parts: MembershipParts;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
  }

  quarantined(device: string): boolean {
    const { devices } = this.#parts.coordinator.snapshot();
    return devices.find(({ id }) => id === device)?.state === 'quarantined';
  }

  /** Ends a quarantine. @throws {ApiError} 404 the device is unknown; 409 it is not in quarantine */
  release(device: string): void {
    const name = this.#nameOf(device);
    if (!this.quarantined(device)) {
      throw new ApiError(
        409,
        'not-quarantined',
        `${name} cannot be released: it is not in quarantine`,
        'Its state in GET /api/devices is "quarantined" while it can be released.',
      );
    }
    this.#parts.coordinator.release(device);
  }

  /** Removes a device. @throws {ApiError} 404 the device is unknown; 409 it is connected */
  forget(device: string): void {
    const name = this.#nameOf(device);
    const { registry, gateway, remove, emit } = this.#parts;
    if (gateway.connected(device)) {
      throw new ApiError(
        409,
        'device-connected',
        `${name} cannot be forgotten: it is connected`,
        'Stop its agent first, or kill the device.',
      );
    }
    remove(device);
    registry.forget(device);
    emit({ kind: 'device-forgotten', device, name });
  }

  #nameOf(device: string): string {
    const known = this.#parts.registry.get(device);
    if (known !== undefined) return known.name;
    throw new ApiError(
      404,
      'unknown-device',
      `no device ${device} has ever joined, or it was forgotten`,
      'GET /api/devices lists all devices.',
    );
  }
}
