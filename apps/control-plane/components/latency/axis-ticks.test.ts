import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { timeAxis } from './axis-ticks.ts';

describe('a time axis', () => {
  it('has labels that do not overlap, at any width', () => {
    const time = fc.double({ min: 0.01, max: 1e4, noNaN: true });
    fc.assert(
      fc.property(
        time,
        fc.double({ min: 1.5, max: 1e4, noNaN: true }),
        fc.boolean(),
        fc.integer({ min: 150, max: 2_000 }),
        (startMs, ratio, log, width) => {
          const { x, ticks } = timeAxis({ startMs, endMs: startMs * ratio, log }, width, 20);
          const at = ticks.map(x);
          for (const [index, left] of at.entries()) {
            expect(left).toBeLessThanOrEqual(width - 20);
            if (index > 0) expect(left - at[index - 1]!).toBeGreaterThanOrEqual(44);
          }
        },
      ),
    );
  });

  it('labels 1, 2 and 5 times the powers of ten where there is space', () => {
    expect(timeAxis({ startMs: 1, endMs: 100, log: true }, 900).ticks).toEqual([1, 2, 5, 10, 20, 50, 100]);
    expect(timeAxis({ startMs: 1, endMs: 100, log: true }, 100).ticks).toEqual([1, 10, 100]);
  });
});
