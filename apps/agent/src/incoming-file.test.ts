import { mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '@sparewheel/device/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IncomingFile, ReceiveBufferCollector } from './incoming-file.ts';

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

describe('incoming file', () => {
  it.each([1_000, 256 * 1024, 2 ** 20, 5_000_000])(
    'writes every byte in its place, in chunks of %i',
    async (bytes) => {
      const file = await begin();
      for (const chunk of chunks(bytes)) await file.append(chunk);
      expect(await readdir(folder)).toEqual(['incoming']);
      await file.keep();
      expect(await readdir(folder)).toEqual(['whole']);
      expect(Buffer.compare(await readFile(join(folder, 'whole')), content)).toBe(0);
    },
  );

  it('leaves no file behind when it is discarded during a write', async () => {
    const file = await begin();
    for (const chunk of chunks(600_000)) await file.append(chunk);
    await file.discard();
    expect(await readdir(folder)).toEqual([]);
  });

  it.skipIf(process.platform !== 'linux')('reports a failed write in keep at the latest', async () => {
    await symlink('/dev/full', join(folder, 'incoming'));
    const file = await begin();
    const writeAll = async () => {
      for (const chunk of chunks(256 * 1024)) await file.append(chunk);
      await file.keep();
    };
    await expect(writeAll()).rejects.toMatchObject({ code: 'ENOSPC' });
    await file.discard();
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('receive buffer collector', () => {
  it('collects every few megabytes, for every chunk size', () => {
    for (const chunkBytes of [64 * 1024, 256 * 1024, 3_000_000]) {
      let collections = 0;
      const buffers = new ReceiveBufferCollector(() => collections++);
      const chunks = Math.ceil(48e6 / chunkBytes);
      for (let chunk = 0; chunk < chunks; chunk++) buffers.add(chunkBytes);
      expect(collections).toBeGreaterThanOrEqual(8);
      expect(collections).toBeLessThanOrEqual(12);
    }
  });

  it('does nothing if the collector is not exposed', () => {
    expect(() => new ReceiveBufferCollector().add(100e6)).not.toThrow();
  });
});
