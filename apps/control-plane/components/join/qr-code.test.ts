import { encode } from 'uqr';
import { expect, it } from 'vitest';
import { qrDrawing } from './qr-code.tsx';

const ADDRESS = 'http://192.168.1.20:3000/join#token=q7QeT4tW1rXv0mB2uYk9sZ3d';

/** Converts the rectangles of the path back to modules. */
function modules({ size, path }: { size: number; path: string }): boolean[][] {
  const grid = Array.from({ length: size }, () => new Array<boolean>(size).fill(false));
  for (const [, x, y, width] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g)) {
    for (let i = 0; i < Number(width); i++) grid[Number(y)]![Number(x) + i] = true;
  }
  return grid;
}

it('draws exactly the modules of the code', () => {
  expect(modules(qrDrawing(ADDRESS))).toEqual(encode(ADDRESS, { ecc: 'M', border: 4 }).data);
});

it('has a white border of four modules on every side', () => {
  const grid = modules(qrDrawing(ADDRESS));
  const rim = grid.flatMap((row, y) =>
    row.filter((_, x) => Math.min(x, y, grid.length - 1 - x, grid.length - 1 - y) < 4),
  );
  expect(rim.some(Boolean)).toBe(false);
  expect(grid[4]?.[4]).toBe(true);
});
