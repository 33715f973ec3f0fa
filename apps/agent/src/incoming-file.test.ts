import { mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '@sparewheel/device/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IncomingFile } from './incoming-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sparewheel-incoming-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const content = Uint8Array.from({ length: 3_500_000 }, (_, i) => (i * 13 + (i >> 11)) & 255);
const sha256 = digestOf(content);
const begin = () => IncomingFile.begin(sha256, join(folder, 'incoming'), join(folder, 'whole'));
function* chunks(bytes: number): Generator<Uint8Array> {
  for (let at = 0; at < content.byteLength; at += bytes) yield content.slice(at, at + bytes);
}

describe('a blob on its way into a file', () => {
  it.each([1_000, 256 * 1024, 2 ** 20, 5_000_000])(
    'has every byte in its place, in chunks of %i',
    async (bytes) => {
      const file = await begin();
      for (const chunk of chunks(bytes)) await file.append(chunk);
      expect(await readdir(folder)).toEqual(['incoming']);
      await file.keep();
      expect(await readdir(folder)).toEqual(['whole']);
      expect(Buffer.compare(await readFile(join(folder, 'whole')), content)).toBe(0);
    },
  );

  it('leaves nothing behind where it is given up in the middle of a write', async () => {
    const file = await begin();
    for (const chunk of chunks(600_000)) await file.append(chunk);
    await file.discard();
    expect(await readdir(folder)).toEqual([]);
  });

  it.skipIf(process.platform !== 'linux')(
    'says at the latest when it is complete that it could not be written',
    async () => {
      await symlink('/dev/full', join(folder, 'incoming'));
      const file = await begin();
      const whole = async () => {
        for (const chunk of chunks(256 * 1024)) await file.append(chunk);
        await file.keep();
      };
      await expect(whole()).rejects.toMatchObject({ code: 'ENOSPC' });
      await file.discard();
      expect(await readdir(folder)).toEqual([]);
    },
  );
});
