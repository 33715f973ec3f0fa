import { type Shape, shapeSize } from '../network-spec.ts';
import type { Layer } from './layer.ts';

/** max(x, 0). */
export function rectifier(input: Shape, batch: number): Layer {
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
