import { describe, expect, it } from 'vitest';
import { exponential, logNormal, shiftedExponential } from './arrival-distribution.ts';
import { InvalidArgumentError, TooManyShardsError } from './errors.ts';
import { chooseHeights, type UnevenDevice } from './uneven-heights.ts';

const device = (msPerRow: number, network = shiftedExponential(2, 1)): UnevenDevice => ({
  msPerRow,
  network,
});
const heightsOf = (rows: number, k: number, devices: UnevenDevice[], align?: number) =>
  chooseHeights(rows, k, devices, align).partition.blocks.map((block) => block.rows);

describe('heights for uneven devices', () => {
  it('are equal for equal devices', () => {
    expect(heightsOf(120, 4, new Array(5).fill(device(0.1)))).toEqual([30, 30, 30, 30]);
  });

  it('give faster devices more rows and are never slower than equal heights', () => {
    for (const speeds of [
      [0.1, 0.2],
      [0.1, 0.1, 0.4],
      [0.05, 0.1, 0.2, 0.3],
    ]) {
      for (const parity of [[], [0.1], [0.5, 0.1]]) {
        const devices = [...speeds, ...parity].map((ms) => device(ms));
        const plan = chooseHeights(240, speeds.length, devices);
        const heights = plan.partition.blocks.map((block) => block.rows);
        expect(heights.reduce((a, b) => a + b)).toBe(240);
        expect(plan.expectedMs).toBeLessThanOrEqual(plan.expectedMsEven);
        if (parity.length === 0) {
          expect(heights).toEqual(heights.toSorted((a, b) => b - a));
          expect(plan.expectedMs).toBeLessThan(plan.expectedMsEven);
        }
      }
    }
  });

  it('make all devices finish together without redundancy and noise', () => {
    const quiet = exponential(1e-6);
    const heights = heightsOf(600, 3, [device(0.1, quiet), device(0.2, quiet), device(0.3, quiet)]);
    const times = heights.map((height, d) => height * [0.1, 0.2, 0.3][d]!);
    expect(Math.max(...times) - Math.min(...times)).toBeLessThanOrEqual(0.3);
  });

  it('are multiples of the alignment, except one', () => {
    const devices = [0.1, 0.2, 0.3, 0.1].map((ms) => device(ms, logNormal(3, 0.5)));
    const heights = heightsOf(200, 3, devices, 16);
    expect(heights.reduce((a, b) => a + b)).toBe(200);
    expect(heights.filter((height) => height % 16 !== 0)).toHaveLength(1);
  });

  it('reject invalid speeds and more blocks than units', () => {
    expect(() => chooseHeights(10, 2, [device(0), device(1)])).toThrow(InvalidArgumentError);
    expect(() => chooseHeights(20, 3, new Array(3).fill(device(1)), 16)).toThrow(TooManyShardsError);
  });
});
