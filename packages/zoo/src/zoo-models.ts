import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type Model, writeModel } from '@sparewheel/onnx';
import { alexnet } from './architectures/alexnet.ts';
import { c3d } from './architectures/c3d.ts';
import { inceptionV3 } from './architectures/inception-v3.ts';
import { twoStream } from './architectures/two-stream.ts';
import { vgg16 } from './architectures/vgg16.ts';
import type { WeightSource } from './graph-builder.ts';
import { seededWeights } from './seeded-weights.ts';

/** A network that ships with the product: as a trained file, or as a builder with seeded weights. */
export interface ZooModel {
  /** Lower case, as in a URL. */
  readonly name: string;
  readonly title: string;
  /** One sentence for people. */
  readonly description: string;
  /** Whether its answers mean anything; untrained networks serve to measure and to show. */
  readonly trained: boolean;
  readonly parameters: number;
  /**
   * The ONNX file, as chunks that follow one another. A trained one is read from disk; the others are made anew every
   * time, the same bytes each time, which blocks the thread for up to a second or two and takes the model's size in
   * memory.
   */
  readonly chunks: () => Promise<Uint8Array[]>;
}

export const zooModels: readonly ZooModel[] = [
  trained('lenet5', 'LeNet-5', 'Handwritten digits: two convolutions, three fully-connected layers.', 61_706),
  trained(
    'branchnet',
    'Small Inception for digits',
    'Handwritten digits: 19 convolutions in three blocks of four branches.',
    33_084,
  ),
  built('alexnet', 'AlexNet', 'Image classification, dominated by one huge fully-connected layer.', {
    parameters: 61_100_840,
    seed: 41,
    build: alexnet,
  }),
  built('vgg16', 'VGG16', 'Image classification with thirteen 3 × 3 convolutions and three wide layers.', {
    parameters: 138_357_544,
    seed: 48,
    build: vgg16,
  }),
  built(
    'inception-v3',
    'Inception v3',
    'Image classification, 94 convolutions in branches that branch again.',
    {
      parameters: 23_817_352,
      seed: 36,
      build: inceptionV3,
    },
  ),
  built('c3d', 'C3D', 'Video classification with 3-D convolutions over 16 frames.', {
    parameters: 79_991_015,
    seed: 47,
    build: c3d,
  }),
  built(
    'two-stream',
    'Two-stream action recognition',
    'Low-resolution video and its optical flow in two streams, joined by two wide layers.',
    { parameters: 50_799_987, seed: 46, build: twoStream },
  ),
];

/** The network of that name, or undefined. */
export function zooModel(name: string): ZooModel | undefined {
  return zooModels.find((model) => model.name === name);
}

function trained(name: string, title: string, what: string, parameters: number): ZooModel {
  return {
    name,
    title,
    description: `${what} Trained on MNIST; 28 × 28 grey values in [0, 1] in, ten logits out.`,
    trained: true,
    parameters,
    chunks: () => committed(name),
  };
}

function built(
  name: string,
  title: string,
  what: string,
  options: { parameters: number; seed: number; build: (weights: WeightSource) => Model },
): ZooModel {
  return {
    name,
    title,
    description: `${what} Untrained: seeded weights.`,
    trained: false,
    parameters: options.parameters,
    chunks: async () => writeModel(options.build(seededWeights(options.seed))),
  };
}

/** Found through the package's name, not beside this file: a bundler moves this file, but not the models. */
async function committed(name: string): Promise<Uint8Array[]> {
  const require = createRequire(import.meta.url);
  return [await readFile(require.resolve(`@sparewheel/zoo/models/${name}.onnx`))];
}
