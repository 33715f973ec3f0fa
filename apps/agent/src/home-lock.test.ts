import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HomeInUseError, lockHome } from './home-lock.ts';
import { loadIdentity } from './identity.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sparewheel-home-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('home lock', () => {
  it('refuses a folder that is in use, and gives it back', async () => {
    const unlock = await lockHome(folder);
    await expect(lockHome(folder)).rejects.toEqual(
      expect.objectContaining({ name: 'HomeInUseError', processId: process.pid }),
    );
    await unlock();
    await (await lockHome(folder))();
    expect(await readdir(folder)).toEqual([]);
  });

  it('takes over from a process that has ended', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    await writeFile(join(folder, 'lock'), JSON.stringify({ processId: child.pid, startedAt: null }));
    await lockHome(folder);
  });

  it.skipIf(process.platform !== 'linux')('is not fooled by a process that got the same number', async () => {
    await writeFile(join(folder, 'lock'), JSON.stringify({ processId: process.pid, startedAt: '1' }));
    await lockHome(folder);
    await expect(lockHome(folder)).rejects.toBeInstanceOf(HomeInUseError);
  });

  it('takes over a lock that is damaged', async () => {
    await writeFile(join(folder, 'lock'), 'half a lo');
    await lockHome(folder);
  });
});

describe('identity', () => {
  it('is made once and kept', async () => {
    const identity = await loadIdentity(folder);
    expect(await loadIdentity(folder)).toEqual(identity);
    expect(await loadIdentity(join(folder, 'another'))).not.toEqual(identity);
  });

  it('is not replaced silently when it is damaged', async () => {
    await writeFile(join(folder, 'identity.json'), '{"id":"x"}');
    await expect(loadIdentity(folder)).rejects.toThrow('is damaged; delete it');
  });
});
