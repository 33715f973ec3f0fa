import {
  input,
  type LayersModel,
  layers,
  model as modelOf,
  type SymbolicTensor,
  sequential,
} from '@tensorflow/tfjs-layers';
import { describe, expect, it, test } from 'vitest';
import { convert, onnxOutputs, randomFeed, relativeError, saved, tfjsOutputs } from '../testing/compare.ts';
import { randomized, teachableMachineModel } from '../testing/teachable-machine.ts';

type Layer = InstanceType<typeof layers.Layer>;

/** Rounding of float32 sums. The product allows 1e-4. */
const TOLERANCE = 1e-5;

async function errorOf(model: LayersModel, seed = 7): Promise<number> {
  const files = await saved(model);
  const feeds = model.inputs.map(({ shape }, index) =>
    randomFeed(seed + index, [2, ...(shape.slice(1) as number[]).map((size) => size ?? 9)]),
  );
  const expected = await tfjsOutputs(files, feeds);
  const actual = await onnxOutputs(convert(files), feeds);
  expect(actual).toHaveLength(expected.length);
  return Math.max(...expected.map((output, index) => relativeError(actual[index]!, output)));
}

const image = [9, 8, 4];
const sequence = [10, 6];
const CASES: readonly [name: string, shape: readonly (number | null)[], make: () => Layer][] = [
  ['Dense', [6], () => layers.dense({ units: 5, activation: 'tanh' })],
  [
    'Dense over a sequence',
    sequence,
    () => layers.dense({ units: 5, useBias: false, activation: 'softmax' }),
  ],
  ['Conv1D', sequence, () => layers.conv1d({ filters: 5, kernelSize: 3, padding: 'same', strides: 2 })],
  ['Conv2D', image, () => layers.conv2d({ filters: 5, kernelSize: [3, 2], activation: 'relu6' })],
  [
    'Conv2D, same, odd and even sizes',
    image,
    () => layers.conv2d({ filters: 5, kernelSize: 3, strides: 2, padding: 'same' }),
  ],
  [
    'Conv2D, free size',
    [null, null, 4],
    () => layers.conv2d({ filters: 5, kernelSize: 3, strides: 2, padding: 'same' }),
  ],
  [
    'Conv2D, dilated',
    image,
    () => layers.conv2d({ filters: 3, kernelSize: 3, dilationRate: 2, padding: 'same', activation: 'elu' }),
  ],
  ['Conv3D', [5, 6, 7, 2], () => layers.conv3d({ filters: 3, kernelSize: 2, strides: 2, padding: 'same' })],
  [
    'Conv2DTranspose, same',
    image,
    () => layers.conv2dTranspose({ filters: 5, kernelSize: 3, strides: 2, padding: 'same' }),
  ],
  ['Conv2DTranspose, valid', image, () => layers.conv2dTranspose({ filters: 5, kernelSize: 4, strides: 3 })],
  [
    'Conv2DTranspose, stride beyond the kernel',
    image,
    () => layers.conv2dTranspose({ filters: 5, kernelSize: 1, strides: 2, padding: 'same' }),
  ],
  [
    'DepthwiseConv2D',
    image,
    () => layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, padding: 'same', strides: 2 }),
  ],
  ['SeparableConv2D', image, () => layers.separableConv2d({ filters: 6, kernelSize: 3, activation: 'selu' })],
  ['BatchNormalization', image, () => layers.batchNormalization({})],
  ['BatchNormalization of a vector', [6], () => layers.batchNormalization({ scale: false, center: false })],
  ['LayerNormalization', sequence, () => layers.layerNormalization({})],
  ['PReLU', image, () => layers.prelu({ sharedAxes: [1, 2] })],
  ['MaxPooling1D', sequence, () => layers.maxPooling1d({ poolSize: 3, strides: 2, padding: 'same' })],
  ['MaxPooling2D', image, () => layers.maxPooling2d({ poolSize: 2 })],
  ['AveragePooling1D', sequence, () => layers.averagePooling1d({ poolSize: 2 })],
  [
    'AveragePooling2D, same',
    image,
    () => layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' }),
  ],
  ['MaxPooling3D', [4, 5, 6, 2], () => layers.maxPooling3d({ poolSize: 2 })],
  ['AveragePooling3D', [4, 5, 6, 2], () => layers.averagePooling3d({ poolSize: 2 })],
  ['GlobalAveragePooling1D', sequence, () => layers.globalAveragePooling1d()],
  ['GlobalAveragePooling2D', image, () => layers.globalAveragePooling2d({})],
  ['GlobalMaxPooling1D', sequence, () => layers.globalMaxPooling1d()],
  ['GlobalMaxPooling2D', image, () => layers.globalMaxPooling2d({})],
  ['Flatten', image, () => layers.flatten()],
  ['Reshape', image, () => layers.reshape({ targetShape: [-1, 8] })],
  ['Permute', image, () => layers.permute({ dims: [3, 1, 2] })],
  ['RepeatVector', [6], () => layers.repeatVector({ n: 3 })],
  [
    'ZeroPadding2D',
    image,
    () =>
      layers.zeroPadding2d({
        padding: [
          [1, 2],
          [0, 3],
        ],
      }),
  ],
  [
    'Cropping2D',
    image,
    () =>
      layers.cropping2D({
        cropping: [
          [1, 2],
          [0, 3],
        ],
      }),
  ],
  ['UpSampling2D', image, () => layers.upSampling2d({ size: [2, 3] })],
  ['UpSampling2D, bilinear', image, () => layers.upSampling2d({ size: [2, 3], interpolation: 'bilinear' })],
  ['ReLU', image, () => layers.reLU({ maxValue: 0.5 })],
  ['LeakyReLU', image, () => layers.leakyReLU({ alpha: 0.1 })],
  ['ELU', image, () => layers.elu()],
  ['Softmax', image, () => layers.softmax({ axis: -1 })],
  ...(['sigmoid', 'hardSigmoid', 'softplus', 'softsign', 'swish', 'mish', 'linear'] as const).map(
    (kind): (typeof CASES)[number] => [
      `Activation ${kind}`,
      image,
      () => layers.activation({ activation: kind }),
    ],
  ),
  ...(['dropout', 'gaussianNoise', 'gaussianDropout', 'alphaDropout'] as const).map(
    (kind): (typeof CASES)[number] => [
      `${kind}, which does nothing`,
      image,
      () => layers[kind]({ rate: 0.5, stddev: 1 }) as Layer,
    ],
  ),
];

