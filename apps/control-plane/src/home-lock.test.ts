import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockHome } from './home-lock.ts';

describe('the lock on a home', () => {
  let home: string;
  const lock = () => join(home, 'control-plane.lock');
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'sparewheel-lock-'));
  });
  afterEach(() => rm(home, { recursive: true }));

  it('keeps others out while its process lives, and names it', async () => {
    const other = spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    await once(other, 'spawn');
    await writeFile(lock(), JSON.stringify({ processId: other.pid, processStart: null }));
    await expect(lockHome(home)).rejects.toThrow(`process ${other.pid}`);
    other.kill('SIGKILL');
    await once(other, 'exit');
    await (await lockHome(home))();
  });

  it('is taken over from a process that was killed', async () => {
    const gone = spawn(process.execPath, ['-e', '']);
    await once(gone, 'exit');
    await writeFile(lock(), JSON.stringify({ processId: gone.pid, processStart: null }));
    await (await lockHome(home))();
  });

  it.skipIf(process.platform !== 'linux')(
    'is taken over where the number now belongs to another process',
    async () => {
      await writeFile(lock(), JSON.stringify({ processId: process.ppid, processStart: '1' }));
      await (await lockHome(home))();
    },
  );

  it('that says nothing is stale', async () => {
    await writeFile(lock(), '');
    await (await lockHome(home))();
  });

  it('is gone when released', async () => {
    await (await lockHome(home))();
    await (await lockHome(home))();
  });
});
