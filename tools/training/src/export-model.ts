import type { Model } from '@sparewheel/onnx';
import { GraphBuilder, type Value, type WeightSource } from '@sparewheel/zoo/graph-builder';
import type { LayerSpec, NetworkSpec } from './network-spec.ts';

/**
 * Converts a network description to an ONNX model with fixed shapes: input `image` [1, C, H, W], output
 * `logits` [1, classes].
 * @throws {RangeError} the last layer is not dense
 */
export function networkModel(spec: NetworkSpec, weights: WeightSource): Model {
  const builder = new GraphBuilder(spec.name, weights);
  const { channels, height, width } = spec.input;
  const image = builder.input('image', [1, channels, height, width]);
  const last = spec.layers.at(-1);
  if (last?.kind !== 'dense') throw new RangeError(`the last layer of ${spec.name} must be dense`);
  const body = appendLayers(builder, image, spec.layers.slice(0, -1), '');
  builder.output(builder.dense(last.name, flat(builder, body), last.units, 'logits'));
  return builder.finish();
}

/** @param prefix  makes the names of pools and concatenations unique across branches */
function appendLayers(
  builder: GraphBuilder,
  input: Value,
  layers: readonly LayerSpec[],
  prefix: string,
): Value {
  let value = input;
  layers.forEach((layer, index) => {
    const name = `${prefix}${layer.kind}${index}`;
    switch (layer.kind) {
      case 'conv':
        value = builder.conv(layer.name, value, layer);
        return;
      case 'dense':
        value = builder.dense(layer.name, flat(builder, value), layer.units);
        return;
      case 'relu':
        value = builder.relu(value);
        return;
      case 'maxPool':
        value = builder.maxPool(name, value, layer);
        return;
      case 'globalAveragePool':
        value = builder.globalAveragePool(name, value);
        return;
      case 'branches': {
        const parts = layer.branches.map((branch, part) =>
          appendLayers(builder, value, branch, `${name}.${part}.`),
        );
        value = builder.concat(name, parts);
        return;
      }
    }
  });
  return value;
}

function flat(builder: GraphBuilder, value: Value): Value {
  return value.dims.length === 2 ? value : builder.flatten('flatten', value);
}
