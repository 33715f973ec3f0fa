import { describe, expect, it } from 'vitest';
import { InvalidArgumentError, LengthMismatchError, TooManyShardsError } from './errors.ts';
import { partitionHeights, partitionRows } from './partition.ts';

const heights = (rows: number, k: number, align?: number) =>
  partitionRows(rows, k, align ? { align } : {}).blocks.map((block) => block.rows);

describe('a partition', () => {
  it('is balanced, in order and covers every row once', () => {
    const broken: string[] = [];
    for (let rows = 1; rows <= 60; rows++) {
      for (let k = 1; k <= rows; k++) {
        for (const align of [1, 4, 16]) {
          const { blocks, height } = partitionRows(rows, k, { align });
          const ends = blocks.map((block) => block.start + block.rows);
          const holds =
            blocks.length === k &&
            blocks.every((block, b) => block.rows > 0 && block.start === (b === 0 ? 0 : ends[b - 1])) &&
            ends.at(-1) === rows &&
            height === Math.max(...blocks.map((block) => block.rows)) &&
            (align > 1 || height === Math.ceil(rows / k));
          if (!holds) broken.push(`${rows} rows over ${k}, aligned to ${align}`);
        }
      }
    }
    expect(broken).toEqual([]);
  });

  it('aligns wide convolutions to 16 filters and balances narrow ones', () => {
    expect(heights(64, 4, 16)).toEqual([16, 16, 16, 16]);
    expect(heights(96, 5, 16)).toEqual([32, 16, 16, 16, 16]);
    expect(heights(100, 5, 16)).toEqual([32, 32, 16, 16, 4]);
    expect(heights(30, 4, 16)).toEqual([8, 8, 7, 7]);
  });

  it('keeps given heights', () => {
    const partition = partitionHeights(10, [6, 1, 3]);
    expect(partition.height).toBe(6);
    expect(partition.blocks.map((block) => block.start)).toEqual([0, 6, 7]);
  });

  it('rejects more shards than rows, invalid counts and heights with a wrong sum', () => {
    expect(() => partitionRows(3, 4)).toThrow(TooManyShardsError);
    expect(() => partitionRows(3, 4)).toThrow('use at most 3 data shards');
    for (const k of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => partitionRows(9, k)).toThrow(InvalidArgumentError);
    }
    expect(() => partitionRows(0, 1)).toThrow(InvalidArgumentError);
    expect(() => partitionHeights(9, [4, 4])).toThrow(LengthMismatchError);
    expect(() => partitionHeights(9, [9, 0])).toThrow(InvalidArgumentError);
  });
});
