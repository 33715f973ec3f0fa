import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allFinite, linearCombination } from './linear-combination.ts';
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
