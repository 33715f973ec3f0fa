import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isArchive, unpackModel } from './model-archive.ts';

let directory: string;
const at = (...parts: string[]) => join(directory, ...parts);
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sparewheel-archive-'));
  mkdirSync(at('in', 'weights'), { recursive: true });
  mkdirSync(at('out'));
  writeFileSync(at('in', 'net.onnx'), 'the graph');
  writeFileSync(at('in', 'weights', 'first.bin'), Buffer.alloc(700_001, 3));
  writeFileSync(at('in', 'weights', 'empty.bin'), '');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const tar = (...parameters: string[]) => execFileSync('tar', ['-cf', at('a.tar'), ...parameters]);
const unpack = (archive = 'a.tar') => unpackModel(at(archive), at('out'));

describe('an archive of a model and its data files', () => {
  it.each(['gnu', 'posix', 'ustar'])('is unpacked in the %s format of tar', async (format) => {
    tar(`--format=${format}`, '-C', at('in'), 'net.onnx', 'weights');
    expect(isArchive(at('a.tar'))).toBe(true);
    expect(readFileSync(await unpack(), 'utf8')).toBe('the graph');
    expect(readFileSync(at('out', 'weights', 'first.bin')).equals(Buffer.alloc(700_001, 3))).toBe(true);
    expect(readFileSync(at('out', 'weights', 'empty.bin'))).toHaveLength(0);
  });

  it.each(['gnu', 'posix'])('keeps names that are longer than a header (%s)', async (format) => {
    const name = `${'long-'.repeat(40)}name.bin`;
    writeFileSync(at('in', name), 'data');
    tar(`--format=${format}`, '-C', at('in'), '.');
    await unpack();
    expect(readFileSync(at('out', name), 'utf8')).toBe('data');
  });

  it('differs from a model by its magic', () => {
    expect(isArchive(at('in', 'net.onnx'))).toBe(false);
  });

  it.each([
    ['a relative path', 's,^weights,../outside,', '../outside/first.bin'],
    ['an absolute path', 's,^weights,/outside,', '/outside/first.bin'],
    ['a backslash', 's,^weights/,..\\\\,', '..\\first.bin'],
  ])('cannot write outside of its directory: %s', async (_what, transform, path) => {
    tar('-P', `--transform=${transform}`, '-C', at('in'), 'net.onnx', 'weights/first.bin');
    await expect(unpack()).rejects.toThrow(`the path "${path}" leads out of the archive`);
    expect(await readdir(at('out'))).toEqual(['net.onnx']);
  });

  it('skips links', async () => {
    symlinkSync('/etc/passwd', at('in', 'link.bin'));
    tar('-C', at('in'), 'link.bin', 'net.onnx');
    await unpack();
    expect(await readdir(at('out'))).toEqual(['net.onnx']);
  });

  it('is rejected when a file name is too long for the file system', async () => {
    tar('--format=posix', `--transform=s,first,${'x'.repeat(300)},`, '-C', at('in'), 'net.onnx', 'weights');
    await expect(unpack()).rejects.toMatchObject({ code: 'NOT_ONNX', message: /file name is too long/ });
  });

  it.each([
    ['in a file', (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1)],
    ['in a header', (bytes: Buffer) => bytes.subarray(0, 1_100)],
  ])('is rejected when it is cut %s', async (_where, cut) => {
    tar('-C', at('in'), 'net.onnx', 'weights');
    writeFileSync(at('cut.tar'), cut(readFileSync(at('a.tar'))));
    await expect(unpack('cut.tar')).rejects.toMatchObject({
      code: 'TRUNCATED',
      message: /ends before its last file/,
    });
  });

  it('is rejected when a header is damaged', async () => {
    tar('-C', at('in'), 'net.onnx', 'weights');
    const bytes = readFileSync(at('a.tar'));
    bytes[3]! ^= 1;
    writeFileSync(at('damaged.tar'), bytes);
    await expect(unpack('damaged.tar')).rejects.toMatchObject({ code: 'NOT_ONNX', message: /damaged/ });
  });

  it('is rejected without a model and with several models', async () => {
    tar('-C', at('in'), 'weights');
    await expect(unpack()).rejects.toThrow('0 *.onnx files');
    writeFileSync(at('in', 'second.onnx'), 'another graph');
    tar('-C', at('in'), 'net.onnx', 'second.onnx');
    await expect(unpack()).rejects.toThrow('2 *.onnx files');
  });

  it('is rejected when it has too many files', async () => {
    mkdirSync(at('in', 'many'));
    for (let file = 0; file < 10_000; file++) writeFileSync(at('in', 'many', String(file)), '');
    tar('-C', at('in'), 'net.onnx', 'many');
    await expect(unpack()).rejects.toThrow('more than 10000 files');
  }, 30_000);
});
