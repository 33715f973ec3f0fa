import { type DeviceAuth, LIMITS } from '@sparewheel/protocol';
import { type Access, equalDigests } from '@sparewheel/runtime/access';
import type { DeviceRegistry } from './device-registry.ts';
import { GATEWAY_LIMITS, RateLimit } from './gateway-limits.ts';
import { HandshakeRefusedError, requireJoinToken } from './handshake.ts';

/** What admission needs to know about existing sessions. */
export interface SessionsView {
  /** Returns the auth of the session of the same device and incarnation, if it exists. */
  existing(auth: DeviceAuth): DeviceAuth | undefined;
  /** Number of sessions of all devices. */
  readonly count: number;
  /** Returns the number of devices that are up, without the given one. */
  othersUp(device: string): number;
}

/** Decides which devices may connect: right token, own identity, no recent protocol violation, room left. */
export class DeviceAdmission {
  readonly #access: Access;
  readonly #registry: DeviceRegistry;
  readonly #sessions: SessionsView;
  /** When the penalty of a device ends, by device id. */
  readonly #penalties = new Map<string, number>();
  /** Incarnations that a newer one replaced, by device id, oldest first. */
  readonly #retired = new Map<string, string[]>();

  /** The rate of new devices, by address, least recently used first. `last`: the last device that was counted. */
  readonly #joining = new Map<string, { readonly rate: RateLimit; last: string }>();

  constructor(access: Access, registry: DeviceRegistry, sessions: SessionsView) {
    this.#access = access;
    this.#registry = registry;
    this.#sessions = sessions;
  }

  /**
   * @param address  the address that the device connects from
   * @throws {HandshakeRefusedError}
   */
  check(auth: DeviceAuth, address: string, now: number): void {
    const { id } = auth.device;
    requireJoinToken(this.#access, auth.token, id);
    this.checkIdentity(auth);
    if (this.#registry.get(id) === undefined && !this.#mayJoin(id, address, now)) {
      throw new HandshakeRefusedError(
        'unavailable',
        'too many new devices have joined from this address; the next one may join in a second',
        id,
      );
    }
    if (now < (this.#penalties.get(id) ?? 0)) {
      throw new HandshakeRefusedError(
        'unavailable',
        `device ${id} violated the protocol and is rejected for ${GATEWAY_LIMITS.penaltyMs / 1000} s`,
        id,
      );
    }
    if (this.#retired.get(id)?.includes(auth.incarnation)) {
      throw new HandshakeRefusedError('wrong-identity', `a newer process runs as device ${id}`, id);
    }
    const existing = this.#sessions.existing(auth);
    if (existing === undefined) this.#checkRoom(id);
    else if (!equalDigests(existing.device.secret, auth.device.secret)) {
      const message = `two connections of device ${id} used different secrets`;
      throw new HandshakeRefusedError('wrong-identity', message, id);
    }
  }

  /**
   * Checks the identity. Also called at hello, because two processes may connect with one new id at the same
   * time.
   * @throws {HandshakeRefusedError}
   */
  checkIdentity({ device }: DeviceAuth): void {
    switch (this.#registry.check(device)) {
      case 'stolen':
        throw new HandshakeRefusedError(
          'wrong-identity',
          `device ${device.id} has joined with another secret before; give this device its own identity`,
          device.id,
        );
      case 'full':
        throw new HandshakeRefusedError('unavailable', 'too many devices have joined', device.id);
    }
  }

  /** Rejects a device for the penalty time. */
  punish(device: string, now: number): void {
    for (const [other, until] of this.#penalties) if (until <= now) this.#penalties.delete(other);
    this.#penalties.set(device, now + GATEWAY_LIMITS.penaltyMs);
  }

  /** Rejects an incarnation from now on, because a newer one has replaced it. */
  retire(device: string, incarnation: string): void {
    const retired = [...(this.#retired.get(device) ?? []), incarnation];
    this.#retired.set(device, retired.slice(-GATEWAY_LIMITS.retiredIncarnations));
  }

  /** Removes the record of a device's replaced incarnations. Penalties stay: they end by themselves. */
  forget(device: string): void {
    this.#retired.delete(device);
  }

  /** Counts a new device once, although it connects twice. */
  #mayJoin(device: string, address: string, now: number): boolean {
    const joining = this.#joining.get(address) ?? {
      rate: new RateLimit(GATEWAY_LIMITS.newDevicesPerSecond, now, GATEWAY_LIMITS.newDevicesAtOnce),
      last: '',
    };
    this.#joining.delete(address);
    this.#joining.set(address, joining);
    if (this.#joining.size > GATEWAY_LIMITS.newDeviceAddresses) {
      this.#joining.delete(this.#joining.keys().next().value!);
    }
    if (joining.last === device) return true;
    if (!joining.rate.take(now)) return false;
    joining.last = device;
    return true;
  }

  #checkRoom(device: string): void {
    const full =
      this.#sessions.count >= GATEWAY_LIMITS.sessions || this.#sessions.othersUp(device) >= LIMITS.devices;
    if (!full) return;
    throw new HandshakeRefusedError(
      'unavailable',
      `the data plane accepts at most ${LIMITS.devices} devices`,
      device,
    );
  }
}
