import { type DeviceIdentity, deviceIdentitySchema } from '@sparewheel/protocol';

/** Limit of tabs in one browser that are devices at once. */
const SLOTS = 64;
const key = (slot: number) => `sparewheel.device.${slot}`;
const SLOT_KEY = 'sparewheel.slot';
const OWN_KEY = 'sparewheel.device';

/** The browser APIs that store identities; a parameter for tests. */
export interface IdentityStorage {
  /** Undefined on insecure pages. */
  readonly locks: Pick<LockManager, 'request'> | undefined;
  /** Shared by all tabs; outlives them. */
  readonly shared: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  /** This tab's; outlives a reload. */
  readonly own: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
}

export interface ClaimedIdentity {
  readonly identity: DeviceIdentity;
  /** Whether the identity outlives the tab. */
  readonly lasting: boolean;
  /** Makes the identity available to other tabs. Closing the tab does the same. */
  release(): void;
  /** Deletes the identity. The next claim creates a new one. */
  forget(): void;
}

/**
 * Returns this tab's device identity. The browser stores identities, so that a returning device still has its
 * shards; a lock prevents two tabs from using the same one. Without locks, the identity ends with the tab.
 */
export async function claimIdentity(storage: IdentityStorage = browserStorage()): Promise<ClaimedIdentity> {
  const { locks, shared, own } = storage;
  if (locks === undefined) return { ...claimed(own, OWN_KEY), lasting: false, release() {} };
  const previous = Number(own.getItem(SLOT_KEY) ?? '0');
  for (const slot of [previous, ...Array.from({ length: SLOTS }, (_, index) => index)]) {
    const release = await tryLock(locks, key(slot));
    if (release === null) continue;
    own.setItem(SLOT_KEY, String(slot));
    return { ...claimed(shared, key(slot)), lasting: true, release };
  }
  throw new Error(`${SLOTS} tabs of this browser are devices, the maximum; close one of them`);
}

function claimed(storage: IdentityStorage['own'], storageKey: string) {
  return {
    identity: readOrCreate(storage, storageKey),
    forget: () => storage.removeItem(storageKey),
  };
}

function readOrCreate(storage: IdentityStorage['own'], storageKey: string): DeviceIdentity {
  try {
    return deviceIdentitySchema.parse(JSON.parse(storage.getItem(storageKey) ?? ''));
  } catch {
    const identity = { id: `tab-${randomHex(8)}`, secret: randomHex(32) };
    storage.setItem(storageKey, JSON.stringify(identity));
    return identity;
  }
}

/** @returns releases the lock; null if another tab holds it */
function tryLock(locks: Pick<LockManager, 'request'>, name: string): Promise<(() => void) | null> {
  return new Promise((resolve, reject) => {
    locks
      .request(name, { ifAvailable: true }, (lock) => {
        if (lock === null) return resolve(null);
        return new Promise<void>((release) => resolve(release));
      })
      .catch(reject);
  });
}

/** Returns random hexadecimal digits. Insecure pages have no crypto.randomUUID. */
function randomHex(bytes: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}

function browserStorage(): IdentityStorage {
  return { locks: navigator.locks, shared: localStorage, own: sessionStorage };
}
