import { type DeviceIdentity, deviceIdentitySchema } from '@sparewheel/protocol';

/** Tabs of one browser that may be devices at once. */
const SLOTS = 64;
const key = (slot: number) => `sparewheel.device.${slot}`;
const SLOT_KEY = 'sparewheel.slot';
const OWN_KEY = 'sparewheel.device';

/** The browser's parts that an identity takes; another in tests. */
export interface IdentityPlaces {
  /** Withheld from insecure pages. */
  readonly locks: Pick<LockManager, 'request'> | undefined;
  /** Outlives the tab, and is all tabs'. */
  readonly shared: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  /** Outlives a reload, and is this tab's. */
  readonly own: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
}

export interface ClaimedIdentity {
  readonly identity: DeviceIdentity;
  /** A tab that is opened later comes back under it. */
  readonly lasting: boolean;
  /** Gives it back to the browser's other tabs; without it, the end of the tab does. */
  release(): void;
  /** Forgets it for good: the next claim makes a new one. */
  forget(): void;
}

/**
 * Finds out which device this tab is. A browser remembers its devices, so that one that returns still has its shards;
 * a lock keeps two tabs from being the same one. Where there are no locks, the identity ends with the tab.
 */
export async function claimIdentity(places: IdentityPlaces = browserPlaces()): Promise<ClaimedIdentity> {
  const { locks, shared, own } = places;
  if (locks === undefined) return { ...claimed(own, OWN_KEY), lasting: false, release() {} };
  const before = Number(own.getItem(SLOT_KEY) ?? '0');
  for (const slot of [before, ...Array.from({ length: SLOTS }, (_, index) => index)]) {
    const release = await tryLock(locks, key(slot));
    if (release === null) continue;
    own.setItem(SLOT_KEY, String(slot));
    return { ...claimed(shared, key(slot)), lasting: true, release };
  }
  throw new Error(`${SLOTS} tabs of this browser are devices already; close one of them`);
}

function claimed(storage: IdentityPlaces['own'], where: string) {
  return { identity: readOrMake(storage, where), forget: () => storage.removeItem(where) };
}

function readOrMake(storage: IdentityPlaces['own'], where: string): DeviceIdentity {
  try {
    return deviceIdentitySchema.parse(JSON.parse(storage.getItem(where) ?? ''));
  } catch {
    const identity = { id: `tab-${randomHex(8)}`, secret: randomHex(32) };
    storage.setItem(where, JSON.stringify(identity));
    return identity;
  }
}

/** @returns gives the lock back; null where another tab has it */
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

/** Not crypto.randomUUID: insecure pages do not have it. */
function randomHex(bytes: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}

function browserPlaces(): IdentityPlaces {
  return { locks: navigator.locks, shared: localStorage, own: sessionStorage };
}
