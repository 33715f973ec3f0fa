import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { containsNonFinite, isFiniteTensor } from './finite.ts';

describe('finite check', () => {
  it('finds NaN and infinities at every position, and nothing else', () => {
    fc.assert(
      fc.property(fc.float32Array({ maxLength: 40 }), (data) => {
        expect(containsNonFinite(data)).toBe(!data.every(Number.isFinite));
      }),
    );
    for (let length = 1; length < 12; length++) {
      for (let at = 0; at < length; at++) {
        for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
          expect(containsNonFinite(new Float32Array(length).fill(3e38).fill(value, at, at + 1))).toBe(true);
        }
      }
      expect(containsNonFinite(new Float32Array(length).fill(-3.4e38))).toBe(false);
    }
  });

  it('finds float16 NaN and infinities by their bits', () => {
    const finite = (...bits: number[]) =>
      isFiniteTensor({ type: 'float16', dims: [bits.length], data: Uint16Array.from(bits) });
    expect(finite(0, 0x8000, 0x7bff, 0xfbff, 0x0001)).toBe(true);
    for (const bits of [0x7c00, 0xfc00, 0x7e00, 0xfc01]) expect(finite(0, bits)).toBe(false);
  });

  it('accepts integers', () => {
    expect(isFiniteTensor({ type: 'int64', dims: [1], data: BigInt64Array.of(-1n) })).toBe(true);
    expect(isFiniteTensor({ type: 'float64', dims: [1], data: Float64Array.of(Number.NaN) })).toBe(false);
  });
});
