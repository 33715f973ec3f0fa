import type { KnownDevice } from '@sparewheel/data-plane-client';
import type { DeviceIdentity, Hello } from '@sparewheel/protocol';
import { equalDigests, sha256Hex } from '@sparewheel/runtime/access';

/** Names that were ever used, not connections: an id costs a hundred bytes, but not without end. */
const MOST_KNOWN = 10_000;

/** Who has joined before. An id belongs to the secret that it first came with; only the secret's digest is kept. */
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

  /** `stolen`: the id belongs to another secret. */
  check({ id, secret }: DeviceIdentity): 'new' | 'known' | 'stolen' | 'full' {
    const known = this.#known.get(id);
    if (known === undefined) return this.#known.size < MOST_KNOWN ? 'new' : 'full';
    return equalDigests(known.secretHash, sha256Hex(secret)) ? 'known' : 'stolen';
  }

  /**
   * Binds an id that was checked to its secret, or notes its new name.
   * @returns the record where it has to be stored, null where nothing changed
   */
  bind({ id, secret }: DeviceIdentity, { name, platform }: Hello): KnownDevice | null {
    const known = this.#known.get(id);
    if (known !== undefined && known.name === name && known.platform === platform) return null;
    const device = { id, name, platform, secretHash: known?.secretHash ?? sha256Hex(secret) };
    this.#known.set(id, device);
    return device;
  }
}
