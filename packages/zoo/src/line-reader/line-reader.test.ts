import { expect, test } from 'vitest';
import { LINE_HEIGHT, LINE_WIDTH, lineTensor, lineWidth, readCharacters } from './index.ts';

test('scales a picture to 48 rows, and squeezes it at 480 columns', () => {
  expect(lineWidth({ width: 200, height: 96 })).toBe(100);
  expect(lineWidth({ width: 4000, height: 48 })).toBe(LINE_WIDTH);
  expect(lineWidth({ width: 1, height: 1000 })).toBe(1);
  expect(lineWidth({ width: 0, height: 0 })).toBe(1);
});

test('puts blue, green and red into planes from −1 to 1, and leaves free columns at 0', () => {
  const rgba = new Uint8ClampedArray(4 * LINE_HEIGHT * 2);
  // Row 0: one red pixel, then one transparent pixel, which is white.
  rgba.set([255, 51, 0, 255, 9, 9, 9, 0]);
  const tensor = lineTensor(rgba, 2);
  const plane = LINE_HEIGHT * LINE_WIDTH;
  expect(tensor).toHaveLength(3 * plane);
  expect([tensor[0], tensor[plane], tensor[2 * plane]]).toEqual([-1, Math.fround(-0.6), 1]);
  expect([tensor[1], tensor[plane + 1], tensor[2 * plane + 1]]).toEqual([1, 1, 1]);
  expect([tensor[2], tensor[plane + 2], tensor[2 * plane + 479]]).toEqual([0, 0, 0]);
});

test('refuses pixels of another size', () => {
  expect(() => lineTensor(new Uint8Array(4 * 47 * 10), 10)).toThrow(RangeError);
  expect(() => lineTensor(new Uint8Array(4 * 48 * 481), 481)).toThrow('1 to 480');
});

const ALPHABET = ['', 'a', 'b', ' '];

test('joins equal neighbors and removes blanks', () => {
  const { text, confidence } = readCharacters([1, 1, 0, 1, 2, 2, 0], [0.9, 0.1, 1, 0.7, 0.5, 1, 1], ALPHABET);
  expect(text).toBe('aab');
  expect(confidence).toBeCloseTo((0.9 + 0.7 + 0.5) / 3);
});

test('reads int64 indexes, and removes spaces at the ends only', () => {
  expect(readCharacters(BigInt64Array.of(3n, 1n, 3n, 2n, 3n), [1, 1, 1, 1, 1], ALPHABET).text).toBe('a b');
});

test('reads nothing from blanks', () => {
  expect(readCharacters([0, 0], [1, 1], ALPHABET)).toEqual({ text: '', confidence: 0 });
});

test('refuses an index without a character, and outputs of different lengths', () => {
  expect(() => readCharacters([4], [1], ALPHABET)).toThrow('no character 4');
  expect(() => readCharacters([1], [], ALPHABET)).toThrow(RangeError);
});
