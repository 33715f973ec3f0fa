import type { KnownDevice } from '@sparewheel/data-plane-client';
import type { DeviceIdentity, Hello } from '@sparewheel/protocol';
import { equalDigests, sha256Hex } from '@sparewheel/runtime/access';

/** All devices that ever joined. A record takes about a hundred bytes. */
const MAX_KNOWN = 10_000;

/**
 * The devices that have ever joined. An id belongs to the secret that it first joined with. Only the digest
 * of the secret is stored.
 */
export class DeviceRegistry {
  readonly #known = new Map<string, KnownDevice>();

  constructor(known: readonly KnownDevice[]) {
    for (const device of known) this.#known.set(device.id, device);
  }

  get devices(): Iterable<KnownDevice> {
    return this.#known.values();
  }

  get(id: string): KnownDevice | undefined {
    return this.#known.get(id);
  }

  /** Removes a device. Its id is free for any secret. */
  forget(id: string): void {
    this.#known.delete(id);
  }

  /** Returns `stolen` if the id belongs to another secret, `full` if no new device can be stored. */
  check({ id, secret }: DeviceIdentity): 'new' | 'known' | 'stolen' | 'full' {
    const known = this.#known.get(id);
    if (known === undefined) return this.#known.size < MAX_KNOWN ? 'new' : 'full';
    return equalDigests(known.secretHash, sha256Hex(secret)) ? 'known' : 'stolen';
  }

  /**
   * Binds a checked id to its secret, or updates its name.
   * @returns the record to store, or null if it did not change
   */
  bind({ id, secret }: DeviceIdentity, { name, platform }: Hello): KnownDevice | null {
    const known = this.#known.get(id);
    if (known !== undefined && known.name === name && known.platform === platform) return null;
    const device = { id, name, platform, secretHash: known?.secretHash ?? sha256Hex(secret) };
    this.#known.set(id, device);
    return device;
  }
}
