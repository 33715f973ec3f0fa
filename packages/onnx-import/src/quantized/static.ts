import { type ConstantTensor, intAttribute, isByte, type Node } from '@sparewheel/onnx';
import type { GraphEdit } from './graph-edit.ts';
import { addProduct, requantize } from './integer-products.ts';

/**
 * Rewrites QLinearMatMul and QLinearConv: an integer product, then the bias, the scale and the rounding that ONNX
 * Runtime's kernels apply, in the same order and precision.
 * @returns whether the node was rewritten
 */
export function lowerQLinear(edit: GraphEdit, node: Node): boolean {
  const convolution = node.opType === 'QLinearConv';
  const [feed = '', feedScale = '', feedZeroPoint = '', weightsName = '', weightsScale = ''] = node.inputs;
  const [weightsZeroPoint = '', scale = '', zeroPoint = '', bias = ''] = node.inputs.slice(5);
  const weights = edit.constants.get(weightsName);
  if (!weights || !isByte(weights) || edit.constants.has(feed)) return false;
  if (!isDivisible(node, weights, convolution)) return false;
  const product = {
    op: convolution ? 'ConvInteger' : 'MatMulInteger',
    name: node.name,
    feed,
    feedZeroPoint,
    weights: weightsName,
    weightsZeroPoint,
    attributes: convolution ? node.attributes : [],
  } as const;
  const scales = [feedScale, weightsScale, scale].map((name) => edit.floats(name));
  if (!allConstant(edit, [feedZeroPoint, weightsZeroPoint, zeroPoint, bias])) return false;
  const combined = combinedScale(scales);
  if (!combined) return false;
  const rows = weights.dims[convolution ? 0 : 1]!;
  const shape = rowShape(weights, convolution);
  if (combined.length !== 1 && combined.length !== rows) return false;
  const offsets = bias === '' ? undefined : edit.int32s(bias);
  if (bias !== '' && !offsets) return false;
  let accumulators = addProduct(edit, product);
  if (accumulators === undefined) return false;
  if (offsets) {
    const constant = edit.constant(`${node.name}/bias`, 'int32', shape(offsets.length), offsets);
    accumulators = edit.add('Add', [accumulators, constant]);
  }
  const factor = edit.constant(`${node.name}/scale`, 'float32', shape(combined.length), combined);
  const name = edit.unused(`${node.name}/round`);
  requantize(edit, accumulators, factor, zeroPoint, { name, value: node.outputs[0]! });
  return true;
}

function allConstant(edit: GraphEdit, names: readonly string[]): boolean {
  return names.every((name) => name === '' || edit.constants.has(name));
}

/** Returns whether the layer has rows to divide: a depthwise convolution is faster in its fused form. */
export function isDivisible(node: Node, weights: ConstantTensor, convolution: boolean): boolean {
  if (!convolution) return weights.dims.length === 2 && weights.dims[1]! >= 2;
  return weights.dims.length >= 3 && weights.dims[0]! / intAttribute(node, 'group', 1) >= 2;
}

/** Returns the shape of a constant with one element per row, or with one for all. */
export function rowShape(weights: ConstantTensor, convolution: boolean): (length: number) => number[] {
  return (length) =>
    length === 1 ? [] : convolution ? [length, ...weights.dims.slice(2).map(() => 1)] : [length];
}

/**
 * Returns feed scale · weights scale ÷ output scale, each operation rounded to float32 as in ONNX Runtime.
 * @param scales  feed and output have one element
 */
export function combinedScale([feed, weights, output]: readonly (Float32Array | undefined)[]):
  | Float32Array<ArrayBuffer>
  | undefined {
  if (feed?.length !== 1 || !weights || output?.length !== 1) return undefined;
  return Float32Array.from(weights, (scale) => Math.fround(feed[0]! * scale) / output[0]!);
}
