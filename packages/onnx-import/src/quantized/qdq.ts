import {
  byteData,
  type ConstantTensor,
  DATA_TYPE,
  floatAttribute,
  intAttribute,
  isByte,
  type Node,
} from '@sparewheel/onnx';
import type { GraphEdit } from './graph-edit.ts';
import { addProduct, requantize } from './integer-products.ts';
import { combinedScale, isDivisible, rowShape } from './static.ts';

/** A dequantized 8-bit value: (value − zero point) · scale. */
interface Dequantized {
  readonly value: string;
  readonly scale: Float32Array;
  /** '' for zero. */
  readonly zeroPoint: string;
  /** Of a scale with several elements. */
  readonly axis: number;
}

/**
 * Rewrites Gemm, MatMul and Conv between DequantizeLinear nodes: an integer product, then the scale and the bias. If
 * only a QuantizeLinear reads the result, it becomes part of the rewrite, and rounds as ONNX Runtime's fused kernels do.
 * @returns whether the node was rewritten
 */
export function lowerQdq(edit: GraphEdit, node: Node): boolean {
  const convolution = node.opType === 'Conv';
  const gemm = node.opType === 'Gemm';
  const feed = dequantized(edit, node.inputs[0]!);
  const weights = dequantized(edit, node.inputs[1] ?? '');
  const tensor = weights && edit.constants.get(weights.value);
  if (!feed || !tensor || edit.constants.has(feed.value) || feed.scale.length !== 1) return false;
  if (!isByte(tensor) || !isByteValue(edit, feed)) return false;
  if (gemm && !isPlain(node)) return false;
  const transposed = gemm && intAttribute(node, 'transB', 0) !== 0;
  const rowAxis = convolution || transposed ? 0 : 1;
  const rows = tensor.dims[rowAxis]!;
  const divisible = transposed
    ? tensor.dims.length === 2 && rows >= 2
    : isDivisible(node, tensor, convolution);
  const perRow = [weights.scale.length, zeroPointLength(edit, weights.zeroPoint)].every(
    (length) => length === 1 || (length === rows && weights.axis === rowAxis),
  );
  if (!divisible || !perRow) return false;

  const accumulators = addProduct(edit, {
    op: convolution ? 'ConvInteger' : 'MatMulInteger',
    name: node.name,
    feed: feed.value,
    feedZeroPoint: feed.zeroPoint,
    weights: transposed ? transpose(edit, tensor) : tensor.name,
    weightsZeroPoint: weights.zeroPoint,
    attributes: convolution ? node.attributes : [],
  });
  if (accumulators === undefined) return false;
  const shape = rowShape(tensor, convolution);
  const scales = [feed.scale, weights.scale] as const;
  if (fuseRounding(edit, node, accumulators, scales, shape)) return true;

  const scale = combinedScale([...scales, Float32Array.of(1)])!;
  const factor = edit.constant(`${node.name}/scale`, 'float32', shape(scale.length), scale);
  const bias = node.inputs[2] ?? '';
  const output = node.outputs[0]!;
  const scaled = edit.add('Mul', [edit.cast(accumulators, 'float32'), factor], bias === '' ? { output } : {});
  if (bias !== '')
    edit.add('Add', [scaled, convolution ? broadcastable(edit, bias, tensor) : bias], { output });
  return true;
}

/** Rewrites the QuantizeLinear after the layer, too. @returns false if the layer has another form */
function fuseRounding(
  edit: GraphEdit,
  node: Node,
  accumulators: string,
  [feedScale, weightsScale]: readonly [Float32Array, Float32Array],
  shape: (length: number) => number[],
): boolean {
  const output = node.outputs[0]!;
  const rounding = edit.onlyReader(output);
  if (rounding?.opType !== 'QuantizeLinear' || rounding.inputs[0] !== output) return false;
  const [, scaleName = '', zeroPoint = ''] = rounding.inputs;
  const type = edit.constants.get(zeroPoint);
  if (zeroPoint !== '' && !(type && isByte(type))) return false;
  const combined = combinedScale([feedScale, weightsScale, edit.floats(scaleName)]);
  const bias = node.inputs[2] ?? '';
  const offsets = bias === '' ? undefined : integerBias(edit, bias, feedScale, weightsScale);
  if (!combined || (bias !== '' && !offsets)) return false;
  let sum = accumulators;
  if (offsets) {
    sum = edit.add('Add', [sum, edit.constant(`${node.name}/bias`, 'int32', shape(offsets.length), offsets)]);
  }
  const factor = edit.constant(`${node.name}/scale`, 'float32', shape(combined.length), combined);
  requantize(edit, sum, factor, zeroPoint, { name: rounding.name, value: rounding.outputs[0]! });
  edit.replace(rounding);
  return true;
}

