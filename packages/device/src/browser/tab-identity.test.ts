import { describe, expect, it } from 'vitest';
import { claimIdentity, type IdentityStorage } from './tab-identity.ts';

class MemoryStorage {
  readonly #values = new Map<string, string>();
  getItem = (key: string) => this.#values.get(key) ?? null;
  setItem = (key: string, value: string) => void this.#values.set(key, value);
  removeItem = (key: string) => void this.#values.delete(key);
}

/** Emulates the part of the Web Locks API that identities use. */
function browserLocks(): IdentityStorage['locks'] {
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
  return { request } as unknown as IdentityStorage['locks'];
}

/** Waits for a new turn of the event loop: a released lock is free by then. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('tab identity', () => {
  const browser = () => {
    const shared = new MemoryStorage();
    const locks = browserLocks();
    return (own = new MemoryStorage()) => ({ locks, shared, own });
  };

  it('differs between tabs, and is available again after a tab releases it', async () => {
    const tab = browser();
    const first = await claimIdentity(tab());
    const second = await claimIdentity(tab());
    expect(second.identity.id).not.toBe(first.identity.id);
    first.release();
    await settle();
    const third = await claimIdentity(tab());
    expect(third).toMatchObject({ identity: first.identity, lasting: true });
  });

  it('stays the same after a reload, even if a lower slot is free', async () => {
    const tab = browser();
    const first = await claimIdentity(tab());
    const own = new MemoryStorage();
    const second = await claimIdentity(tab(own));
    first.release();
    second.release();
    await settle();
    expect((await claimIdentity(tab(own))).identity).toEqual(second.identity);
  });

  it('outlives reloads but not the tab on an insecure page', async () => {
    const shared = new MemoryStorage();
    const own = new MemoryStorage();
    const first = await claimIdentity({ locks: undefined, shared, own });
    expect(first.lasting).toBe(false);
    expect((await claimIdentity({ locks: undefined, shared, own })).identity).toEqual(first.identity);
    const other = await claimIdentity({ locks: undefined, shared, own: new MemoryStorage() });
    expect(other.identity).not.toEqual(first.identity);
  });

  it('is new after it was forgotten or damaged', async () => {
    const storage = { locks: undefined, shared: new MemoryStorage(), own: new MemoryStorage() };
    const first = await claimIdentity(storage);
    first.forget();
    const second = await claimIdentity(storage);
    expect(second.identity.id).not.toBe(first.identity.id);
    storage.own.setItem('sparewheel.device', '{"id":1}');
    expect((await claimIdentity(storage)).identity.id).not.toBe(second.identity.id);
  });
});
