import fc from 'fast-check';
import { expect, test } from 'vitest';
import { float16Bits, float16Value } from './float16.ts';

const ALL = Array.from({ length: 2 ** 16 }, (_, bits) => bits);
const FINITE = ALL.filter((bits) => Number.isFinite(float16Value(bits)));

test('every float16 keeps its bits; all NaNs are one', () => {
  for (const bits of ALL) {
    const value = float16Value(bits);
    expect(float16Bits(value)).toBe(Number.isNaN(value) ? 0x7e00 : bits);
  }
});

test.each([
  [0, 0],
  [-0, 0x8000],
  [1, 0x3c00],
  [-2, 0xc000],
  [1 / 3, 0x3555],
  [65_504, 0x7bff],
  [65_519.99, 0x7bff],
  [65_520, 0x7c00],
  [Number.NEGATIVE_INFINITY, 0xfc00],
  [2 ** -24, 1],
  [2 ** -25, 0],
  [2 ** -25 * 1.000001, 1],
  [1 - 2 ** -12, 0x3c00],
  [1 - 2 ** -11, 0x3bff],
  // Equally near to two: the even one. A detour by float32 would round the second of these up.
  [1 + 2 ** -11, 0x3c00],
  [1 + 2 ** -11 + 2 ** -40, 0x3c01],
  [1 + 3 * 2 ** -11, 0x3c02],
])('%d has the bits %d', (value, bits) => {
  expect(float16Bits(value)).toBe(bits);
});

test('no float16 is nearer than the returned one', () => {
  const positive = FINITE.filter((bits) => bits < 0x8000);
  fc.assert(
    fc.property(fc.double({ min: 0, max: 65_519, noNaN: true }), (value) => {
      const bits = float16Bits(value);
      const error = Math.abs(float16Value(bits) - value);
      for (const neighbor of [bits - 1, bits + 1]) {
        if (neighbor < 0 || neighbor >= positive.length) continue;
        expect(Math.abs(float16Value(neighbor) - value)).toBeGreaterThanOrEqual(error);
      }
    }),
  );
});
