import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FolderInUseError, loadIdentity, lockFolder } from './device-folder.ts';

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

  it('takes over the lock of a process that has ended', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    await writeFile(join(folder, 'lock'), JSON.stringify({ processId: child.pid, startedAt: null }));
    await lockFolder(folder);
  });

  it.skipIf(process.platform !== 'linux')(
    'takes over the lock if its process number was reused',
    async () => {
      await writeFile(join(folder, 'lock'), JSON.stringify({ processId: process.pid, startedAt: '1' }));
      await lockFolder(folder);
      await expect(lockFolder(folder)).rejects.toBeInstanceOf(FolderInUseError);
    },
  );

  it('takes over a damaged lock', async () => {
    await writeFile(join(folder, 'lock'), 'half a lo');
    await lockFolder(folder);
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
