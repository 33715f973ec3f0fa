import { intAttribute, intsAttribute, isByte, type Node } from '@sparewheel/onnx';
import type { GraphEdit } from './graph-edit.ts';
import { addProduct, plainZeroPoint, subtractZeroPoint, weightSums } from './integer-products.ts';

/**
 * Rewrites MatMulInteger and ConvInteger whose input has a zero point that is computed at run time, as ONNX Runtime's
 * dynamic quantizer makes them.
 * @returns whether the node was rewritten
 */
export function lowerDynamic(edit: GraphEdit, node: Node): boolean {
  const [feed = '', weightsName = '', feedZeroPoint = '', weightsZeroPoint = ''] = node.inputs;
  const weights = edit.constants.get(weightsName);
  if (!weights || !isByte(weights) || edit.constants.has(feed)) return false;
  if (feedZeroPoint === '' || edit.constants.has(feedZeroPoint)) return false;
  if (weightsZeroPoint !== '' && !edit.constants.has(weightsZeroPoint)) return false;
  const output = node.outputs[0]!;
  const product = {
    name: node.name,
    feedZeroPoint: '',
    weights: weightsName,
    weightsZeroPoint,
    attributes: node.attributes,
  };
  if (node.opType === 'MatMulInteger') {
    if (weights.dims.length !== 2) return false;
    const accumulators = addProduct(edit, { ...product, op: 'MatMulInteger', feed })!;
    const values = weightSums(edit, weights, weightsZeroPoint, 1);
    subtractZeroPoint(edit, accumulators, feedZeroPoint, { values, dims: [values.length] }, output);
    return true;
  }
  const padding = explicitPadding(node, weights.dims.length - 2);
  const rows = weights.dims[0]! / intAttribute(node, 'group', 1);
  if (padding === undefined || rows < 2) return false;
  if (plainZeroPoint(edit, { op: 'ConvInteger', weightsZeroPoint }) === undefined) return false;
  // The zero point also fills the padding, so the padding becomes a step of its own.
  let padded = feed;
  if (padding.some((count) => count !== 0)) {
    const spatial = padding.length / 2;
    const pads = [0, 0, ...padding.slice(0, spatial), 0, 0, ...padding.slice(spatial)];
    const constant = edit.constant(
      `${node.name}/pads`,
      'int64',
      [pads.length],
      BigInt64Array.from(pads, BigInt),
    );
    const shape = edit.constant(`${node.name}/scalar`, 'int64', [0], new BigInt64Array(0));
    padded = edit.add('Pad', [feed, constant, edit.add('Reshape', [feedZeroPoint, shape])]);
  }
  const attributes = node.attributes.filter(({ name }) => name !== 'pads' && name !== 'auto_pad');
  const convolution = { ...product, attributes, op: 'ConvInteger', feed: padded } as const;
  const accumulators = addProduct(edit, convolution)!;
  const values = weightSums(edit, weights, weightsZeroPoint, 0);
  const dims = [values.length, ...weights.dims.slice(2).map(() => 1)];
  subtractZeroPoint(edit, accumulators, feedZeroPoint, { values, dims }, output);
  return true;
}

/** Returns the padding of a convolution; undefined if it depends on the shape of the input. */
function explicitPadding(node: Node, spatial: number): readonly number[] | undefined {
  const automatic = node.attributes.find(({ name }) => name === 'auto_pad');
  const mode = automatic?.kind === 'string' ? new TextDecoder().decode(automatic.value) : 'NOTSET';
  if (mode === 'VALID') return new Array(2 * spatial).fill(0);
  return mode === 'NOTSET' ? (intsAttribute(node, 'pads') ?? new Array(2 * spatial).fill(0)) : undefined;
}