/** Returns the integers of a bias whose scale is feed scale · weights scale; undefined for any other bias. */
function integerBias(edit: GraphEdit, bias: string, feedScale: Float32Array, weightsScale: Float32Array) {
  const source = edit.producers.get(bias);
  if (source?.opType !== 'DequantizeLinear') return undefined;
  const [value = '', scaleName = '', zeroPoint = ''] = source.inputs;
  const scale = edit.floats(scaleName);
  const offsets = edit.int32s(value);
  const zero = zeroPoint === '' ? undefined : edit.int32s(zeroPoint);
  if (!scale || !offsets || (zeroPoint !== '' && !zero?.every((each) => each === 0))) return undefined;
  const matches = scale.every((each, row) => {
    const expected = feedScale[0]! * weightsScale[weightsScale.length === 1 ? 0 : row]!;
    return Math.abs(each - expected) <= 1e-5 * Math.abs(expected);
  });
  return matches ? offsets : undefined;
}

/** Returns the parts of a DequantizeLinear with constant scale and zero point. */
function dequantized(edit: GraphEdit, name: string): Dequantized | undefined {
  const node = edit.producers.get(name);
  if (node?.opType !== 'DequantizeLinear' || intAttribute(node, 'block_size', 0) !== 0) return undefined;
  const [value = '', scaleName = '', zeroPoint = ''] = node.inputs;
  const scale = edit.floats(scaleName);
  if (!scale || (zeroPoint !== '' && !edit.constants.has(zeroPoint))) return undefined;
  const rank = edit.constants.get(value)?.dims.length ?? 0;
  const axis = intAttribute(node, 'axis', 1);
  return { value, scale, zeroPoint, axis: axis < 0 ? axis + rank : axis };
}

/** Returns whether a quantized value is known to have 8 bits. */
function isByteValue(edit: GraphEdit, { value, zeroPoint }: Dequantized): boolean {
  const type = edit.constants.get(zeroPoint);
  if (type) return isByte(type);
  const source = edit.producers.get(value);
  if (source?.opType === 'DynamicQuantizeLinear') return true;
  if (source?.opType !== 'QuantizeLinear' || intAttribute(source, 'output_dtype', 0) !== 0) return false;
  const written = edit.constants.get(source.inputs[2] ?? '');
  return written ? isByte(written) : source.inputs.length < 3;
}

function zeroPointLength(edit: GraphEdit, zeroPoint: string): number {
  if (zeroPoint === '') return 1;
  return edit.constants.get(zeroPoint)!.dims.reduce((product, dim) => product * dim, 1);
}

function isPlain(node: Node): boolean {
  return (
    intAttribute(node, 'transA', 0) === 0 &&
    floatAttribute(node, 'alpha', 1) === 1 &&
    floatAttribute(node, 'beta', 1) === 1
  );
}

/** Adds the transposed weights: MatMulInteger has no attribute for it. */
function transpose(edit: GraphEdit, tensor: ConstantTensor): string {
  const [rows, columns] = tensor.dims as [number, number];
  const data = byteData(tensor, edit);
  const turned = new Uint8Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++)
      turned[column * rows + row] = data[row * columns + column]!;
  }
  const type = tensor.dataType === DATA_TYPE.int8 ? 'int8' : 'uint8';
  return edit.constant(`${tensor.name}/transposed`, type, [columns, rows], turned);
}

/** Returns the bias of a convolution with axes for the spatial dimensions. */
function broadcastable(edit: GraphEdit, bias: string, weights: ConstantTensor): string {
  const dims = [weights.dims[0]!, ...weights.dims.slice(2).map(() => 1)];
  const shape = edit.constant(`${bias}/shape`, 'int64', [dims.length], BigInt64Array.from(dims, BigInt));
  return edit.add('Reshape', [bias, shape]);
}