describe('a layer gives the answer of TensorFlow.js:', () => {
  test.each(CASES)('%s', async (_name, shape, make) => {
    const single = sequential();
    const tensor = input({ shape: [...shape] });
    const alone = modelOf({ inputs: tensor, outputs: make().apply(tensor) as SymbolicTensor });
    expect(await errorOf(randomized(alone))).toBeLessThan(TOLERANCE);
    // Between two convolutions, so that the channels of the input come first.
    if (shape.length === 3) {
      single.add(layers.conv2d({ filters: 4, kernelSize: 1, inputShape: [...shape] }));
      single.add(make());
      expect(await errorOf(randomized(single))).toBeLessThan(TOLERANCE);
    }
  });

  test.each(['add', 'multiply', 'average', 'maximum', 'minimum', 'concatenate'] as const)(
    '%s',
    async (kind) => {
      const a = input({ shape: image });
      const b = input({ shape: image });
      const branch = layers.conv2d({ filters: 4, kernelSize: 1 }).apply(b) as SymbolicTensor;
      const merged = layers[kind]({}).apply([a, branch]) as SymbolicTensor;
      const pooled = layers.globalMaxPooling2d({}).apply(merged) as SymbolicTensor;
      expect(await errorOf(randomized(modelOf({ inputs: [a, b], outputs: [merged, pooled] })))).toBeLessThan(
        TOLERANCE,
      );
    },
  );

  test('Embedding', async () => {
    const words = sequential({ layers: [layers.embedding({ inputDim: 9, outputDim: 3, inputLength: 4 })] });
    const files = await saved(randomized(words));
    const feeds = [{ dims: [2, 4], data: Float32Array.from([0, 8, 3, 3, 1, 2, 5, 7]) }];
    const [expected] = await tfjsOutputs(files, feeds);
    const [actual] = await onnxOutputs(convert(files), feeds);
    expect(relativeError(actual!, expected!)).toBe(0);
  });
});

