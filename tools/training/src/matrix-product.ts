/** A matrix inside an array. Strides are in elements; swapping them gives the transpose. */
export interface Operand {
  readonly data: Float64Array;
  readonly offset: number;
  readonly rowStride: number;
  readonly columnStride: number;
}

/** Returns a row-major matrix that starts at `offset`. */
export function rowMajor(data: Float64Array, columns: number, offset = 0): Operand {
  return { data, offset, rowStride: columns, columnStride: 1 };
}

/** Returns the transpose of a row-major matrix with `columns` columns. */
export function transposed(data: Float64Array, columns: number, offset = 0): Operand {
  return { data, offset, rowStride: 1, columnStride: columns };
}

/**
 * Computes target += left · right.
 *
 * Blocks of 2 × 4 keep eight sums and their six operands in registers. V8 does not vectorize, and the
 * matrices fit the second-level cache, so more blocking gains nothing.
 * @param target   [rows, columns], row-major, starts at `targetOffset`
 * @param left     [rows, inner]
 * @param right    [inner, columns]
 */
export function addMatrixProduct(
  target: Float64Array,
  targetOffset: number,
  left: Operand,
  right: Operand,
  rows: number,
  columns: number,
  inner: number,
): void {
  const { data: a, rowStride: aRow, columnStride: aStep } = left;
  const { data: b, rowStride: bStep, columnStride: bColumn } = right;
  const blockRows = rows - (rows % 2);
  const blockColumns = columns - (columns % 4);
  for (let row = 0; row < blockRows; row += 2) {
    const rowStart = left.offset + row * aRow;
    for (let column = 0; column < blockColumns; column += 4) {
      let a0 = rowStart;
      let a1 = rowStart + aRow;
      let b0 = right.offset + column * bColumn;
      let c00 = 0;
      let c01 = 0;
      let c02 = 0;
      let c03 = 0;
      let c10 = 0;
      let c11 = 0;
      let c12 = 0;
      let c13 = 0;
      for (let step = 0; step < inner; step++) {
        const x0 = a[a0]!;
        const x1 = a[a1]!;
        const y0 = b[b0]!;
        const y1 = b[b0 + bColumn]!;
        const y2 = b[b0 + 2 * bColumn]!;
        const y3 = b[b0 + 3 * bColumn]!;
        c00 += x0 * y0;
        c01 += x0 * y1;
        c02 += x0 * y2;
        c03 += x0 * y3;
        c10 += x1 * y0;
        c11 += x1 * y1;
        c12 += x1 * y2;
        c13 += x1 * y3;
        a0 += aStep;
        a1 += aStep;
        b0 += bStep;
      }
      const upper = targetOffset + row * columns + column;
      const lower = upper + columns;
      target[upper] = target[upper]! + c00;
      target[upper + 1] = target[upper + 1]! + c01;
      target[upper + 2] = target[upper + 2]! + c02;
      target[upper + 3] = target[upper + 3]! + c03;
      target[lower] = target[lower]! + c10;
      target[lower + 1] = target[lower + 1]! + c11;
      target[lower + 2] = target[lower + 2]! + c12;
      target[lower + 3] = target[lower + 3]! + c13;
    }
  }
  // Remainders of the blocks: the last columns of each block row, then the last row.
  for (let row = 0; row < rows; row++) {
    for (let column = row < blockRows ? blockColumns : 0; column < columns; column++) {
      let at = left.offset + row * aRow;
      let bt = right.offset + column * bColumn;
      let sum = 0;
      for (let step = 0; step < inner; step++, at += aStep, bt += bStep) sum += a[at]! * b[bt]!;
      const index = targetOffset + row * columns + column;
      target[index] = target[index]! + sum;
    }
  }
}
