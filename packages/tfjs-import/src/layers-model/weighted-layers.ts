/** Conversions of the layers that hold weights. */
import { unsupported } from '../errors.ts';
import { convolution, transposedConvolution } from '../operators/convolution.ts';
import { activation, addBias, cast, prelu } from '../operators/elementwise.ts';
import { matrixProduct } from '../operators/matrix.ts';
import { batchNormalization } from '../operators/normalization.ts';
import { gather, pad } from '../operators/slicing.ts';
import type { Padding } from '../operators/window.ts';
import { floatValue, lastValue } from '../tensors/emitter.ts';
import type { Value } from '../tensors/value.ts';
import type { LayerContext, LayerConversion } from './layer-context.ts';

/** Adds the layer's activation, if it has one. */
export function activate(layer: LayerContext, value: Value): Value {
  const kind = layer.activationName();
  return activation(layer.emitter, kind, value, `${layer.name}/${kind}`, `the layer "${layer.name}"`);
}

function biasOf(layer: LayerContext, absent = true): Value | undefined {
  return layer.flag('use_bias', absent) ? layer.weight('bias') : undefined;
}

function paddingOf(layer: LayerContext): Padding {
  const padding = layer.text('padding', 'valid').toLowerCase();
  if (padding !== 'same' && padding !== 'valid') {
    throw unsupported(`the padding "${padding.slice(0, 40)}" of the layer "${layer.name}"`);
  }
  return padding;
}

const dense: LayerConversion = (layer) => {
  const { emitter, input, name } = layer;
  return activate(
    layer,
    matrixProduct(emitter, input, layer.weight('kernel'), { name, bias: biasOf(layer) }),
  );
};

const conv =
  (axes: number): LayerConversion =>
  (layer) => {
    layer.requireChannelsLast();
    const { emitter, name } = layer;
    const kernel = layer.integers('kernel_size', axes, 1);
    const dilations = layer.integers('dilation_rate', axes, 1);
    const causal = axes === 1 && layer.text('padding', 'valid') === 'causal';
    const before = (kernel[0]! - 1) * dilations[0]!;
    const amounts = [
      [0, 0],
      [before, 0],
      [0, 0],
    ] as const;
    const input = causal ? pad(emitter, layer.input, amounts, 'constant', `${name}/pad`) : layer.input;
    const value = convolution(emitter, input, layer.weight('kernel'), {
      name,
      bias: biasOf(layer),
      strides: layer.integers('strides', axes, 1),
      dilations,
      padding: causal ? 'valid' : paddingOf(layer),
    });
    return activate(layer, value);
  };

const depthwise: LayerConversion = (layer) => {
  layer.requireChannelsLast();
  const value = convolution(layer.emitter, layer.input, layer.weight('depthwise_kernel'), {
    name: layer.name,
    bias: biasOf(layer),
    depthwise: true,
    strides: layer.integers('strides', 2, 1),
    dilations: layer.integers('dilation_rate', 2, 1),
    padding: paddingOf(layer),
  });
  return activate(layer, value);
};

const separable: LayerConversion = (layer) => {
  layer.requireChannelsLast();
  const { emitter, name } = layer;
  const spatial = convolution(emitter, layer.input, layer.weight('depthwise_kernel'), {
    name: `${name}/depthwise`,
    depthwise: true,
    strides: layer.integers('strides', 2, 1),
    dilations: layer.integers('dilation_rate', 2, 1),
    padding: paddingOf(layer),
  });
  const value = convolution(emitter, spatial, layer.weight('pointwise_kernel'), {
    name,
    bias: biasOf(layer),
    strides: [1, 1],
    dilations: [1, 1],
    padding: 'valid',
  });
  return activate(layer, value);
};

const convTranspose: LayerConversion = (layer) => {
  layer.requireChannelsLast();
  const value = transposedConvolution(layer.emitter, layer.input, layer.weight('kernel'), [null, null], {
    name: layer.name,
    bias: biasOf(layer),
    strides: layer.integers('strides', 2, 1),
    dilations: [1, 1],
    padding: paddingOf(layer),
  });
  return activate(layer, value);
};

/** Returns the layer's axis if it is the last one. */
function requireLastAxis(layer: LayerContext): void {
  const rank = layer.input.dims!.length;
  const raw = layer.raw('axis') ?? -1;
  const axis = Array.isArray(raw) && raw.length === 1 ? raw[0] : raw;
  if (axis !== -1 && axis !== rank - 1) {
    throw unsupported(
      `the axis ${String(axis).slice(0, 40)} of the layer "${layer.name}" (${layer.className})`,
    );
  }
}

const batchNorm: LayerConversion = (layer) => {
  requireLastAxis(layer);
  const parameters = {
    scale: layer.flag('scale', true) ? layer.weight('gamma') : null,
    offset: layer.flag('center', true) ? layer.weight('beta') : null,
    mean: layer.weight('moving_mean'),
    variance: layer.weight('moving_variance'),
  };
  return batchNormalization(
    layer.emitter,
    layer.input,
    parameters,
    layer.number('epsilon', 0.001),
    layer.name,
  );
};

const layerNorm: LayerConversion = (layer) => {
  requireLastAxis(layer);
  const { emitter, input, name } = layer;
  const size = input.dims!.at(-1) ?? null;
  const scaled = layer.flag('scale', true);
  if (!scaled && size === null) throw unsupported(`the free size of the layer "${name}"`);
  const scale = scaled ? layer.weight('gamma') : floatValue(new Array<number>(size!).fill(1), [size!]);
  const tensors = [input, scale, ...(layer.flag('center', true) ? [layer.weight('beta')] : [])];
  const attributes = { axis: -1, epsilon: { float: layer.number('epsilon', 0.001) } };
  const output = emitter.node(
    'LayerNormalization',
    tensors.map((each) => emitter.last(each)),
    attributes,
    name,
  );
  return lastValue(output, 'float32', input.dims);
};

const embedding: LayerConversion = (layer) => {
  const indices = cast(layer.emitter, layer.input, 'int32', `${layer.name}/indices`);
  return gather(layer.emitter, layer.weight('embeddings'), indices, 0, layer.name);
};

const preluLayer: LayerConversion = (layer) =>
  prelu(layer.emitter, layer.input, layer.weight('alpha'), layer.name);

const rescaling: LayerConversion = (layer) => {
  const { emitter, name } = layer;
  const scale = floatValue([layer.number('scale', 1)], []);
  const scaled = broadcastMultiply(layer, scale);
  return addBias(emitter, scaled, floatValue([layer.number('offset', 0)], []), name);
};

function broadcastMultiply(layer: LayerContext, factor: Value): Value {
  const output = layer.emitter.node(
    'Mul',
    [layer.emitter.last(layer.input), layer.emitter.last(factor)],
    {},
    `${layer.name}/scale`,
  );
  return lastValue(output, 'float32', layer.input.dims);
}

export const WEIGHTED_LAYERS: Readonly<Record<string, LayerConversion>> = {
  Dense: dense,
  Conv1D: conv(1),
  Conv2D: conv(2),
  Conv3D: conv(3),
  DepthwiseConv2D: depthwise,
  SeparableConv2D: separable,
  Conv2DTranspose: convTranspose,
  BatchNormalization: batchNorm,
  BatchNormalizationV1: batchNorm,
  LayerNormalization: layerNorm,
  Embedding: embedding,
  PReLU: preluLayer,
  Rescaling: rescaling,
};
