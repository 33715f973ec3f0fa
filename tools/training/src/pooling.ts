import { windowCount } from '@sparewheel/zoo/graph-builder';
import type { Layer } from './layer.ts';
import { type Shape, shapeSize } from './network-spec.ts';

/** Creates a max pool. Padding never wins. The gradient flows to the position of the maximum. */
export function maxPool(
  input: Shape,
  options: {
    readonly kernel: number;
    readonly stride: number;
    readonly padding: number;
    readonly batch: number;
  },
): Layer {
  const { kernel, stride, padding, batch } = options;
  const outputShape: Shape = {
    channels: input.channels,
    height: windowCount(input.height, kernel, stride, padding),
    width: windowCount(input.width, kernel, stride, padding),
  };
  const outputSize = shapeSize(outputShape);
  const output = new Float64Array(batch * outputSize);
  const winners = new Int32Array(batch * outputSize);
  const inputGradient = new Float64Array(batch * shapeSize(input));

  return {
    outputShape,
    parameters: [],
    forward(images, count) {
      let at = 0;
      for (let plane = 0; plane < count * input.channels; plane++) {
        const planeStart = plane * input.height * input.width;
        for (let y = 0; y < outputShape.height; y++) {
          const top = Math.max(0, y * stride - padding);
          const bottom = Math.min(input.height, y * stride - padding + kernel);
          for (let x = 0; x < outputShape.width; x++, at++) {
            const left = Math.max(0, x * stride - padding);
            const right = Math.min(input.width, x * stride - padding + kernel);
            let best = Number.NEGATIVE_INFINITY;
            let winner = planeStart + top * input.width + left;
            for (let v = top; v < bottom; v++) {
              const rowStart = planeStart + v * input.width;
              for (let index = rowStart + left; index < rowStart + right; index++) {
                const value = images[index]!;
                if (value > best) {
                  best = value;
                  winner = index;
                }
              }
            }
            output[at] = best;
            winners[at] = winner;
          }
        }
      }
      return output;
    },
    backward(gradient, count) {
      inputGradient.fill(0);
      for (let at = 0; at < count * outputSize; at++) {
        const winner = winners[at]!;
        inputGradient[winner] = inputGradient[winner]! + gradient[at]!;
      }
      return inputGradient;
    },
  };
}

/** Creates a layer that computes the mean of each channel. */
export function globalAveragePool(input: Shape, batch: number): Layer {
  const positions = input.height * input.width;
  const output = new Float64Array(batch * input.channels);
  const inputGradient = new Float64Array(batch * shapeSize(input));
  return {
    outputShape: { channels: input.channels, height: 1, width: 1 },
    parameters: [],
    forward(images, count) {
      for (let plane = 0; plane < count * input.channels; plane++) {
        let sum = 0;
        for (let at = plane * positions; at < (plane + 1) * positions; at++) sum += images[at]!;
        output[plane] = sum / positions;
      }
      return output;
    },
    backward(gradient, count) {
      for (let plane = 0; plane < count * input.channels; plane++) {
        inputGradient.fill(gradient[plane]! / positions, plane * positions, (plane + 1) * positions);
      }
      return inputGradient;
    },
  };
}
