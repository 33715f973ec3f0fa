import { windowCount } from '@sparewheel/zoo/graph-builder';
import type { Random } from '@sparewheel/zoo/random';
import { type Layer, makeParameter } from './layer.ts';
import { addMatrixProduct, rowMajor, transposed } from './matrix-product.ts';
import { type Shape, shapeSize } from './network-spec.ts';

export interface ConvolutionOptions {
  readonly name: string;
  readonly channels: number;
  readonly kernel: number;
  readonly padding: number;
  /** Largest number of samples in one call. */
  readonly batch: number;
  /** False for the first layer: no layer before it uses the gradient. */
  readonly needsInputGradient: boolean;
}

/**
 * Creates a convolution with stride 1, computed as a matrix product:
 * output [K, P] = weights [K, C·F²] · patches [C·F², P], for P positions.
 */
export function convolution(input: Shape, options: ConvolutionOptions, random: Random): Layer {
  const { name, channels, kernel, padding, batch } = options;
  const outputShape: Shape = {
    channels,
    height: windowCount(input.height, kernel, 1, padding),
    width: windowCount(input.width, kernel, 1, padding),
  };
  const inner = input.channels * kernel * kernel;
  const positions = outputShape.height * outputShape.width;
  const inputSize = shapeSize(input);
  const outputSize = shapeSize(outputShape);
  const weight = makeParameter(`${name}.weight`, [channels, input.channels, kernel, kernel]);
  const bias = makeParameter(`${name}.bias`, [channels]);
  const scale = Math.sqrt(2 / inner);
  for (let i = 0; i < weight.values.length; i++) weight.values[i] = scale * random.normal();

  const output = new Float64Array(batch * outputSize);
  const inputGradient = new Float64Array(options.needsInputGradient ? batch * inputSize : 0);
  const patches = new Float64Array(inner * positions);
  const patchGradient = new Float64Array(options.needsInputGradient ? inner * positions : 0);
  let lastInput: Float64Array = new Float64Array(0);

  /** Visits each contiguous run of a patch row that lies inside the image. */
  function eachRun(visit: (patchAt: number, imageAt: number, length: number) => void): void {
    let row = 0;
    for (let channel = 0; channel < input.channels; channel++) {
      for (let ky = 0; ky < kernel; ky++) {
        for (let kx = 0; kx < kernel; kx++, row++) {
          const from = Math.max(0, padding - kx);
          const to = Math.min(outputShape.width, input.width + padding - kx);
          for (let y = 0; y < outputShape.height; y++) {
            const sourceY = y + ky - padding;
            if (sourceY < 0 || sourceY >= input.height) continue;
            const imageAt = (channel * input.height + sourceY) * input.width + from + kx - padding;
            visit(row * positions + y * outputShape.width + from, imageAt, to - from);
          }
        }
      }
    }
  }
  // Computed once, because all samples have the same runs. Triples of patch index, image index, length.
  const list: number[] = [];
  eachRun((patchAt, imageAt, length) => list.push(patchAt, imageAt, length));
  const runs = Int32Array.from(list);

  // Patch elements outside the image are never written and stay 0.
  function gatherPatches(image: Float64Array, offset: number): void {
    for (let run = 0; run < runs.length; run += 3) {
      let to = runs[run]!;
      let from = offset + runs[run + 1]!;
      for (const end = to + runs[run + 2]!; to < end; to++, from++) patches[to] = image[from]!;
    }
  }
  function scatterPatchGradient(offset: number): void {
    for (let run = 0; run < runs.length; run += 3) {
      let from = runs[run]!;
      let to = offset + runs[run + 1]!;
      for (const end = from + runs[run + 2]!; from < end; to++, from++) {
        inputGradient[to] = inputGradient[to]! + patchGradient[from]!;
      }
    }
  }

  return {
    outputShape,
    parameters: [weight, bias],
    forward(images, count) {
      lastInput = images;
      for (let sample = 0; sample < count; sample++) {
        gatherPatches(images, sample * inputSize);
        const start = sample * outputSize;
        for (let channel = 0; channel < channels; channel++) {
          output.fill(bias.values[channel]!, start + channel * positions, start + (channel + 1) * positions);
        }
        addMatrixProduct(
          output,
          start,
          rowMajor(weight.values, inner),
          rowMajor(patches, positions),
          channels,
          positions,
          inner,
        );
      }
      return output;
    },
    backward(gradient, count) {
      inputGradient.fill(0);
      for (let sample = 0; sample < count; sample++) {
        const start = sample * outputSize;
        gatherPatches(lastInput, sample * inputSize);
        addMatrixProduct(
          weight.gradient,
          0,
          rowMajor(gradient, positions, start),
          transposed(patches, positions),
          channels,
          inner,
          positions,
        );
        for (let channel = 0; channel < channels; channel++) {
          let sum = 0;
          const end = start + (channel + 1) * positions;
          for (let at = end - positions; at < end; at++) sum += gradient[at]!;
          bias.gradient[channel] = bias.gradient[channel]! + sum;
        }
        if (!options.needsInputGradient) continue;
        patchGradient.fill(0);
        addMatrixProduct(
          patchGradient,
          0,
          transposed(weight.values, inner),
          rowMajor(gradient, positions, start),
          inner,
          positions,
          channels,
        );
        scatterPatchGradient(sample * inputSize);
      }
      return inputGradient;
    },
  };
}
