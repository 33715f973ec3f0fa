import { tensor } from '@tensorflow/tfjs-core';
import {
  input,
  type LayersModel,
  layers,
  model as modelOf,
  type SymbolicTensor,
  sequential,
} from '@tensorflow/tfjs-layers';
import { randomFeed } from './compare.ts';

type Layer = InstanceType<typeof layers.Layer>;

/**
 * Replaces weights by random ones: new models have biases of 0, which would hide errors. Sums stay near 1, so that a
 * softmax does not hide errors either.
 */
export function randomized(model: LayersModel): LayersModel {
  const positive = (name: string) => /variance|gamma/.test(name);
  model.setWeights(
    model.weights.map((weight, index) => {
      const { data, dims } = randomFeed(index + 1, weight.shape as number[]);
      const fanIn = dims.slice(0, -1).reduce((product, dim) => product * dim, 1);
      const scaled = data.map((value) =>
        positive(weight.name) ? Math.abs(value) + 0.5 : (2 * value) / Math.sqrt(fanIn),
      );
      return tensor(scaled, [...dims]);
    }),
  );
  return model;
}

/** The structure of an image model of Teachable Machine: a cut MobileNet and a head, each in a Sequential. */
export function teachableMachineModel(size: number, classes: number): LayersModel {
  const pixels = input({ shape: [size, size, 3], name: 'input_1' });
  const block = (from: SymbolicTensor, filters: number, strides: number, id: number) => {
    const chain: Layer[] = [
      ...(strides === 2
        ? [
            layers.zeroPadding2d({
              padding: [
                [0, 1],
                [0, 1],
              ],
              name: `pad_${id}`,
            }),
          ]
        : []),
      layers.depthwiseConv2d({
        kernelSize: 3,
        strides,
        padding: strides === 2 ? 'valid' : 'same',
        useBias: false,
        name: `dw_${id}`,
      }),
      layers.batchNormalization({ name: `dw_${id}_bn` }),
      layers.reLU({ maxValue: 6, name: `dw_${id}_relu` }),
      layers.conv2d({ filters, kernelSize: 1, padding: 'same', useBias: false, name: `pw_${id}` }),
      layers.batchNormalization({ name: `pw_${id}_bn` }),
      layers.reLU({ maxValue: 6, name: `pw_${id}_relu` }),
    ] as Layer[];
    return chain.reduce((value, layer) => layer.apply(value) as SymbolicTensor, from);
  };
  const stem = layers.conv2d({
    filters: 8,
    kernelSize: 3,
    strides: 2,
    padding: 'same',
    useBias: false,
    name: 'conv1',
  });
  let value = stem.apply(pixels) as SymbolicTensor;
  value = block(value, 16, 1, 1);
  value = block(value, 24, 2, 2);
  const skip = block(value, 24, 1, 3);
  value = layers.add({ name: 'add' }).apply([value, skip]) as SymbolicTensor;
  const mobileNet = modelOf({ inputs: pixels, outputs: value, name: 'model1' });
  const features = sequential({ name: 'sequential_1' });
  features.add(mobileNet);
  features.add(layers.globalAveragePooling2d({ name: 'pool' }));
  const head = sequential({ name: 'sequential_3' });
  head.add(layers.dense({ units: 100, activation: 'relu', inputShape: [24], name: 'dense_Dense1' }));
  head.add(layers.dense({ units: classes, useBias: false, activation: 'softmax', name: 'dense_Dense2' }));
  const whole = sequential({ name: 'sequential_4' });
  whole.add(features);
  whole.add(head);
  return randomized(whole);
}
