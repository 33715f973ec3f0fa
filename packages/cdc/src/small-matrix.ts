/** Dense linear algebra on small row-major Float64Array matrices: at most r × r, or k + r wide. */

/**
 * A pivot below this fraction of the largest element counts as zero. Coefficients are float64 and of order
 * one. Eliminating a singular matrix leaves rounding noise of order 1e-16.
 */
const SINGULAR_PIVOT = 1e-12;

/** Returns the inverse of an n × n matrix, or undefined if it is singular. */
export function invert(matrix: Float64Array, n: number): Float64Array | undefined {
  const inverse = new Float64Array(n * n);
  return invertInto(matrix.slice(), inverse, n) ? inverse : undefined;
}

/**
 * Writes the inverse of the n × n matrix `a` into `inverse` and overwrites `a`. Both arrays may be longer
 * than n × n. Uses Gauss–Jordan elimination with partial pivoting.
 * @returns false if the matrix is singular
 */
export function invertInto(a: Float64Array, inverse: Float64Array, n: number): boolean {
  let max = 0;
  for (let i = 0; i < n * n; i++) {
    inverse[i] = 0;
    max = Math.max(max, Math.abs(a[i]!));
  }
  for (let i = 0; i < n; i++) inverse[i * n + i] = 1;
  const tiny = SINGULAR_PIVOT * max;
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let i = column + 1; i < n; i++) {
      if (Math.abs(a[i * n + column]!) > Math.abs(a[pivot * n + column]!)) pivot = i;
    }
    const p = a[pivot * n + column]!;
    if (!(Math.abs(p) > tiny)) return false;
    swapRows(a, n, pivot, column);
    swapRows(inverse, n, pivot, column);
    for (let j = 0; j < n; j++) {
      a[column * n + j]! /= p;
      inverse[column * n + j]! /= p;
    }
    for (let i = 0; i < n; i++) {
      const factor = a[i * n + column]!;
      if (i === column || factor === 0) continue;
      for (let j = 0; j < n; j++) {
        a[i * n + j]! -= factor * a[column * n + j]!;
        inverse[i * n + j]! -= factor * inverse[column * n + j]!;
      }
    }
  }
  return true;
}

/**
 * Computes an orthonormal basis of the left null space of an n × m matrix: all x with x · matrix = 0.
 * @returns `basis`, count × n, one vector per row
 */
export function leftNullSpace(
  matrix: Float64Array,
  n: number,
  m: number,
): { basis: Float64Array; count: number } {
  // Orthonormalize the columns, then complete them to a basis with the remainders of unit vectors.
  const vectors: Float64Array[] = [];
  const tiny = SINGULAR_PIVOT * Math.max(largest(matrix), Number.MIN_VALUE);
  for (let j = 0; j < m; j++) {
    const column = Float64Array.from({ length: n }, (_, i) => matrix[i * m + j]!);
    const rest = orthonormalize(column, vectors, tiny);
    if (rest) vectors.push(rest);
  }
  const rank = vectors.length;
  const candidates = Array.from({ length: n }, (_, i) => i);
  while (vectors.length < n) {
    // The unit vector with the longest remainder keeps the basis well conditioned.
    let best: Float64Array | undefined;
    let bestNorm = 0;
    for (const i of candidates) {
      const unit = new Float64Array(n);
      unit[i] = 1;
      const norm = subtractProjections(unit, vectors);
      if (norm > bestNorm) {
        bestNorm = norm;
        best = unit;
      }
    }
    vectors.push(orthonormalize(best!, vectors, 0)!);
  }
  const count = n - rank;
  const basis = new Float64Array(count * n);
  for (let i = 0; i < count; i++) basis.set(vectors[rank + i]!, i * n);
  return { basis, count };
}

function orthonormalize(
  vector: Float64Array,
  against: readonly Float64Array[],
  tiny: number,
): Float64Array | undefined {
  // Twice, for accuracy: the first pass leaves rounding errors along `against`.
  subtractProjections(vector, against);
  const norm = subtractProjections(vector, against);
  if (!(norm > tiny)) return undefined;
  return vector.map((value) => value / norm);
}

/** Subtracts the projections onto orthonormal vectors, in place. Returns the norm of the remainder. */
function subtractProjections(vector: Float64Array, against: readonly Float64Array[]): number {
  for (const other of against) {
    let dot = 0;
    for (let i = 0; i < vector.length; i++) dot += vector[i]! * other[i]!;
    for (let i = 0; i < vector.length; i++) vector[i]! -= dot * other[i]!;
  }
  return Math.hypot(...vector);
}

function swapRows(matrix: Float64Array, n: number, a: number, b: number): void {
  if (a === b) return;
  for (let j = 0; j < n; j++) {
    const value = matrix[a * n + j]!;
    matrix[a * n + j] = matrix[b * n + j]!;
    matrix[b * n + j] = value;
  }
}

function largest(matrix: Float64Array): number {
  let max = 0;
  for (const value of matrix) max = Math.max(max, Math.abs(value));
  return max;
}

/** Yields every way to choose `size` of the items, in lexicographic order. */
export function* combinations<T>(items: readonly T[], size: number): Generator<T[]> {
  if (size > items.length || size < 0) return;
  const index = Array.from({ length: size }, (_, i) => i);
  for (;;) {
    yield index.map((i) => items[i]!);
    let i = size - 1;
    while (i >= 0 && index[i] === items.length - size + i) i--;
    if (i < 0) return;
    index[i]!++;
    for (let j = i + 1; j < size; j++) index[j] = index[j - 1]! + 1;
  }
}
