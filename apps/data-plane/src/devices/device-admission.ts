import { type DeviceAuth, LIMITS } from '@sparewheel/protocol';
import { type Access, equalDigests } from '@sparewheel/runtime/access';
import type { DeviceRegistry } from './device-registry.ts';
import { GATEWAY_LIMITS } from './gateway-limits.ts';
import { HandshakeRefusedError, requireJoinToken } from './handshake.ts';

/** What admission asks of the sessions that are there. */
export interface SessionsView {
  /** The auth with which the life that `auth` names came in, if it is there already. */
  existing(auth: DeviceAuth): DeviceAuth | undefined;
  /** Lives of all devices, and devices other than the given one that are up. */
  readonly count: number;
  othersUp(device: string): number;
}

/** Decides which devices may come in: the right token, an identity of their own, and no misconduct a moment ago. */
export class DeviceAdmission {
  readonly #access: Access;
  readonly #registry: DeviceRegistry;
  readonly #sessions: SessionsView;
  /** Until when a device is kept out, by device id. */
  readonly #penalties = new Map<string, number>();
  /** Incarnations that a newer one has replaced, by device id, oldest first. */
  readonly #retired = new Map<string, string[]>();

  constructor(access: Access, registry: DeviceRegistry, sessions: SessionsView) {
    this.#access = access;
    this.#registry = registry;
    this.#sessions = sessions;
  }

  /** @throws {HandshakeRefusedError} */
  check(auth: DeviceAuth, now: number): void {
    const { id } = auth.device;
    requireJoinToken(this.#access, auth.token, id);
    this.checkIdentity(auth);
    if (now < (this.#penalties.get(id) ?? 0)) {
      throw new HandshakeRefusedError(
        'unavailable',
        `device ${id} broke the protocol and is kept out for a while`,
        id,
      );
    }
    if (this.#retired.get(id)?.includes(auth.incarnation)) {
      throw new HandshakeRefusedError('wrong-identity', `another process runs as device ${id} by now`, id);
    }
    const existing = this.#sessions.existing(auth);
    if (existing === undefined) this.#checkRoom(id);
    else if (!equalDigests(existing.device.secret, auth.device.secret)) {
      const message = `two connections of device ${id} came with different secrets`;
      throw new HandshakeRefusedError('wrong-identity', message, id);
    }
  }

  /** Again at hello: two processes may have come with one new id at once. @throws {HandshakeRefusedError} */
  checkIdentity({ device }: DeviceAuth): void {
    switch (this.#registry.check(device)) {
      case 'stolen':
        throw new HandshakeRefusedError(
          'wrong-identity',
          `device ${device.id} has joined with another secret before; give this one an identity of its own`,
          device.id,
        );
      case 'full':
        throw new HandshakeRefusedError('unavailable', 'too many devices have ever joined', device.id);
    }
  }

  /** Keeps a device out for a while. */
  punish(device: string, now: number): void {
    for (const [other, until] of this.#penalties) if (until <= now) this.#penalties.delete(other);
    this.#penalties.set(device, now + GATEWAY_LIMITS.penaltyMs);
  }

  /** A newer life speaks for the device: this one may not come back. */
  retire(device: string, incarnation: string): void {
    const retired = [...(this.#retired.get(device) ?? []), incarnation];
    this.#retired.set(device, retired.slice(-GATEWAY_LIMITS.retiredLives));
  }

  #checkRoom(device: string): void {
    const full =
      this.#sessions.count >= GATEWAY_LIMITS.sessions || this.#sessions.othersUp(device) >= LIMITS.devices;
    if (!full) return;
    throw new HandshakeRefusedError(
      'unavailable',
      `the data plane takes at most ${LIMITS.devices} devices`,
      device,
    );
  }
}
