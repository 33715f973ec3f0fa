/** Conversions of the operators that hold weights or move windows: convolutions, products, pooling, normalization. */
import { invalid, unsupported } from '../errors.ts';
import { convolution, transposedConvolution } from '../operators/convolution.ts';
import { activation, addBias, prelu } from '../operators/elementwise.ts';
import { matrixProduct } from '../operators/matrix.ts';
import { batchNormalization } from '../operators/normalization.ts';
import { pooling } from '../operators/pooling.ts';
import { enlarge, type PixelPositions, resizeTo } from '../operators/resize.ts';
import type { Padding } from '../operators/window.ts';
import { firstValue } from '../tensors/emitter.ts';
import type { Value } from '../tensors/value.ts';
import type { Conversion, NodeContext } from './node-context.ts';

const conv2d: Conversion = (node) => fused(node, 2, (bias) => convolve(node, false, bias));

const depthwiseConv2d: Conversion = (node) => fused(node, 2, (bias) => convolve(node, true, bias));

const matMul: Conversion = (node) =>
  fused(node, 2, (bias) =>
    matrixProduct(node.emitter, node.input(0), node.input(1), {
      name: node.name,
      transposeA: node.attributes.bool('transpose_a', false) || node.attributes.bool('adj_x', false),
      transposeB: node.attributes.bool('transpose_b', false) || node.attributes.bool('adj_y', false),
      bias,
    }),
  );

/** Converts the operators that TensorFlow.js appends to a node: a bias and an activation. */
function fused(node: NodeContext, biasAt: number, convert: (bias: Value | undefined) => Value): Value {
  const { attributes, emitter, name } = node;
  const operators = attributes.texts('fused_ops').filter((operator) => operator !== 'noop');
  const hasBias = operators[0] === 'biasadd';
  const [kind, ...rest] = hasBias ? operators.slice(1) : operators;
  if (rest.length > 0 || kind?.includes('batchnorm')) {
    throw unsupported(`the fused operator "${operators.at(-1)}" of node "${name}"`);
  }
  const value = convert(hasBias ? node.input(biasAt) : undefined);
  if (kind === undefined) return value;
  const label = `${name}/${kind}`;
  if (kind === 'prelu') return prelu(emitter, value, node.input(hasBias ? biasAt + 1 : biasAt), label);
  const alpha = kind === 'leakyrelu' ? attributes.float('leakyrelu_alpha', 0.2) : undefined;
  return activation(emitter, kind, value, label, `node "${name}"`, alpha);
}

function convolve(node: NodeContext, depthwise: boolean, bias: Value | undefined): Value {
  const { emitter, name } = node;
  const spatial = (node.input(0).dims?.length ?? 4) - 2;
  return convolution(emitter, node.input(0), node.input(1), {
    name,
    bias,
    depthwise,
    strides: spatialOf(node, 'strides', spatial),
    dilations: spatialOf(node, 'dilations', spatial),
    padding: paddingOf(node),
  });
}

/** Returns the spatial entries of a list like [1, height, width, 1]. */
function spatialOf(node: NodeContext, attribute: string, count = 2): number[] {
  const list = node.attributes.ints(attribute);
  if (list.length === 0) return new Array<number>(count).fill(1);
  if (list.length !== count + 2 || list[0] !== 1 || list.at(-1) !== 1) {
    throw unsupported(`the list ${attribute} [${list.join(', ')}] of node "${node.name}"`);
  }
  return list.slice(1, -1);
}

function paddingOf(node: NodeContext): Padding {
  const { attributes, name } = node;
  const format = attributes.text('data_format', 'nhwc');
  if (format !== 'nhwc' && format !== 'ndhwc') {
    throw unsupported(`the data format "${format}" of "${node.op}" (node "${name}")`);
  }
  const padding = attributes.text('padding', 'valid');
  if (padding === 'same' || padding === 'valid') return padding;
  if (padding !== 'explicit') throw unsupported(`the padding "${padding}" of node "${name}"`);
  const list = attributes.ints('explicit_paddings');
  if (list.length < 6 || list.length % 2 !== 0) throw invalid(`the padding of node "${name}" is invalid`);
  const pairs: [number, number][] = [];
  for (let i = 2; i < list.length - 2; i += 2) pairs.push([list[i]!, list[i + 1]!]);
  return pairs;
}

