import { mkdtemp, readdir, readFile, rm, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeShardStore, digestOf } from '@sparewheel/device/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FileShardStore } from './file-shard-store.ts';

const folders: string[] = [];
const stores: FileShardStore[] = [];

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sparewheel-store-'));
  folders.push(folder);
  return folder;
}

/** Opens a store that the tests flush at the end: its folder cannot be removed during a write. */
async function openStore(folder: string): Promise<FileShardStore> {
  const store = await FileShardStore.open(folder);
  stores.push(store);
  return store;
}

afterEach(async () => {
  for (const store of stores.splice(0)) await store.flushed();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

describeShardStore('file shard store', newFolder, openStore);

describe('file shard store on the disk', () => {
  const data = new Uint8Array(100).fill(3);
  const sha256 = digestOf(data);
  const whole = { sha256, bytes: 100, offset: 0, data };
  const writeAndFlush = async (folder: string) => {
    const store = await openStore(folder);
    await store.write(whole);
    await store.flushed();
  };

  it('deletes incomplete and damaged files when it is opened', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    await store.write(whole);
    await store.write({ ...whole, sha256: 'a'.repeat(64), bytes: 200 });
    await store.flushed();
    await truncate(join(folder, sha256), 99);
    const opened = await openStore(folder);
    expect(opened.held()).toEqual([]);
    expect(await readdir(folder)).toEqual(['verified.json']);
  });

  it('detects a changed file by its modification time', async () => {
    const folder = await newFolder();
    await writeAndFlush(folder);
    await writeFile(join(folder, sha256), new Uint8Array(100).fill(4));
    await utimes(join(folder, sha256), 1, 1);
    expect((await openStore(folder)).held()).toEqual([]);
  });

  it('does not read verified files again unless their record is damaged', async () => {
    const folder = await newFolder();
    await writeAndFlush(folder);
    const path = join(folder, sha256);
    const { atimeMs } = await stat(path);
    await (await openStore(folder)).source({ graph: { sha256, bytes: 100 }, weights: null });
    expect((await stat(path)).atimeMs).toBe(atimeMs);
    await writeFile(join(folder, 'verified.json'), 'not JSON');
    expect((await openStore(folder)).has(sha256)).toBe(true);
    expect(JSON.parse(await readFile(join(folder, 'verified.json'), 'utf8'))).toHaveProperty(sha256);
  });

  it('serves a blob before it is flushed, but trusts it after a restart only if it was flushed', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    await store.write(whole);
    expect(await store.source({ graph: { sha256, bytes: 100 }, weights: null })).toMatchObject({
      kind: 'file',
    });
    await store.flushed();
    expect(JSON.parse(await readFile(join(folder, 'verified.json'), 'utf8'))).toHaveProperty(sha256);
    // Emulates a power failure before the flush: the file exists without its bytes and is not recorded.
    await writeFile(join(folder, sha256), new Uint8Array(100));
    await writeFile(join(folder, 'verified.json'), '{}');
    expect((await openStore(folder)).held()).toEqual([]);
  });

  it('flushes only when no more chunks arrive', async () => {
    const folder = await newFolder();
    const store = await FileShardStore.open(folder, 60_000);
    stores.push(store);
    const other = new Uint8Array(50).fill(8);
    await store.write(whole);
    await store.write({ sha256: digestOf(other), bytes: 50, offset: 0, data: other });
    const recorded = async () =>
      Object.keys(JSON.parse(await readFile(join(folder, 'verified.json'), 'utf8')));
    expect(await recorded()).toEqual([]);
    await store.flushed();
    expect(await recorded()).toEqual([sha256, digestOf(other)]);
    const soon = await FileShardStore.open(await newFolder(), 1);
    stores.push(soon);
    await soon.write(whole);
    const path = join(folders.at(-1)!, 'verified.json');
    await vi.waitFor(async () => expect(JSON.parse(await readFile(path, 'utf8'))).toHaveProperty(sha256));
  });

  it.skipIf(process.platform !== 'linux')('reports a full disk and leaves no file behind', async () => {
    const folder = await newFolder();
    const store = await openStore(folder);
    // /dev/full emulates a full disk.
    await symlink('/dev/full', join(folder, `incoming-${sha256}`));
    await expect(store.write(whole)).rejects.toMatchObject({ code: 'disk-full' });
    expect(await readdir(folder)).toEqual(['verified.json']);
    await store.write(whole);
    expect(store.has(sha256)).toBe(true);
    await store.flushed();
  });
});
