/** Conversions of the layers without weights. */
import { unsupported } from '../errors.ts';
import { activation, broadcast, clip, softmax, unary } from '../operators/elementwise.ts';
import { pooling } from '../operators/pooling.ts';
import { type Reduction, reduce } from '../operators/reduction.ts';
import { expandDims, reshapeRest, squeeze, transpose } from '../operators/reshaping.ts';
import { enlarge } from '../operators/resize.ts';
import { concat, pad, sliceAxes } from '../operators/slicing.ts';
import { floatValue, lastValue } from '../tensors/emitter.ts';
import type { Value } from '../tensors/value.ts';
import type { LayerContext, LayerConversion } from './layer-context.ts';
import { activate } from './weighted-layers.ts';

const identity: LayerConversion = (layer) => layer.input;

const pool =
  (opType: 'MaxPool' | 'AveragePool', axes: number): LayerConversion =>
  (layer) => {
    layer.requireChannelsLast();
    const kernel = layer.integers('pool_size', axes, 2);
    const padding = layer.text('padding', 'valid').toLowerCase();
    if (padding !== 'same' && padding !== 'valid')
      throw unsupported(`the padding of the layer "${layer.name}"`);
    const window = { kernel, strides: layer.integers('strides', axes, kernel), padding } as const;
    return pooling(layer.emitter, opType, layer.input, window, layer.name);
  };

const globalPool =
  (opType: Reduction): LayerConversion =>
  (layer) => {
    layer.requireChannelsLast();
    const { emitter, input, name } = layer;
    const axes = input.dims!.slice(1, -1).map((_, axis) => axis + 1);
    return reduce(emitter, opType, input, axes, layer.flag('keepdims', false), name);
  };

const reshapeLayer: LayerConversion = (layer) =>
  reshapeRest(layer.emitter, layer.input, layer.list('target_shape'), layer.name);

const permute: LayerConversion = (layer) =>
  transpose(layer.emitter, layer.input, [0, ...layer.list('dims')], layer.name);

const repeatVector: LayerConversion = (layer) => {
  const { emitter, input, name } = layer;
  const count = layer.number('n', 1);
  const rows = expandDims(emitter, input, 1, `${name}/axis`);
  const output = emitter.node('Tile', [emitter.last(rows), emitter.ints([1, count, 1])], {}, name);
  return lastValue(output, input.type, rows.dims!.toSpliced(1, 1, count));
};

const zeroPadding =
  (axes: number): LayerConversion =>
  (layer) => {
    layer.requireChannelsLast();
    const amounts: [number, number][] = [[0, 0], ...layer.pairs('padding', axes, 1), [0, 0]];
    return pad(layer.emitter, layer.input, amounts, 'constant', layer.name);
  };

const cropping =
  (axes: number): LayerConversion =>
  (layer) => {
    layer.requireChannelsLast();
    const ranges = layer.pairs('cropping', axes, 1).map(([before, after], axis) => ({
      axis: axis + 1,
      begin: before,
      end: after === 0 ? null : -after,
      step: 1,
    }));
    return sliceAxes(layer.emitter, layer.input, ranges, layer.name);
  };

const upSampling: LayerConversion = (layer) => {
  layer.requireChannelsLast();
  const [vertical = 2, horizontal = 2] = layer.integers('size', 2, 2);
  const kind = layer.text('interpolation', 'nearest');
  if (kind !== 'nearest' && kind !== 'bilinear')
    throw unsupported(`the interpolation of the layer "${layer.name}"`);
  const mode = kind === 'nearest' ? 'nearest' : 'linear';
  return enlarge(layer.emitter, layer.input, [vertical, horizontal], mode, 'asymmetric', layer.name);
};

const upSampling1D: LayerConversion = (layer) => {
  const { emitter, input, name } = layer;
  const image = expandDims(emitter, input, 1, `${name}/axis`);
  const [size = 2] = layer.integers('size', 1, 2);
  return squeeze(
    emitter,
    enlarge(emitter, image, [1, size], 'nearest', 'asymmetric', name),
    [1],
    `${name}/squeeze`,
  );
};

