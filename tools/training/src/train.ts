import { seededRandom, shuffle } from '@sparewheel/zoo/random';
import { type Distortion, distort } from './augmentation.ts';
import type { Layer } from './layer.ts';
import type { LabeledImages } from './mnist.ts';
import { trainableNetwork } from './network.ts';
import { type NetworkSpec, shapeSize } from './network-spec.ts';
import { makeOptimizer } from './optimizer.ts';

export interface TrainingOptions {
  readonly seed: number;
  readonly epochs: number;
  readonly batch: number;
  /** Peak value, reached after the warm-up. It then falls to 0 along half a cosine. */
  readonly learningRate: number;
  readonly warmUpSteps: number;
  readonly weightDecay: number;
  readonly averageDecay: number;
  readonly distortion: Distortion;
  readonly onEpoch?: (epoch: number, loss: number) => void;
}

/** Trains a classifier of square one-channel images. The same seed gives the same weights. */
export function train(spec: NetworkSpec, images: LabeledImages, options: TrainingOptions): Layer {
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
 * Returns the share of images whose largest logit is at their label, in [0, 1].
 * @param batch  the batch size that the network was created with
 */
export function accuracy(network: Layer, images: LabeledImages, batch: number): number {
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

function unitPixels(images: LabeledImages): Float64Array {
  return Float64Array.from(images.pixels, (pixel) => pixel / 255);
}

/**
 * Computes the mean softmax cross-entropy of a batch.
 * @param logits    [count, classes]; not mutated
 * @param gradient  [count, classes]; overwritten with the gradient of the mean loss
 * @returns the mean loss in nats
 */
export function crossEntropy(
  logits: Float64Array,
  labels: Uint8Array,
  gradient: Float64Array,
  count: number,
  classes: number,
): number {
  let loss = 0;
  for (let sample = 0; sample < count; sample++) {
    const start = sample * classes;
    let highest = Number.NEGATIVE_INFINITY;
    for (let i = start; i < start + classes; i++) highest = Math.max(highest, logits[i]!);
    let sum = 0;
    for (let i = start; i < start + classes; i++) {
      const power = Math.exp(logits[i]! - highest);
      gradient[i] = power;
      sum += power;
    }
    const right = start + labels[sample]!;
    for (let i = start; i < start + classes; i++) gradient[i] = gradient[i]! / (sum * count);
    loss -= Math.log(Math.max(gradient[right]! * count, Number.MIN_VALUE));
    gradient[right] = gradient[right]! - 1 / count;
  }
  return loss / count;
}
