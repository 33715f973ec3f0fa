import { type Attribute, byteData, type ConstantTensor, type Node } from '@sparewheel/onnx';
import type { GraphEdit } from './graph-edit.ts';

/** A product of 8-bit integers with constant weights, in any of ONNX's forms. */
export interface IntegerProduct {
  readonly op: 'MatMulInteger' | 'ConvInteger';
  /** Name of the node, which is the name of the layer. */
  readonly name: string;
  readonly feed: string;
  /** Value or constant; '' for zero. */
  readonly feedZeroPoint: string;
  /** Constant [K, N] for MatMulInteger, [M, C / groups, kernel…] for ConvInteger. */
  readonly weights: string;
  /** Constant with one element, or one per row of the output; '' for zero. */
  readonly weightsZeroPoint: string;
  /** Attributes of a convolution. */
  readonly attributes: readonly Attribute[];
}

/**
 * Adds the node of a product, with a zero point of the weights that ConvInteger accepts.
 * @returns the name of the int32 result; undefined if the weights have several zero points that are not zero
 */
export function addProduct(edit: GraphEdit, product: IntegerProduct): string | undefined {
  const zeroPoint = plainZeroPoint(edit, product);
  if (zeroPoint === undefined) return undefined;
  const [weights, weightsZeroPoint] =
    product.op === 'ConvInteger'
      ? unsignedWeights(edit, product.weights, zeroPoint)
      : [product.weights, zeroPoint];
  return edit.add(product.op, [product.feed, weights, product.feedZeroPoint, weightsZeroPoint], {
    name: product.name,
    output: edit.unused(`${product.name}/accumulators`),
    attributes: product.attributes,
  });
}

/**
 * Returns int8 weights as uint8 with a zero point that is larger by 128, which gives the same products. ONNX Runtime's
 * ConvInteger multiplies int8 weights without vector instructions on x86, and is 18 times slower.
 */
function unsignedWeights(
  edit: GraphEdit,
  name: string,
  zeroPoint: string,
): [weights: string, zeroPoint: string] {
  const tensor = edit.constants.get(name)!;
  const weights = byteData(tensor, edit);
  if (weights instanceof Uint8Array) return [name, zeroPoint];
  const zero = zeroPoint === '' ? 0 : byteData(edit.constants.get(zeroPoint)!, edit)[0]!;
  const shifted = Uint8Array.from(weights, (weight) => weight + 128);
  return [
    edit.constant(`${name}/unsigned`, 'uint8', tensor.dims, shifted),
    edit.constant(`${name}/unsigned-zero-point`, 'uint8', [], Uint8Array.of(zero + 128)),
  ];
}

/** Returns the zero point of the weights as the operator takes it; undefined if the operator cannot take it. */
export function plainZeroPoint(
  edit: GraphEdit,
  { op, weightsZeroPoint }: Pick<IntegerProduct, 'op' | 'weightsZeroPoint'>,
): string | undefined {
  if (weightsZeroPoint === '') return '';
  const values = byteData(edit.constants.get(weightsZeroPoint)!, edit);
  if (values.every((value) => value === 0)) return '';
  return op === 'MatMulInteger' || values.length === 1 ? weightsZeroPoint : undefined;
}

/**
 * Moves a zero point that is computed at run time out of a product: Σ w · (x − z) = Σ w · x − z · Σ w. The product is
 * then linear in x alone, so devices need no zero point, and one run can serve several requests.
 * @param weights  [K, N], or [M, C / groups, kernel…]
 * @param sumOver  'first': over K; 'rest': over everything after M
 * @param output  name of the result
 */
export function subtractZeroPoint(
  edit: GraphEdit,
  accumulators: string,
  zeroPoint: string,
  sums: { readonly values: Int32Array; readonly dims: readonly number[] },
  output: string,
): void {
  const constant = edit.constant(`${output}/weight-sums`, 'int32', sums.dims, sums.values);
  const correction = edit.add('Mul', [edit.cast(zeroPoint, 'int32'), constant]);
  edit.add('Sub', [accumulators, correction], { output });
}

/**
 * Returns the sums of weights minus zero points, for each row of the output.
 * @param axis  of the rows: 1 for [K, N], 0 for [M, …]
 */
export function weightSums(
  edit: GraphEdit,
  weights: ConstantTensor,
  weightsZeroPoint: string,
  axis: 0 | 1,
): Int32Array {
  const data = byteData(weights, edit);
  const zero = weightsZeroPoint === '' ? undefined : byteData(edit.constants.get(weightsZeroPoint)!, edit);
  const rows = weights.dims[axis]!;
  const terms = data.length / rows;
  const sums = new Int32Array(rows);
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let term = 0; term < terms; term++)
      sum += data[axis === 0 ? row * terms + term : term * rows + row]!;
    sums[row] = sum - terms * (zero?.[zero.length === 1 ? 0 : row] ?? 0);
  }
  return sums;
}

/** Adds constants to accumulators, scales them, and rounds to 8 bits, as ONNX Runtime's quantized kernels do. */
export function requantize(
  edit: GraphEdit,
  accumulators: string,
  scale: string,
  zeroPoint: string,
  output: Pick<Node, 'name'> & { readonly value: string },
): void {
  const scaled = edit.add('Mul', [edit.cast(accumulators, 'float32'), scale]);
  const one = edit.constant(`${output.value}/one`, 'float32', [], Float32Array.of(1));
  edit.add('QuantizeLinear', [scaled, one, zeroPoint], { output: output.value, name: output.name });
}
