/** Contract of shard stores; runs against each implementation. */
import { describe, expect, it } from 'vitest';
import type { ShardStore } from '../shard-store.ts';
import { digestOf } from './data-plane-double.ts';

/**
 * @param newLocation  returns a new, empty location for a store
 * @param open  opens a store at a location; blobs that an earlier store kept there are held again
 */
export function describeShardStore(
  name: string,
  newLocation: () => Promise<string>,
  open: (location: string) => Promise<ShardStore>,
): void {
  describe(name, () => {
    const data = Uint8Array.from({ length: 1_000 }, (_, index) => index % 251);
    const sha256 = digestOf(data);
    const chunk = (from: number, to: number) => ({
      sha256,
      bytes: data.byteLength,
      offset: from,
      data: data.subarray(from, to),
    });
    const errorWith = (code: string) => expect.objectContaining({ name: 'ShardStoreError', code });

    it('holds a blob only after its last chunk, and also after reopening', async () => {
      const location = await newLocation();
      const store = await open(location);
      await store.write(chunk(0, 400));
      expect(store.has(sha256)).toBe(false);
      await store.write(chunk(400, 1_000));
      expect(store.held()).toEqual([{ sha256, bytes: 1_000 }]);
      expect(store.bytes).toBe(1_000);
      expect((await open(location)).held()).toEqual([{ sha256, bytes: 1_000 }]);
    });

    it('accepts concurrent writes of chunks in order', async () => {
      const store = await open(await newLocation());
      await Promise.all([0, 250, 500, 750].map((from) => store.write(chunk(from, from + 250))));
      expect(store.has(sha256)).toBe(true);
    });

    it('rejects chunks out of order and restarts at offset 0', async () => {
      const store = await open(await newLocation());
      await expect(store.write(chunk(400, 1_000))).rejects.toEqual(errorWith('out-of-order'));
      await store.write(chunk(0, 300));
      await expect(store.write(chunk(400, 1_000))).rejects.toEqual(errorWith('out-of-order'));
      await store.write(chunk(0, 500));
      await store.write(chunk(0, 400));
      await store.write(chunk(400, 1_000));
      expect(store.has(sha256)).toBe(true);
    });

    it('rejects a blob with another digest than its name', async () => {
      const store = await open(await newLocation());
      const wrong = { ...chunk(0, 1_000), data: new Uint8Array(1_000) };
      await expect(store.write(wrong)).rejects.toEqual(errorWith('digest-mismatch'));
      expect(store.held()).toEqual([]);
      await store.write(chunk(0, 1_000));
      expect(store.has(sha256)).toBe(true);
    });

    it('deletes every blob that is not retained', async () => {
      const location = await newLocation();
      const store = await open(location);
      await store.write(chunk(0, 1_000));
      const empty = new Uint8Array(0);
      await store.write({ sha256: digestOf(empty), bytes: 0, offset: 0, data: empty });
      await store.retain([sha256, 'f'.repeat(64)]);
      expect(store.held()).toEqual([{ sha256, bytes: 1_000 }]);
      expect((await open(location)).held()).toEqual([{ sha256, bytes: 1_000 }]);
    });

    it('ignores chunks of a held blob', async () => {
      const store = await open(await newLocation());
      await store.write(chunk(0, 1_000));
      await store.write(chunk(500, 600));
      expect(store.held()).toHaveLength(1);
    });

    it('limits incomplete blobs, and abandons them on request', async () => {
      const store = await open(await newLocation());
      const begin = (digit: number) =>
        store.write({ sha256: `${digit}`.repeat(64), bytes: 2, offset: 0, data: Uint8Array.of(1) });
      for (let digit = 0; digit < 4; digit++) await begin(digit);
      await expect(begin(4)).rejects.toEqual(errorWith('too-many-incomplete'));
      await store.abandonIncomplete();
      await begin(4);
    });

    it('returns the source of a task, and rejects one with a missing blob', async () => {
      const store = await open(await newLocation());
      await store.write(chunk(0, 1_000));
      const graph = { sha256, bytes: 1_000 };
      await store.source({ graph, weights: null });
      const weights = { sha256: 'e'.repeat(64), bytes: 1 };
      await expect(store.source({ graph, weights })).rejects.toEqual(errorWith('missing-blob'));
    });
  });
}
