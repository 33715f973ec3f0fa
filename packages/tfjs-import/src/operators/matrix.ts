import { invalid } from '../errors.ts';
import { type Emitter, lastValue } from '../tensors/emitter.ts';
import type { Known, Value } from '../tensors/value.ts';
import { broadcast, broadcastDims } from './elementwise.ts';

export interface ProductOptions {
  readonly name: string;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  readonly bias?: Value | undefined;
}

/** Adds a matrix product over the last two axes. Two matrices and a vector as bias become one Gemm. */
export function matrixProduct(emitter: Emitter, a: Value, b: Value, options: ProductOptions): Value {
  const { name, transposeA = false, transposeB = false, bias } = options;
  const [left, right] = [a.dims, b.dims];
  if (!left || !right || left.length < 2 || right.length < 2) {
    throw invalid(`the product "${name}" has an operand that is not a matrix`);
  }
  const [rows, inner] = lastTwo(left, transposeA);
  const [innerOfB, columns] = lastTwo(right, transposeB);
  if (inner !== null && innerOfB !== null && inner !== innerOfB) {
    throw invalid(`the product "${name}" multiplies ${inner} columns with ${innerOfB} rows`);
  }
  const plain = left.length === 2 && right.length === 2;
  if (plain && (!bias || bias.dims?.length === 1)) {
    const tensors = [emitter.last(a), emitter.last(b), ...(bias ? [emitter.last(bias)] : [])];
    const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 };
    return lastValue(emitter.node('Gemm', tensors, attributes, name), a.type, [rows, columns]);
  }
  const batch = broadcastDims(left.slice(0, -2), right.slice(0, -2), name)!;
  const operands = [
    transposeA ? swapped(emitter, a, name) : emitter.last(a),
    transposeB ? swapped(emitter, b, name) : emitter.last(b),
  ];
  const product = lastValue(emitter.node('MatMul', operands, {}, name), a.type, [...batch, rows, columns]);
  return bias ? broadcast(emitter, 'Add', [product, bias], `${name}/bias`) : product;
}

function lastTwo(dims: readonly Known[], transposed: boolean): [Known, Known] {
  const [x, y] = [dims.at(-2)!, dims.at(-1)!];
  return transposed ? [y, x] : [x, y];
}

function swapped(emitter: Emitter, value: Value, name: string): string {
  const rank = value.dims!.length;
  const perm = Array.from({ length: rank }, (_, axis) => (axis < rank - 2 ? axis : rank * 2 - 3 - axis));
  if (value.constant) return emitter.initializer(value, perm, `${name}/constant`);
  return emitter.node('Transpose', [emitter.last(value)], { perm }, `${name}/transpose`);
}
