import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unpackModel, uploadFormat } from './model-archive.ts';

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
const unpackAny = (archive = 'a.tar') => {
  const format = uploadFormat(at(archive));
  if (format !== 'tar' && format !== 'zip') throw new Error(`${archive} is ${format}`);
  return unpackModel(at(archive), format, at('out'));
};
const unpack = async (archive?: string) => {
  const model = await unpackAny(archive);
  if (model.format !== 'onnx') throw new Error('the archive has no ONNX file');
  return model.path;
};

describe('an archive of a model and its data files', () => {
  it.each(['gnu', 'posix', 'ustar'])('is unpacked in the %s format of tar', async (format) => {
    tar(`--format=${format}`, '-C', at('in'), 'net.onnx', 'weights');
    expect(uploadFormat(at('a.tar'))).toBe('tar');
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
    expect(uploadFormat(at('in', 'net.onnx'))).toBe('onnx');
    writeFileSync(at('in', 'model.json'), ' {\n "modelTopology": {} }');
    expect(uploadFormat(at('in', 'model.json'))).toBe('json');
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

  it('may hold the attribute files that macOS adds', async () => {
    writeFileSync(at('in', '._net.onnx'), 'attributes');
    tar('-C', at('in'), '._net.onnx', 'net.onnx');
    expect(readFileSync(await unpack(), 'utf8')).toBe('the graph');
    expect(await readdir(at('out'))).toEqual(['net.onnx']);
  });

  it('may be a zip archive, stored or deflated', async () => {
    const big = Buffer.alloc(700_001, 3);
    for (const deflate of [false, true]) {
      writeFileSync(
        at('a.zip'),
        zipOf({ 'net.onnx': Buffer.from('the graph'), 'w/big.bin': big }, { deflate }),
      );
      rmSync(at('out'), { recursive: true });
      expect(readFileSync(await unpack('a.zip'), 'utf8')).toBe('the graph');
      expect(readFileSync(at('out', 'w', 'big.bin')).equals(big)).toBe(true);
    }
  });

  it.each(['tar', 'zip'])('may hold a TensorFlow.js model (%s)', async (format) => {
    const files = {
      'my/model.json': '{}',
      'my/metadata.json': '{}',
      'my/weights.bin': 'w',
      '__MACOSX/my/._model.json': '',
    };
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(at('tm', dirname(name)), { recursive: true });
      writeFileSync(at('tm', name), text);
    }
    if (format === 'tar')
      tar('-C', at('tm'), 'my/model.json', 'my/metadata.json', 'my/weights.bin', '__MACOSX');
    else
      writeFileSync(
        at('a.zip'),
        zipOf(Object.fromEntries(Object.entries(files).map(([name, text]) => [name, Buffer.from(text)]))),
      );
    expect(await unpackAny(`a.${format}`)).toEqual({
      format: 'tfjs',
      jsonPaths: [at('out', 'my', 'model.json'), at('out', 'my', 'metadata.json')],
    });
    expect(readFileSync(at('out', 'my', 'weights.bin'), 'utf8')).toBe('w');
  });

  it.each([
    ['a path that leads out', () => zipOf({ '../outside.onnx': Buffer.from('x') })],
    ['a wrong size', () => zipOf({ 'net.onnx': Buffer.alloc(5000) }, { claimedBytes: 100 })],
    [
      'a wrong size of stored bytes',
      () => zipOf({ 'net.onnx': Buffer.alloc(5000) }, { deflate: false, claimedBytes: 100 }),
    ],
    ['a wrong checksum', () => zipOf({ 'net.onnx': Buffer.alloc(5000) }, { checksum: 1 })],
    ['one name twice', () => zipOf({ 'net.onnx': Buffer.from('x'), './net.onnx': Buffer.from('y') })],
    ['a cut end', () => zipOf({ 'net.onnx': Buffer.alloc(5000) }).subarray(0, -30)],
    ['nothing in it', () => zipOf({})],
  ])('is rejected as a zip archive with %s', async (_what, make) => {
    writeFileSync(at('a.zip'), make());
    await expect(unpack('a.zip')).rejects.toMatchObject({ name: 'ModelRejectedError' });
  });

  it('is rejected in one sentence, whichever byte of a zip archive is wrong', async () => {
    const bytes = zipOf({ 'net.onnx': Buffer.from('the graph, the graph'), 'w.bin': Buffer.alloc(50, 1) });
    for (let at_ = 4; at_ < bytes.length; at_++) {
      const damaged = Buffer.from(bytes);
      damaged[at_]! ^= 0xff;
      writeFileSync(at('a.zip'), damaged);
      rmSync(at('out'), { recursive: true, force: true });
      const error = await unpack('a.zip').then(
        () => null,
        (reason: Error) => reason,
      );
      if (error) expect(`byte ${at_}: ${error.name} ${error.message}`).toContain('ModelRejectedError');
    }
  });

  it('is rejected when it has too many files', async () => {
    mkdirSync(at('in', 'many'));
    for (let file = 0; file < 10_000; file++) writeFileSync(at('in', 'many', String(file)), '');
    tar('-C', at('in'), 'net.onnx', 'many');
    await expect(unpack()).rejects.toThrow('more than 10000 files');
  }, 30_000);
});

/** Returns a zip archive. The options make wrong ones. */
function zipOf(
  files: Readonly<Record<string, Buffer>>,
  options: { deflate?: boolean; claimedBytes?: number; checksum?: number } = {},
): Buffer {
  const { deflate = true, claimedBytes, checksum } = options;
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const data = deflate ? deflateRawSync(content) : content;
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(deflate ? 8 : 0, 4);
    fields.writeUInt32LE(checksum ?? crc32(content), 10);
    fields.writeUInt32LE(data.length, 14);
    fields.writeUInt32LE(claimedBytes ?? content.length, 18);
    fields.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), fields, Buffer.from(name), data]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    directory.push(
      Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), fields, tail, Buffer.from(name)]),
    );
    parts.push(local);
    offset += local.length;
  }
  const index = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(directory.length, 4);
  end.writeUInt16LE(directory.length, 6);
  end.writeUInt32LE(index.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, index, Buffer.from('PK\x05\x06', 'latin1'), end]);
}
