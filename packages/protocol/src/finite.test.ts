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

  it('accepts integers', () => {
    expect(isFiniteTensor({ type: 'int64', dims: [1], data: BigInt64Array.of(-1n) })).toBe(true);
    expect(isFiniteTensor({ type: 'float64', dims: [1], data: Float64Array.of(Number.NaN) })).toBe(false);
  });
});