const conv2dBackprop: Conversion = (node) => {
  const sizes = node.input(0).elements?.slice(1, 3) ?? [null, null];
  return transposedConvolution(node.emitter, node.input(2), node.input(1), sizes, {
    name: node.name,
    strides: spatialOf(node, 'strides'),
    dilations: spatialOf(node, 'dilations'),
    padding: paddingOf(node),
  });
};

const pool =
  (opType: 'MaxPool' | 'AveragePool'): Conversion =>
  (node) => {
    const spatial = (node.input(0).dims?.length ?? 4) - 2;
    const window = {
      kernel: spatialOf(node, 'ksize', spatial),
      strides: spatialOf(node, 'strides', spatial),
      padding: paddingOf(node),
    };
    return pooling(node.emitter, opType, node.input(0), window, node.name);
  };

const fusedBatchNorm: Conversion = (node) => {
  if (node.attributes.bool('is_training', false)) {
    throw unsupported(`batch normalization in training mode (node "${node.name}")`);
  }
  const parameters = {
    scale: node.input(1),
    offset: node.input(2),
    mean: node.input(3),
    variance: node.input(4),
  };
  const epsilon = node.attributes.float('epsilon', 0.001);
  return batchNormalization(node.emitter, node.input(0), parameters, epsilon, node.name);
};

const resize =
  (mode: 'linear' | 'nearest'): Conversion =>
  (node) => {
    const { attributes, emitter, name } = node;
    const positions: PixelPositions = attributes.bool('align_corners', false)
      ? 'align_corners'
      : attributes.bool('half_pixel_centers', false)
        ? 'half_pixel'
        : 'asymmetric';
    const [image, size] = [node.input(0), node.input(1)];
    const factors = [1, 2].map((axis) => (size.elements?.[axis - 1] ?? 0) / (image.dims?.[axis] ?? 0));
    const [vertical = 0, horizontal = 0] = factors;
    if (positions !== 'align_corners' && [vertical, horizontal].every((f) => Number.isInteger(f) && f > 0)) {
      return enlarge(emitter, image, [vertical, horizontal], mode, positions, name);
    }
    return resizeTo(emitter, image, size, mode, positions, name);
  };

const depthToSpace: Conversion = (node) => {
  const input = node.input(0);
  const size = node.attributes.int('block_size', 1);
  paddingOf(node);
  if (input.dims?.length !== 4 || size < 1)
    throw invalid(`the input of node "${node.name}" is not a batch of images`);
  const attributes = { blocksize: size, mode: 'DCR' };
  const output = node.emitter.node('DepthToSpace', [node.emitter.first(input)], attributes, node.name);
  const [batch, height, width, channels] = input.dims;
  const times = (dim: number | null | undefined, factor: number) => (dim == null ? null : dim * factor);
  const dims = [batch!, times(height, size), times(width, size), times(channels, 1 / size ** 2)];
  return firstValue(output, input.type, dims);
};

export const LAYER_OPERATORS: Readonly<Record<string, Conversion>> = {
  Conv1D: conv2d,
  Conv2D: conv2d,
  Conv3D: conv2d,
  _FusedConv2D: conv2d,
  DepthwiseConv2d: depthwiseConv2d,
  DepthwiseConv2dNative: depthwiseConv2d,
  FusedDepthwiseConv2dNative: depthwiseConv2d,
  Conv2DBackpropInput: conv2dBackprop,
  MatMul: matMul,
  _FusedMatMul: matMul,
  BatchMatMul: matMul,
  BatchMatMulV2: matMul,
  BiasAdd: (node) => addBias(node.emitter, node.input(0), node.input(1), node.name),
  MaxPool: pool('MaxPool'),
  AvgPool: pool('AveragePool'),
  FusedBatchNorm: fusedBatchNorm,
  FusedBatchNormV2: fusedBatchNorm,
  FusedBatchNormV3: fusedBatchNorm,
  ResizeBilinear: resize('linear'),
  ResizeNearestNeighbor: resize('nearest'),
  DepthToSpace: depthToSpace,
};
