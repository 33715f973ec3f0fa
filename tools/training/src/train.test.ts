import { seededRandom } from '@sparewheel/zoo/random';
import { expect, test } from 'vitest';
import type { LabeledImages } from './mnist.ts';
import type { NetworkSpec } from './network-spec.ts';
import { accuracy, type TrainingOptions, train } from './train.ts';

const SMALL: NetworkSpec = {
  name: 'small',
  input: { channels: 1, height: 8, width: 8 },
  layers: [
    { kind: 'conv', name: 'conv', channels: 4, kernel: 3, padding: 1 },
    { kind: 'relu' },
    { kind: 'maxPool', kernel: 2, stride: 2, padding: 0 },
    { kind: 'dense', name: 'fc', units: 2 },
  ],
};

const OPTIONS: TrainingOptions = {
  seed: 1,
  epochs: 6,
  batch: 20,
  learningRate: 0.02,
  warmUpSteps: 5,
  weightDecay: 0,
  averageDecay: 0.9,
  distortion: { shift: 0.5, rotation: 0.1, shear: 0.1, logScale: 0.1, elastic: 0.2 },
};

/** Draws noisy images of a vertical (label 0) or horizontal (label 1) bar. */
function bars(count: number, seed: number): LabeledImages {
  const random = seededRandom(seed);
  const pixels = new Uint8Array(count * 64);
  const labels = Uint8Array.from({ length: count }, () => random.below(2));
  labels.forEach((label, image) => {
    const position = 2 + random.below(4);
    for (let i = 0; i < 64; i++) {
      const across = label === 0 ? i % 8 : Math.floor(i / 8);
      pixels[image * 64 + i] = (across === position ? 200 : 0) + random.below(50);
    }
  });
  return { count, pixels, labels };
}

test('learns to classify vertical and horizontal bars in images outside the training set', () => {
  const network = train(SMALL, bars(200, 5), OPTIONS);
  expect(accuracy(network, bars(110, 6), OPTIONS.batch)).toBeGreaterThan(0.97);
});

test('gives the same weights for the same seed, and different weights for another seed', () => {
  const weights = (seed: number): number[] =>
    train(SMALL, bars(40, 5), { ...OPTIONS, epochs: 1, seed }).parameters.flatMap(({ values }) => [
      ...values,
    ]);
  expect(weights(1)).toEqual(weights(1));
  expect(weights(2)).not.toEqual(weights(1));
});
