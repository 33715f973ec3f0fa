import { float16Bits, type Tensor } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { REPLICA_TOLERANCE, relativeDifference } from './compare-outputs.ts';

const halves = (...values: number[]): Tensor[] => [
  { type: 'float16', dims: [values.length], data: Uint16Array.from(values, float16Bits) },
];

describe('the difference of two float16 answers', () => {
  it('does not count rounding to different sides', () => {
    const a = halves(1, -0.5, 0, 2 ** -24);
    const b = halves(1 + 2 ** -10, -0.5 - 2 ** -11, -0, 0);
    expect(relativeDifference(a, b)).toBe(0);
  });

  it('is relative to the largest value', () => {
    expect(relativeDifference(halves(4, 1), halves(4, 1.5))).toBe(0.125);
    expect(relativeDifference(halves(4, 1), halves(4, 1 + 2 ** -9))).toBe(2 ** -11);
    expect(relativeDifference(halves(1, 1), halves(1, 1 + 2 ** -9))).toBeGreaterThan(REPLICA_TOLERANCE);
    expect(relativeDifference(halves(2 ** -20), halves(-(2 ** -20)))).toBe(2);
  });

  it('is infinite for another type', () => {
    const bits: Tensor = { type: 'uint16', dims: [1], data: Uint16Array.of(0x3c00) };
    expect(relativeDifference(halves(1), [bits])).toBe(Number.POSITIVE_INFINITY);
  });
});
