import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeStrings, encodeStrings, fillsShape, joinStrings, storedElements } from './strings.ts';

describe('string tensors', () => {
  it('have the encoding of BYTES tensors', () => {
    const hex = Buffer.from(encodeStrings(['ab', '', 'é', '😀'])).toString('hex');
    expect(hex).toBe('020000006162' + '00000000' + '02000000c3a9' + '04000000f09f9880');
    expect(encodeStrings([])).toHaveLength(0);
  });

  it('return what was encoded, from any place in a buffer', () => {
    const text = fc.string({ unit: 'grapheme' }).filter((each) => !each.includes('\0'));
    fc.assert(
      fc.property(fc.array(text), fc.nat(7), (texts, shift) => {
        const bytes = Buffer.concat([Buffer.alloc(shift), encodeStrings(texts)]).subarray(shift);
        expect(decodeStrings(bytes)).toEqual(texts);
        expect(storedElements({ type: 'string', data: bytes })).toBe(texts.length);
      }),
    );
  });

  it.each([
    ['a length that is cut off', Buffer.from('0100000061020000', 'hex'), 'element 1 is longer than the data'],
    ['an element that is cut off', Buffer.from('0200000061', 'hex'), 'element 0 is longer than the data'],
    ['a huge length', Buffer.from('ffffffff61', 'hex'), 'element 0 is longer than the data'],
    [
      'bytes that are not UTF-8',
      joinStrings([Buffer.from('a'), Uint8Array.of(0xff)]),
      'element 1 is not valid UTF-8',
    ],
    ['a NUL', encodeStrings(['a\0b']), 'element 0 contains the character U+0000'],
  ])('with %s are refused', (_what, bytes, message) => {
    expect(() => decodeStrings(bytes)).toThrow(message);
  });

  it('keep a byte order mark', () => {
    expect(decodeStrings(encodeStrings(['\ufeffa']))).toEqual(['\ufeffa']);
  });

  it('fill a shape with as many elements', () => {
    const data = encodeStrings(['a', '', 'b']);
    expect(fillsShape({ type: 'string', dims: [3], data })).toBe(true);
    expect(fillsShape({ type: 'string', dims: [2], data })).toBe(false);
    expect(fillsShape({ type: 'string', dims: [3], data: data.subarray(0, -1) })).toBe(false);
    expect(fillsShape({ type: 'uint8', dims: [2, 3], data: new Uint8Array(6) })).toBe(true);
  });
});
