import type { Random } from '@sparewheel/zoo/random';
import { type Layer, makeParameter } from './layer.ts';
import { addMatrixProduct, rowMajor, transposed } from './matrix-product.ts';
import { type Shape, shapeSize } from './network-spec.ts';

/**
 * Creates a fully-connected layer: output [count, units] = input [count, n] · weightsᵀ + bias; weights
 * [units, n].
 */
export function dense(
  input: Shape,
  options: { readonly name: string; readonly units: number; readonly batch: number },
  random: Random,
): Layer {
  const { name, units, batch } = options;
  const inner = shapeSize(input);
  const weight = makeParameter(`${name}.weight`, [units, inner]);
  const bias = makeParameter(`${name}.bias`, [units]);
  const scale = Math.sqrt(2 / inner);
  for (let i = 0; i < weight.values.length; i++) weight.values[i] = scale * random.normal();
  const output = new Float64Array(batch * units);
  const inputGradient = new Float64Array(batch * inner);
  let lastInput: Float64Array = new Float64Array(0);

  return {
    outputShape: { channels: units, height: 1, width: 1 },
    parameters: [weight, bias],
    forward(rows, count) {
      lastInput = rows;
      for (let sample = 0; sample < count; sample++) output.set(bias.values, sample * units);
      addMatrixProduct(
        output,
        0,
        rowMajor(rows, inner),
        transposed(weight.values, inner),
        count,
        units,
        inner,
      );
      return output;
    },
    backward(gradient, count) {
      addMatrixProduct(
        weight.gradient,
        0,
        transposed(gradient, units),
        rowMajor(lastInput, inner),
        units,
        inner,
        count,
      );
      for (let sample = 0; sample < count; sample++) {
        for (let unit = 0; unit < units; unit++) {
          bias.gradient[unit] = bias.gradient[unit]! + gradient[sample * units + unit]!;
        }
      }
      inputGradient.fill(0);
      addMatrixProduct(
        inputGradient,
        0,
        rowMajor(gradient, units),
        rowMajor(weight.values, inner),
        count,
        inner,
        units,
      );
      return inputGradient;
    },
  };
}