describe('a layers model', () => {
  it('with the structure of Teachable Machine gives the answer of TensorFlow.js', async () => {
    const model = teachableMachineModel(32, 3);
    expect(await errorOf(model)).toBeLessThan(TOLERANCE);
    const { graph } = convert(await saved(model));
    expect(graph.inputs).toEqual([
      { name: 'input_1', type: { kind: 'tensor', dataType: 1, dims: ['batch', 32, 32, 3] } },
    ]);
    expect(graph.outputs.map(({ name }) => name)).toEqual(['dense_Dense2']);
    // One transpose at the input. Between the convolutions the channels stay first.
    expect(graph.nodes.filter(({ opType }) => opType === 'Transpose')).toHaveLength(1);
  });

  it('with the structure of an audio project of Teachable Machine gives the answer of TensorFlow.js', async () => {
    const audio = sequential();
    audio.add(layers.conv2d({ filters: 4, kernelSize: [2, 8], activation: 'relu', inputShape: [43, 58, 1] }));
    audio.add(layers.maxPooling2d({ poolSize: [2, 2], strides: [2, 2] }));
    audio.add(layers.conv2d({ filters: 8, kernelSize: [2, 4], activation: 'relu' }));
    audio.add(layers.maxPooling2d({ poolSize: [2, 2], strides: [1, 2] }));
    audio.add(layers.flatten());
    audio.add(layers.dense({ units: 20, activation: 'relu' }));
    audio.add(layers.dropout({ rate: 0.5 }));
    audio.add(layers.dense({ units: 3, activation: 'softmax' }));
    expect(await errorOf(randomized(audio))).toBeLessThan(TOLERANCE);
  });

  it('may call a layer twice, and a model inside a model twice', async () => {
    const inner = input({ shape: [6] });
    const shared = layers.dense({ units: 6, activation: 'tanh' });
    const twice = shared.apply(shared.apply(inner)) as SymbolicTensor;
    const nested = modelOf({ inputs: inner, outputs: twice, name: 'nested' });
    const outer = input({ shape: [6] });
    const result = nested.apply(nested.apply(outer)) as SymbolicTensor;
    expect(await errorOf(randomized(modelOf({ inputs: outer, outputs: result })))).toBeLessThan(TOLERANCE);
  });

  it('with an unknown layer is rejected by the name of the layer', async () => {
    const model = sequential({
      layers: [layers.lstm({ units: 3, inputShape: [4, 2], name: 'memory', recurrentInitializer: 'zeros' })],
    });
    const files = await saved(model);
    expect(() => convert(files)).toThrow('the layer "LSTM" (named "memory") is not supported');
  });

  it('without one of its weights is rejected by the name of the weight', async () => {
    const files = await saved(
      sequential({ layers: [layers.dense({ units: 3, inputShape: [4], name: 'last' })] }),
    );
    const [group] = files.json.weightsManifest;
    (group!.weights[1] as { name: string }).name = 'other/offset';
    expect(() => convert(files)).toThrow(
      'the layer "last" needs the weight "last/bias", which the model has 0 times',
    );
  });

  it('notices a wrong weight (negative control)', async () => {
    const files = await saved(
      randomized(sequential({ layers: [layers.dense({ units: 3, inputShape: [4] })] })),
    );
    const feeds = [randomFeed(1, [2, 4])];
    const expected = await tfjsOutputs(files, feeds);
    const wrong = new Float32Array(Uint8Array.from(files.weights).buffer);
    wrong[0]! += 0.1;
    const [actual] = await onnxOutputs(convert({ ...files, weights: new Uint8Array(wrong.buffer) }), feeds);
    expect(relativeError(actual!, expected[0]!)).toBeGreaterThan(TOLERANCE);
  });
});
