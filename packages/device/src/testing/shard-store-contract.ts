/** What every shard store promises; run against each implementation. */
import { describe, expect, it } from 'vitest';
import type { ShardStore } from '../shard-store.ts';
import { digestOf } from './data-plane-double.ts';

/**
 * @param open  opens a store on the given place, empty the first time; what was kept is there the next time
 * @param place  a new place for each test
 */
export function describeShardStore(
  name: string,
  place: () => Promise<string>,
  open: (place: string) => Promise<ShardStore>,
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
    const refusal = (code: string) => expect.objectContaining({ name: 'ShardStoreError', code });

    it('holds a blob when its last chunk is in, not before, and after it is opened again', async () => {
      const where = await place();
      const store = await open(where);
      await store.write(chunk(0, 400));
      expect(store.has(sha256)).toBe(false);
      await store.write(chunk(400, 1_000));
      expect(store.held()).toEqual([{ sha256, bytes: 1_000 }]);
      expect(store.bytes).toBe(1_000);
      expect((await open(where)).held()).toEqual([{ sha256, bytes: 1_000 }]);
    });

    it('takes chunks that are sent without waiting for each other', async () => {
      const store = await open(await place());
      await Promise.all([0, 250, 500, 750].map((from) => store.write(chunk(from, from + 250))));
      expect(store.has(sha256)).toBe(true);
    });

    it('refuses chunks out of order and begins anew at offset 0', async () => {
      const store = await open(await place());
      await expect(store.write(chunk(400, 1_000))).rejects.toEqual(refusal('out-of-order'));
      await store.write(chunk(0, 300));
      await expect(store.write(chunk(400, 1_000))).rejects.toEqual(refusal('out-of-order'));
      await store.write(chunk(0, 500));
      await store.write(chunk(0, 400));
      await store.write(chunk(400, 1_000));
      expect(store.has(sha256)).toBe(true);
    });

    it('refuses bytes that are not what they are called', async () => {
      const store = await open(await place());
      const wrong = { ...chunk(0, 1_000), data: new Uint8Array(1_000) };
      await expect(store.write(wrong)).rejects.toEqual(refusal('digest-mismatch'));
      expect(store.held()).toEqual([]);
      await store.write(chunk(0, 1_000));
      expect(store.has(sha256)).toBe(true);
    });

    it('keeps what it is told to retain and deletes the rest', async () => {
      const where = await place();
      const store = await open(where);
      await store.write(chunk(0, 1_000));
      const empty = new Uint8Array(0);
      await store.write({ sha256: digestOf(empty), bytes: 0, offset: 0, data: empty });
      await store.retain([sha256, 'f'.repeat(64)]);
      expect(store.held()).toEqual([{ sha256, bytes: 1_000 }]);
      expect((await open(where)).held()).toEqual([{ sha256, bytes: 1_000 }]);
    });

    it('ignores chunks of what it holds', async () => {
      const store = await open(await place());
      await store.write(chunk(0, 1_000));
      await store.write(chunk(500, 600));
      expect(store.held()).toHaveLength(1);
    });

    it('bounds what is incomplete, and forgets it when told so', async () => {
      const store = await open(await place());
      const begin = (digit: number) =>
        store.write({ sha256: `${digit}`.repeat(64), bytes: 2, offset: 0, data: Uint8Array.of(1) });
      for (let digit = 0; digit < 4; digit++) await begin(digit);
      await expect(begin(4)).rejects.toEqual(refusal('too-many-incomplete'));
      await store.abandonIncomplete();
      await begin(4);
    });

    it('hands out the files of a task, and says which one is missing', async () => {
      const store = await open(await place());
      await store.write(chunk(0, 1_000));
      const graph = { sha256, bytes: 1_000 };
      await store.source({ graph, weights: null });
      const weights = { sha256: 'e'.repeat(64), bytes: 1 };
      await expect(store.source({ graph, weights })).rejects.toEqual(refusal('missing-blob'));
    });
  });
}
