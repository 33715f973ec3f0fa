import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LockedError, lockFile } from './lock-file.ts';

let folder: string;
let path: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sparewheel-lock-'));
  path = join(folder, 'inside', 'lock');
  await (await lockFile(path))();
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

function start(program: string): ChildProcess {
  const child = spawn(process.execPath, ['-e', program], { stdio: ['pipe', 'ignore', 'ignore'] });
  children.push(child);
  return child;
}

const writeHolder = (holder: object) => writeFile(path, JSON.stringify(holder));

describe('a lock file', () => {
  it('is held until it is released, and then leaves nothing behind', async () => {
    const unlock = await lockFile(path);
    await expect(lockFile(path)).rejects.toEqual(new LockedError(path, process.pid));
    await unlock();
    await (await lockFile(path))();
    expect(await readdir(join(folder, 'inside'))).toEqual([]);
  });

  it('has one winner among concurrent attempts', async () => {
    const attempts = await Promise.allSettled(Array.from({ length: 5 }, () => lockFile(path)));
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('belongs to its process until that ends', async () => {
    const other = start('process.stdin.resume()');
    await once(other, 'spawn');
    await writeHolder({ processId: other.pid, startedAt: null });
    await expect(lockFile(path)).rejects.toMatchObject({ name: 'LockedError', processId: other.pid });
    other.kill('SIGKILL');
    await once(other, 'exit');
    await lockFile(path);
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ processId: process.pid });
  });

  it('is taken over from an earlier process with the number of this one', async () => {
    await writeHolder({ processId: process.pid, startedAt: null });
    await lockFile(path);
  });

  it.skipIf(process.platform !== 'linux')(
    'is taken over from an earlier process whose number was reused',
    async () => {
      await writeHolder({ processId: process.ppid, startedAt: '1' });
      await lockFile(path);
    },
  );

  it.each(['', 'half a lo', '{}', '{"processId":"1"}'])(
    'is taken over if it is damaged: %j',
    async (text) => {
      await writeFile(path, text);
      await lockFile(path);
    },
  );
});
