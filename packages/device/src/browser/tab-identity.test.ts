import { describe, expect, it } from 'vitest';
import { claimIdentity, type IdentityPlaces } from './tab-identity.ts';

class MemoryStorage {
  readonly #values = new Map<string, string>();
  getItem = (key: string) => this.#values.get(key) ?? null;
  setItem = (key: string, value: string) => void this.#values.set(key, value);
  removeItem = (key: string) => void this.#values.delete(key);
}

/** Locks of one browser, as far as an identity asks for them. */
function browserLocks(): IdentityPlaces['locks'] {
  const taken = new Set<string>();
  const request = async (
    name: string,
    _options: object,
    callback: (lock: object | null) => Promise<void> | void,
  ) => {
    if (taken.has(name)) return callback(null);
    taken.add(name);
    await callback({ name });
    taken.delete(name);
  };
  return { request } as unknown as IdentityPlaces['locks'];
}

/** A new turn of the event loop, in which a released lock is free. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('the identity of a tab', () => {
  const browser = () => {
    const shared = new MemoryStorage();
    const locks = browserLocks();
    return (own = new MemoryStorage()) => ({ locks, shared, own });
  };

  it('is another one in each tab, and free again when its tab is gone', async () => {
    const tab = browser();
    const first = await claimIdentity(tab());
    const second = await claimIdentity(tab());
    expect(second.identity.id).not.toBe(first.identity.id);
    first.release();
    await settle();
    const third = await claimIdentity(tab());
    expect(third).toMatchObject({ identity: first.identity, lasting: true });
  });

  it('is the same after a reload, also where a lower one is free', async () => {
    const tab = browser();
    const first = await claimIdentity(tab());
    const own = new MemoryStorage();
    const second = await claimIdentity(tab(own));
    first.release();
    second.release();
    await settle();
    expect((await claimIdentity(tab(own))).identity).toEqual(second.identity);
  });

  it('ends with the tab on an insecure page, and outlives its reloads', async () => {
    const shared = new MemoryStorage();
    const own = new MemoryStorage();
    const first = await claimIdentity({ locks: undefined, shared, own });
    expect(first.lasting).toBe(false);
    expect((await claimIdentity({ locks: undefined, shared, own })).identity).toEqual(first.identity);
    const other = await claimIdentity({ locks: undefined, shared, own: new MemoryStorage() });
    expect(other.identity).not.toEqual(first.identity);
  });

  it('is a new one when it was forgotten or is damaged', async () => {
    const places = { locks: undefined, shared: new MemoryStorage(), own: new MemoryStorage() };
    const first = await claimIdentity(places);
    first.forget();
    const second = await claimIdentity(places);
    expect(second.identity.id).not.toBe(first.identity.id);
    places.own.setItem('sparewheel.device', '{"id":1}');
    expect((await claimIdentity(places)).identity.id).not.toBe(second.identity.id);
  });
});
