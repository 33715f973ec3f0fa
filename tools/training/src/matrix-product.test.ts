import { seededRandom } from '@sparewheel/zoo/random';
import { expect, test } from 'vitest';
import { addMatrixProduct, rowMajor, transposed } from './matrix-product.ts';

test('adds the product for sizes with and without remainders, and for transposed operands', () => {
  const random = seededRandom(3);
  for (const [rows, columns, inner] of [
    [1, 1, 1],
    [2, 4, 3],
    [3, 5, 7],
    [5, 9, 2],
    [4, 3, 1],
  ] as const) {
    const left = Float64Array.from({ length: rows * inner }, () => random.normal());
    const right = Float64Array.from({ length: inner * columns }, () => random.normal());
    const expected = new Float64Array(rows * columns).fill(1);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        for (let i = 0; i < inner; i++) {
          const index = row * columns + column;
          expected[index] = expected[index]! + left[row * inner + i]! * right[i * columns + column]!;
        }
      }
    }
    const flip = (matrix: Float64Array, height: number, width: number): Float64Array =>
      Float64Array.from(
        { length: matrix.length },
        (_, at) => matrix[(at % height) * width + Math.floor(at / height)]!,
      );
    const lefts = [rowMajor(left, inner), transposed(flip(left, rows, inner), rows)];
    const rights = [rowMajor(right, columns), transposed(flip(right, inner, columns), inner)];
    for (const a of lefts) {
      for (const b of rights) {
        const target = new Float64Array(2 + rows * columns).fill(1);
        addMatrixProduct(target, 2, a, b, rows, columns, inner);
        expected.forEach((value, index) => {
          expect(target[2 + index]).toBeCloseTo(value, 12);
        });
        expect([...target.subarray(0, 2)]).toEqual([1, 1]);
      }
    }
  }
});