const merge =
  (opType: string): LayerConversion =>
  (layer) =>
    layer.inputs
      .slice(1)
      .reduce((sum, value) => broadcast(layer.emitter, opType, [sum, value], layer.name), layer.input);

const average: LayerConversion = (layer) =>
  broadcast(
    layer.emitter,
    'Mul',
    [merge('Add')(layer), floatValue([1 / layer.inputs.length], [])],
    layer.name,
  );

const concatenate: LayerConversion = (layer) =>
  concat(layer.emitter, layer.inputs, layer.number('axis', -1), layer.name);

const reluLayer: LayerConversion = (layer) => {
  const { emitter, input, name } = layer;
  const slope = layer.number('negative_slope', 0);
  if (layer.number('threshold', 0) !== 0) throw unsupported(`the threshold of the layer "${name}"`);
  const bent = slope === 0 ? unary(emitter, 'Relu', input, name) : leaky(layer, slope);
  return layer.raw('max_value') == null ? bent : limited(layer, bent, layer.number('max_value', 0), slope);
};

function limited(layer: LayerContext, value: Value, max: number, slope: number): Value {
  return clip(layer.emitter, value, slope === 0 ? 0 : -3.4e38, max, `${layer.name}/clip`);
}

function leaky(layer: LayerContext, slope: number): Value {
  return activation(layer.emitter, 'leakyrelu', layer.input, layer.name, `the layer "${layer.name}"`, slope);
}

const leakyRelu: LayerConversion = (layer) =>
  leaky(layer, layer.number('alpha', layer.number('negative_slope', 0.3)));

const elu: LayerConversion = (layer) => {
  const alpha = layer.number('alpha', 1);
  return activation(layer.emitter, 'elu', layer.input, layer.name, `the layer "${layer.name}"`, alpha);
};

const softmaxLayer: LayerConversion = (layer) => {
  const axis = layer.number('axis', -1);
  if (axis !== -1 && axis !== layer.input.dims!.length - 1)
    throw unsupported(`the axis of the layer "${layer.name}"`);
  return softmax(layer.emitter, 'Softmax', layer.input, layer.name);
};

export const PLAIN_LAYERS: Readonly<Record<string, LayerConversion>> = {
  Dropout: identity,
  SpatialDropout1D: identity,
  SpatialDropout2D: identity,
  GaussianNoise: identity,
  GaussianDropout: identity,
  AlphaDropout: identity,
  ActivityRegularization: identity,
  Activation: (layer) => activate(layer, layer.input),
  ReLU: reluLayer,
  LeakyReLU: leakyRelu,
  ELU: elu,
  Softmax: softmaxLayer,
  MaxPooling1D: pool('MaxPool', 1),
  MaxPooling2D: pool('MaxPool', 2),
  MaxPooling3D: pool('MaxPool', 3),
  AveragePooling1D: pool('AveragePool', 1),
  AveragePooling2D: pool('AveragePool', 2),
  AveragePooling3D: pool('AveragePool', 3),
  GlobalAveragePooling1D: globalPool('ReduceMean'),
  GlobalAveragePooling2D: globalPool('ReduceMean'),
  GlobalMaxPooling1D: globalPool('ReduceMax'),
  GlobalMaxPooling2D: globalPool('ReduceMax'),
  Flatten: (layer) => reshapeRest(layer.emitter, layer.input, [-1], layer.name),
  Reshape: reshapeLayer,
  Permute: permute,
  RepeatVector: repeatVector,
  ZeroPadding1D: zeroPadding(1),
  ZeroPadding2D: zeroPadding(2),
  Cropping1D: cropping(1),
  Cropping2D: cropping(2),
  UpSampling1D: upSampling1D,
  UpSampling2D: upSampling,
  Add: merge('Add'),
  Subtract: merge('Sub'),
  Multiply: merge('Mul'),
  Average: average,
  Maximum: merge('Max'),
  Minimum: merge('Min'),
  Concatenate: concatenate,
};
