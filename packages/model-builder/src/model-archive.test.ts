import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isArchive, unpackModel } from './model-archive.ts';

let directory: string;
const at = (...parts: string[]) => join(directory, ...parts);
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sparewheel-archive-'));
  mkdirSync(at('brought', 'weights'), { recursive: true });
  mkdirSync(at('out'));
  writeFileSync(at('brought', 'net.onnx'), 'the graph');
  writeFileSync(at('brought', 'weights', 'first.bin'), Buffer.alloc(700_001, 3));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const tar = (...parameters: string[]) => execFileSync('tar', ['-cf', at('a.tar'), ...parameters]);

describe('an archive of a model and its data files', () => {
  it.each(['gnu', 'posix', 'ustar'])('as tar writes it (%s) is unpacked', (format) => {
    tar(`--format=${format}`, '-C', at('brought'), 'net.onnx', 'weights');
    expect(isArchive(at('a.tar'))).toBe(true);
    expect(readFileSync(unpackModel(at('a.tar'), at('out')), 'utf8')).toBe('the graph');
    expect(readFileSync(at('out', 'weights', 'first.bin')).equals(Buffer.alloc(700_001, 3))).toBe(true);
  });

  it.each(['gnu', 'posix'])('keeps names that are longer than a header has room for (%s)', (format) => {
    const name = `${'long-'.repeat(40)}name.bin`;
    writeFileSync(at('brought', name), 'data');
    tar(`--format=${format}`, '-C', at('brought'), '.');
    unpackModel(at('a.tar'), at('out'));
    expect(readFileSync(at('out', name), 'utf8')).toBe('data');
  });

  it('is told from a model', () => {
    expect(isArchive(at('brought', 'net.onnx'))).toBe(false);
  });

  it('cannot write outside of its directory', () => {
    tar('-P', '--transform=s,^weights,../outside,', '-C', at('brought'), 'net.onnx', 'weights/first.bin');
    expect(() => unpackModel(at('a.tar'), at('out'))).toThrow(
      '"../outside/first.bin" would lie outside of it',
    );
  });

  it('is refused where it breaks off, is damaged, or has not one model', () => {
    tar('-C', at('brought'), 'net.onnx', 'weights');
    const whole = readFileSync(at('a.tar'));
    writeFileSync(at('half.tar'), whole.subarray(0, whole.length >> 1));
    expect(() => unpackModel(at('half.tar'), at('out'))).toThrow('breaks off');
    whole[3]! ^= 1;
    writeFileSync(at('bad.tar'), whole);
    expect(() => unpackModel(at('bad.tar'), at('out'))).toThrow('header at byte 0 is damaged');
    tar('-C', at('brought'), 'weights');
    expect(() => unpackModel(at('a.tar'), at('out'))).toThrow('0 files *.onnx');
  });
});
