import fc from 'fast-check';
import { expect, it } from 'vitest';
import { assemble } from './assemble.ts';

it('concatenates blocks of unequal height along any axis without the padding', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 0, maxLength: 2 }),
      fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 0, maxLength: 2 }),
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      (outer, inner, heights, fromEnd) => {
        const height = Math.max(...heights);
        const rows = heights.reduce((a, b) => a + b, 0);
        const dims = [...outer, height, ...inner];
        const axis = fromEnd ? -1 - inner.length : outer.length;
        const stride = inner.reduce((a, b) => a * b, 1);
        const lines = outer.reduce((a, b) => a * b, 1);
        // The output counts up from 1. The padding is -1 and must not appear.
        const parts = heights.map(() => new Float32Array(lines * height * stride).fill(-1));
        const blocks: { start: number; rows: number }[] = [];
        let start = 0;
        for (const [i, tall] of heights.entries()) {
          for (let o = 0; o < lines; o++) {
            for (let j = 0; j < tall * stride; j++) {
              parts[i]![o * height * stride + j] = 1 + (o * rows + start) * stride + j;
            }
          }
          blocks.push({ start, rows: tall });
          start += tall;
        }
        const whole = assemble(parts, dims, axis, blocks);
        expect(whole.dims).toEqual([...outer, rows, ...inner]);
        expect([...whole.data]).toEqual(Array.from({ length: lines * rows * stride }, (_, i) => i + 1));
      },
    ),
    { numRuns: 300 },
  );
});

it('concatenates the channels of a convolution with batch size 1', () => {
  const part = (value: number) => new Float32Array(64 * 5 * 5).fill(value);
  const blocks = [
    { start: 0, rows: 64 },
    { start: 64, rows: 50 },
  ];
  const whole = assemble([part(1), part(2)], [1, 64, 5, 5], 1, blocks);
  expect(whole.dims).toEqual([1, 114, 5, 5]);
  expect(whole.data.length).toBe(114 * 25);
  expect(whole.data[63 * 25 + 24]).toBe(1);
  expect(whole.data[64 * 25]).toBe(2);
});
