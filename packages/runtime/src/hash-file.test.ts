import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { hasHash, hashFile } from './hash-file.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sparewheel-hash-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

it.each([0, 1, 1024 * 1024, 1024 * 1024 + 1])('hashes a file of %d bytes', async (bytes) => {
  const data = Buffer.alloc(bytes, 7);
  const path = join(directory, 'file');
  await writeFile(path, data);
  const expected = createHash('sha256').update(data).digest('hex');
  expect(await hashFile(path)).toBe(expected);
  expect(await hasHash(path, expected)).toBe(true);
});

it('tells a changed file, and a missing one, from the right one', async () => {
  const path = join(directory, 'file');
  await writeFile(path, 'one');
  const sha256 = await hashFile(path);
  await writeFile(path, 'onf');
  expect(await hasHash(path, sha256)).toBe(false);
  expect(await hasHash(join(directory, 'none'), sha256)).toBe(false);
});
