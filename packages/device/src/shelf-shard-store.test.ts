import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type BlobShelf, MemoryShelf } from './blob-shelf.ts';
import { availableDigest } from './browser/digest.ts';
import { ShelfShardStore } from './shelf-shard-store.ts';
import { digestOf } from './testing/data-plane-double.ts';
import { describeShardStore } from './testing/shard-store-contract.ts';

const shelves = new Map<string, MemoryShelf>();

/** The shelf of a place, there for as long as the test. */
function shelfAt(place: string): MemoryShelf {
  const shelf = shelves.get(place) ?? new MemoryShelf();
  shelves.set(place, shelf);
  return shelf;
}

for (const [name, digest] of [
  ['crypto.subtle', availableDigest()],
  ['SHA-256 of our own', availableDigest(null)],
] as const) {
  describeShardStore(
    `shelf shard store with ${name}`,
    async () => randomUUID(),
    (place) => ShelfShardStore.open(shelfAt(place), digest),
  );
}

describe('shelf shard store', () => {
  const data = new Uint8Array(100).fill(3);
  const sha256 = digestOf(data);
  const whole = { sha256, bytes: 100, offset: 0, data };
  const digest = availableDigest();

  it('throws away what is damaged when it is opened', async () => {
    const shelf = new MemoryShelf();
    await (await ShelfShardStore.open(shelf, digest)).write(whole);
    await shelf.put(sha256, new Uint8Array(100).fill(4));
    expect((await ShelfShardStore.open(shelf, digest)).held()).toEqual([]);
    expect(await shelf.list()).toEqual([]);
  });

  it('says that the browser has no space, keeps nothing of the blob, and takes it when there is', async () => {
    const shelf: BlobShelf = new MemoryShelf();
    const store = await ShelfShardStore.open(shelf, digest);
    const put = shelf.put.bind(shelf);
    shelf.put = async () => {
      throw new DOMException('no more', 'QuotaExceededError');
    };
    await expect(store.write(whole)).rejects.toMatchObject({ code: 'disk-full' });
    shelf.put = put;
    await store.write(whole);
    expect(store.has(sha256)).toBe(true);
  });

  it('asks for a blob again that the browser has thrown away', async () => {
    const shelf = new MemoryShelf();
    const store = await ShelfShardStore.open(shelf, digest);
    await store.write(whole);
    await shelf.delete(sha256);
    const graph = { sha256, bytes: 100 };
    await expect(store.source({ graph, weights: null })).rejects.toMatchObject({ code: 'missing-blob' });
    expect(store.held()).toEqual([]);
  });
});
