/** The largest magnitude of a weight minus its zero point: both are 8-bit integers. */
const LARGEST_WEIGHT = 255;

/**
 * Returns the number of int8 planes that hold every sum of 8-bit weights with these coefficients.
 * @param coefficients  of one parity row; integers
 */
export function planeCount(coefficients: Iterable<number>): number {
  let largest = 0;
  for (const coefficient of coefficients) largest += Math.abs(coefficient) * LARGEST_WEIGHT;
  // n planes hold 127 · (1 + 256 + … + 256ⁿ⁻¹) and one more below zero.
  let planes = 1;
  for (let most = 127; most < largest; most = most * 256 + 127) planes++;
  return planes;
}

/**
 * Divides integers into int8 planes: value = Σ_i 256ⁱ · planes[i]. A product with the value is the sum of the products
 * with the planes, so a parity shard computes with the kernels of 8-bit integers.
 * @param values  integers that `planes` planes can hold; not mutated
 * @throws {RangeError} a value does not fit
 */
export function bytePlanes(values: Int32Array, planes: number): Int8Array[] {
  const result = Array.from({ length: planes }, () => new Int8Array(values.length));
  for (let i = 0; i < values.length; i++) {
    let rest = values[i]!;
    for (let plane = 0; plane < planes; plane++) {
      const digit = (rest << 24) >> 24;
      result[plane]![i] = digit;
      rest = (rest - digit) >> 8;
    }
    if (rest !== 0) throw new RangeError(`${values[i]} does not fit into ${planes} planes of int8`);
  }
  return result;
}
