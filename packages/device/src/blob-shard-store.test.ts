import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { availableDigest, BlobShardStore, type BlobStorage, MemoryBlobStorage } from './blob-shard-store.ts';
import { digestOf } from './testing/data-plane-double.ts';
import { describeShardStore } from './testing/shard-store-contract.ts';

const storages = new Map<string, MemoryBlobStorage>();

/** Returns the storage of a location. It lives as long as the test file. */
function storageAt(location: string): MemoryBlobStorage {
  const storage = storages.get(location) ?? new MemoryBlobStorage();
  storages.set(location, storage);
  return storage;
}

for (const [name, digest] of [
  ['crypto.subtle', availableDigest()],
  ['SHA-256 in JavaScript', availableDigest(null)],
] as const) {
  describeShardStore(
    `blob shard store with ${name}`,
    async () => randomUUID(),
    (location) => BlobShardStore.open(storageAt(location), digest),
  );

  it(`${name} agrees with node:crypto, also on views into larger buffers`, async () => {
    for (const length of [0, 1, 55, 56, 63, 64, 65, 200, 1_000_003]) {
      const data = new Uint8Array(randomBytes(length + 3)).subarray(3);
      expect(await digest(data), `length ${length}`).toBe(createHash('sha256').update(data).digest('hex'));
    }
  });
}

describe('blob shard store', () => {
  const data = new Uint8Array(100).fill(3);
  const sha256 = digestOf(data);
  const whole = { sha256, bytes: 100, offset: 0, data };
  const digest = availableDigest();

  it('deletes damaged blobs when it is opened', async () => {
    const storage = new MemoryBlobStorage();
    await (await BlobShardStore.open(storage, digest)).write(whole);
    await storage.put(sha256, new Uint8Array(100).fill(4));
    expect((await BlobShardStore.open(storage, digest)).held()).toEqual([]);
    expect(await storage.list()).toEqual([]);
  });

  it('reports a full storage, and accepts the blob again once there is space', async () => {
    const storage: BlobStorage = new MemoryBlobStorage();
    const store = await BlobShardStore.open(storage, digest);
    const put = storage.put.bind(storage);
    storage.put = async () => {
      throw new DOMException('no more', 'QuotaExceededError');
    };
    await expect(store.write(whole)).rejects.toMatchObject({ code: 'disk-full' });
    storage.put = put;
    await store.write(whole);
    expect(store.has(sha256)).toBe(true);
  });

  it('reports a blob that the browser evicted as missing', async () => {
    const storage = new MemoryBlobStorage();
    const store = await BlobShardStore.open(storage, digest);
    await store.write(whole);
    await storage.delete(sha256);
    const graph = { sha256, bytes: 100 };
    await expect(store.source({ graph, weights: null })).rejects.toMatchObject({ code: 'missing-blob' });
    expect(store.held()).toEqual([]);
  });
});
