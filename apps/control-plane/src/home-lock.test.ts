import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockHome } from './home-lock.ts';

describe('the lock on a home directory', () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'sparewheel-home-'));
  });
  afterEach(() => rm(home, { recursive: true }));

  it('refuses a second control plane, names the first one and says what to do', async () => {
    const unlock = await lockHome(home);
    await expect(lockHome(home)).rejects.toMatchObject({
      name: 'StartupError',
      message: expect.stringContaining(`process ${process.pid}`),
      hint: expect.stringContaining('SPAREWHEEL_HOME'),
    });
    await unlock();
    await (await lockHome(home))();
  });

  it('refuses a home directory that is a file', async () => {
    const file = join(home, 'file');
    await writeFile(file, '');
    await expect(lockHome(file)).rejects.toMatchObject({ name: 'StartupError' });
  });
});
