import type { Random } from '@sparewheel/zoo/random';
import { convolution } from './convolution.ts';
import { dense } from './dense.ts';
import type { Layer } from './layer.ts';
import { type LayerSpec, type NetworkSpec, type Shape, shapeSize } from './network-spec.ts';
import { globalAveragePool, maxPool } from './pooling.ts';

/**
 * Creates a trainable network. Weights are drawn from `random` as He et al. 2015 describe; biases are 0.
 * @param batch  largest number of samples in one call
 */
export function trainableNetwork(spec: NetworkSpec, batch: number, random: Random): Layer {
  return sequence(spec.input, spec.layers, batch, random, false);
}

function makeLayer(
  spec: LayerSpec,
  input: Shape,
  batch: number,
  random: Random,
  needsInputGradient: boolean,
): Layer {
  switch (spec.kind) {
    case 'conv':
      return convolution(input, { ...spec, batch, needsInputGradient }, random);
    case 'dense':
      return dense(input, { ...spec, batch }, random);
    case 'relu':
      return rectifier(input, batch);
    case 'maxPool':
      return maxPool(input, { ...spec, batch });
    case 'globalAveragePool':
      return globalAveragePool(input, batch);
    case 'branches':
      return branches(input, spec.branches, batch, random, needsInputGradient);
  }
}

/** Creates a chain of layers. */
function sequence(
  input: Shape,
  specs: readonly LayerSpec[],
  batch: number,
  random: Random,
  needsInputGradient: boolean,
): Layer {
  const layers: Layer[] = [];
  let shape = input;
  for (const spec of specs) {
    const layer = makeLayer(spec, shape, batch, random, needsInputGradient || layers.length > 0);
    layers.push(layer);
    shape = layer.outputShape;
  }
  return {
    outputShape: shape,
    parameters: layers.flatMap((layer) => layer.parameters),
    forward: (values, count) => layers.reduce((current, layer) => layer.forward(current, count), values),
    backward: (gradient, count) =>
      layers.reduceRight((current, layer) => layer.backward(current, count), gradient),
  };
}

/**
 * Creates parallel branches, concatenated along the channels. Their outputs must have one height and width.
 */
function branches(
  input: Shape,
  specs: readonly (readonly LayerSpec[])[],
  batch: number,
  random: Random,
  needsInputGradient: boolean,
): Layer {
  const parts = specs.map((layers) => sequence(input, layers, batch, random, needsInputGradient));
  const sizes = parts.map((part) => shapeSize(part.outputShape));
  const first = parts[0]!.outputShape;
  const outputShape: Shape = {
    ...first,
    channels: parts.reduce((sum, part) => sum + part.outputShape.channels, 0),
  };
  const outputSize = shapeSize(outputShape);
  const inputSize = shapeSize(input);
  const output = new Float64Array(batch * outputSize);
  const inputGradient = new Float64Array(batch * inputSize);
  const partGradients = sizes.map((size) => new Float64Array(batch * size));

  return {
    outputShape,
    parameters: parts.flatMap((part) => part.parameters),
    forward(values, count) {
      let offset = 0;
      parts.forEach((part, index) => {
        const size = sizes[index]!;
        const result = part.forward(values, count);
        for (let sample = 0; sample < count; sample++) {
          output.set(result.subarray(sample * size, (sample + 1) * size), sample * outputSize + offset);
        }
        offset += size;
      });
      return output;
    },
    backward(gradient, count) {
      inputGradient.fill(0);
      let offset = 0;
      parts.forEach((part, index) => {
        const size = sizes[index]!;
        const own = partGradients[index]!;
        for (let sample = 0; sample < count; sample++) {
          const start = sample * outputSize + offset;
          own.set(gradient.subarray(start, start + size), sample * size);
        }
        offset += size;
        const through = part.backward(own, count);
        if (!needsInputGradient) return;
        for (let at = 0; at < count * inputSize; at++) inputGradient[at] = inputGradient[at]! + through[at]!;
      });
      return inputGradient;
    },
  };
}

/** Creates a layer that computes max(x, 0). */
function rectifier(input: Shape, batch: number): Layer {
  const size = shapeSize(input);
  const output = new Float64Array(batch * size);
  const inputGradient = new Float64Array(batch * size);
  return {
    outputShape: input,
    parameters: [],
    forward(values, count) {
      for (let at = 0; at < count * size; at++) {
        const value = values[at]!;
        output[at] = Math.max(value, 0);
      }
      return output;
    },
    backward(gradient, count) {
      for (let at = 0; at < count * size; at++) inputGradient[at] = output[at]! > 0 ? gradient[at]! : 0;
      return inputGradient;
    },
  };
}
