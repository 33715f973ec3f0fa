import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadIdentity, lockFolder } from './device-folder.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sparewheel-folder-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('folder lock', () => {
  it('rejects a locked folder until the lock is released', async () => {
    const unlock = await lockFolder(folder);
    await expect(lockFolder(folder)).rejects.toEqual(
      expect.objectContaining({ name: 'FolderInUseError', processId: process.pid }),
    );
    await unlock();
    await (await lockFolder(folder))();
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('identity', () => {
  it('is created once per folder', async () => {
    const identity = await loadIdentity(folder);
    expect(await loadIdentity(folder)).toEqual(identity);
    expect(await loadIdentity(join(folder, 'another'))).not.toEqual(identity);
  });

  it('is not replaced if its file is damaged', async () => {
    await writeFile(join(folder, 'identity.json'), '{"id":"x"}');
    await expect(loadIdentity(folder)).rejects.toThrow('is damaged; delete it');
  });
});
