import { type NetworkSpec, shapeSize } from '../network-spec.ts';
import { seededRandom, shuffle } from '../random.ts';
import { type Distortion, distort } from './augmentation.ts';
import { crossEntropy } from './cross-entropy.ts';
import type { Layer } from './layer.ts';
import type { LabelledImages } from './mnist.ts';
import { trainableNetwork } from './network.ts';
import { makeOptimizer } from './optimizer.ts';

export interface TrainingOptions {
  readonly seed: number;
  readonly epochs: number;
  readonly batch: number;
  /** At its highest, after the warm-up; falls to zero along half a cosine. */
  readonly learningRate: number;
  readonly warmUpSteps: number;
  readonly weightDecay: number;
  readonly averageDecay: number;
  readonly distortion: Distortion;
  readonly onEpoch?: (epoch: number, loss: number) => void;
}

/** Trains a classifier of square one-channel images; deterministic in the seed. */
export function train(spec: NetworkSpec, images: LabelledImages, options: TrainingOptions): Layer {
  const random = seededRandom(options.seed);
  const { batch } = options;
  const network = trainableNetwork(spec, batch, random);
  const optimizer = makeOptimizer(network.parameters, options);
  const size = shapeSize(spec.input);
  const classes = shapeSize(network.outputShape);
  const unit = unitPixels(images);
  const order = Int32Array.from({ length: images.count }, (_, index) => index);
  const input = new Float64Array(batch * size);
  const labels = new Uint8Array(batch);
  const gradient = new Float64Array(batch * classes);
  const stepsPerEpoch = Math.floor(images.count / batch);
  const steps = options.epochs * stepsPerEpoch;
  let step = 0;
  for (let epoch = 0; epoch < options.epochs; epoch++) {
    shuffle(order, random);
    let loss = 0;
    for (let start = 0; start + batch <= images.count; start += batch, step++) {
      for (let sample = 0; sample < batch; sample++) {
        const image = order[start + sample]!;
        labels[sample] = images.labels[image]!;
        distort(input, sample * size, unit, image * size, spec.input.width, options.distortion, random);
      }
      const logits = network.forward(input, batch);
      loss += crossEntropy(logits, labels, gradient, batch, classes);
      network.backward(gradient, batch);
      const warmUp = Math.min(1, (step + 1) / options.warmUpSteps);
      optimizer.step(options.learningRate * warmUp * 0.5 * (1 + Math.cos((Math.PI * step) / steps)));
    }
    options.onEpoch?.(epoch + 1, loss / stepsPerEpoch);
  }
  optimizer.takeAverage();
  return network;
}

/**
 * The share of images whose largest logit is at their label.
 * @param batch  as the network was made for
 */
export function accuracy(network: Layer, images: LabelledImages, batch: number): number {
  const classes = shapeSize(network.outputShape);
  const size = images.pixels.length / images.count;
  const unit = unitPixels(images);
  let right = 0;
  for (let start = 0; start < images.count; start += batch) {
    const count = Math.min(batch, images.count - start);
    const logits = network.forward(unit.subarray(start * size, (start + count) * size), count);
    for (let sample = 0; sample < count; sample++) {
      const row = logits.subarray(sample * classes, (sample + 1) * classes);
      if (row.indexOf(Math.max(...row)) === images.labels[start + sample]) right++;
    }
  }
  return right / images.count;
}

function unitPixels(images: LabelledImages): Float64Array {
  return Float64Array.from(images.pixels, (pixel) => pixel / 255);
}
