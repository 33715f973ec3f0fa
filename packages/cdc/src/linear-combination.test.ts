import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allFinite, largestMagnitude, largestSum, linearCombination } from './linear-combination.ts';
import { createSimdKernel, SIMD_CHUNK, SIMD_SOURCES } from './simd-kernel.ts';
import { normalArray, seededNormal } from './testing/random.ts';

describe('the linear combination', () => {
  it('has a SIMD kernel on this runtime', () => {
    expect(createSimdKernel()).toBeDefined();
  });

  it('equals a float64 sum rounded once, for any lengths, offsets and number of sources', () => {
    const property = fc.property(
      fc.integer({ min: 1, max: 2 ** 30 }),
      fc.array(fc.integer({ min: 0, max: 2 * SIMD_CHUNK + 77 }), {
        minLength: 1,
        maxLength: SIMD_SOURCES + 3,
      }),
      fc.integer({ min: 0, max: 40 }),
      (seed, lengths, extra) => {
        const normal = seededNormal(seed);
        const length = Math.max(...lengths) + extra;
        const offsets = lengths.map((_, s) => s % 5);
        const sources = lengths.map((end, s) => normalArray(end + offsets[s]!, normal));
        const coefficients = lengths.map(() => normal());
        const target = new Float32Array(length + 4).fill(99);
        expect(linearCombination(target, 3, length, coefficients, sources, offsets, lengths)).toBe(true);
        const expected = new Float32Array(length + 4).fill(99);
        for (let i = 0; i < length; i++) {
          let sum = 0;
          for (const [s, source] of sources.entries()) {
            if (i < lengths[s]!) sum += coefficients[s]! * source[offsets[s]! + i]!;
          }
          expected[3 + i] = sum;
        }
        return target.every((value, i) => Object.is(value, expected[i]) || value === expected[i]);
      },
    );
    fc.assert(property, { numRuns: 60, seed: 20 });
  });

  it('reports non-finite sources, even with coefficient zero', () => {
    for (const length of [7, 130, SIMD_CHUNK, SIMD_CHUNK + 200]) {
      for (const at of [0, length - 1]) {
        for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
          const sources = [new Float32Array(length).fill(1), new Float32Array(length).fill(2)];
          const combine = (coefficients: number[]) =>
            linearCombination(
              new Float32Array(length),
              0,
              length,
              coefficients,
              sources,
              [0, 0],
              [length, length],
            );
          expect(combine([1, 0])).toBe(true);
          sources[1]![at] = value;
          expect(combine([1, 0])).toBe(false);
          expect(combine([1, 1])).toBe(false);
          // The kernel's memory still holds the non-finite value of the previous call.
          const clean = new Float32Array(length - 1).fill(1);
          const target = new Float32Array(length - 1);
          expect(linearCombination(target, 0, length - 1, [1], [clean], [0], [length - 1])).toBe(true);
        }
      }
    }
  });

  it('finds a non-finite element at every position', () => {
    for (let length = 1; length < 12; length++) {
      for (let at = 0; at < length; at++) {
        const values = new Float32Array(length).fill(3e38);
        expect(allFinite(values)).toBe(true);
        values[at] = Number.NEGATIVE_INFINITY;
        expect(allFinite(values)).toBe(false);
      }
    }
  });
});

describe('the largest sum', () => {
  it('is within the rounding of float32, for any length and number of sources', () => {
    const property = fc.property(
      fc.integer({ min: 1, max: 2 ** 30 }),
      fc.integer({ min: 1, max: 2 * SIMD_CHUNK + 77 }),
      fc.integer({ min: 1, max: SIMD_SOURCES }),
      (seed, length, count) => {
        const normal = seededNormal(seed);
        const sources = Array.from({ length: count }, () => normalArray(length, normal));
        const coefficients = sources.map(() => normal());
        let largest = 0;
        let bound = 0;
        for (let i = 0; i < length; i++) {
          let sum = 0;
          let magnitude = 0;
          for (const [s, source] of sources.entries()) {
            sum += coefficients[s]! * source[i]!;
            magnitude += Math.abs(coefficients[s]! * source[i]!);
          }
          largest = Math.max(largest, Math.abs(sum));
          bound = Math.max(bound, (count + 1) * 2 ** -24 * magnitude);
        }
        // The kernel's memory still holds the sources of earlier calls.
        expect(Math.abs(largestSum(coefficients, sources)! - largest)).toBeLessThanOrEqual(bound);
      },
    );
    fc.assert(property, { numRuns: 60, seed: 21 });
  });

  it('is found at every position', () => {
    for (const length of [1, 15, 16, 17, 63, 130, SIMD_CHUNK, SIMD_CHUNK + 1]) {
      for (let at = 0; at < length; at += length > 200 ? 61 : 1) {
        const values = new Float32Array(length).fill(-1);
        values[at] = -3;
        expect(largestMagnitude(values)).toBe(3);
        values[at] = Number.NaN;
        expect(largestMagnitude(values)).toBeNaN();
        values[at] = Number.NEGATIVE_INFINITY;
        expect(largestMagnitude(values)).toBe(Number.POSITIVE_INFINITY);
      }
    }
  });

  it('leaves more sources than the kernel has to the exact sum', () => {
    const sources = Array.from({ length: SIMD_SOURCES + 1 }, () => Float32Array.of(1));
    expect(largestSum(new Float64Array(SIMD_SOURCES + 1).fill(1), sources)).toBeUndefined();
  });
});
