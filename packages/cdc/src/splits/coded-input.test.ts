import { describe, expect, it } from 'vitest';
import { LengthMismatchError, TooFewAnswersError, TooManyShardsError } from '../errors.ts';
import { generatorMatrix } from '../generator.ts';
import { erasures } from '../testing/coded-layer.ts';
import { normalArray, seededNormal } from '../testing/random.ts';
import { codedInput, codedInputCost } from './coded-input.ts';
import { computeLayer } from './im2col.ts';
import { convolution, count, shapesOf } from './layer.ts';

const layers = [
  convolution({ channels: 3, size: [6, 11], filters: 4, kernel: [3, 3], padsBegin: [1, 1], padsEnd: [1, 1] }),
  convolution({
    channels: 2,
    size: [17],
    filters: 3,
    kernel: [4],
    strides: [2],
    padsBegin: [3],
    padsEnd: [0],
  }),
  convolution({
    batch: 2,
    channels: 4,
    size: [3, 3, 8],
    filters: 4,
    kernel: [1, 2, 3],
    dilations: [1, 1, 2],
    groups: 2,
  }),
];

describe('coded inputs', () => {
  it('yield the whole output from any k devices', () => {
    for (const [index, layer] of layers.entries()) {
      const normal = seededNormal(index);
      const { input: inputShape, weights: weightShape } = shapesOf(layer);
      const input = normalArray(count(inputShape), normal);
      const weights = normalArray(count(weightShape), normal);
      const bias = normalArray(layer.filters, normal);
      const expected = computeLayer(layer, input, weights, bias);
      for (let axis = 0; axis < layer.size.length; axis++) {
        const most = shapesOf(layer).output[2 + axis]!;
        for (const [k, r] of [
          [1, 1],
          [2, 1],
          [3, 2],
          [4, 1],
        ] as const) {
          if (k > most) continue;
          const coded = codedInput(layer, generatorMatrix(k, r), axis);
          const answers = coded
            .encodeInput(input)
            .map((strip) => Float32Array.from(computeLayer(coded.shardLayer, strip, weights)));
          for (const missing of erasures(k + r, r)) {
            const left = answers.map((answer, shard) => (missing.includes(shard) ? undefined : answer));
            const output = coded.decodeOutput(left, bias);
            const error = output.reduce(
              (worst, value, i) => Math.max(worst, Math.abs(value - expected[i]!)),
              0,
            );
            expect(error, `layer ${index}, axis ${axis}, k ${k}, r ${r}, missing ${missing}`).toBeLessThan(
              1e-4,
            );
          }
        }
      }
    }
  });

  it('beat replication for compute-heavy layers but not for depthwise layers', () => {
    const vgg = convolution({
      channels: 256,
      size: [28, 28],
      filters: 512,
      kernel: [3, 3],
      padsBegin: [1, 1],
      padsEnd: [1, 1],
    });
    const cost = codedInputCost(vgg, 4, 1);
    expect(cost.deviceMultiplyAdds).toBe(28 * 7 * 512 * 256 * 9);
    // One parity strip over 4 strips of 28 rows and 7 + 2 columns. The device pads the rows itself.
    expect(cost.encodeMultiplyAdds).toBe(1 * 4 * 256 * 28 * 9);
    expect(cost.decodeMultiplyAdds).toBe(1 * 4 * 512 * 28 * 7);
    expect(cost.replicaMultiplyAdds).toBe(28 * 14 * 512 * 256 * 9);
    expect(cost.beatsReplication).toBe(true);
    const pointwiseDepthwise = convolution({
      channels: 256,
      size: [28, 28],
      filters: 256,
      kernel: [1, 1],
      groups: 256,
    });
    expect(codedInputCost(pointwiseDepthwise, 4, 1).beatsReplication).toBe(false);
  });

  it('reject more strips than positions, wrong lengths, too few answers and non-finite inputs', () => {
    const layer = layers[0]!;
    expect(() => codedInput(layer, generatorMatrix(12, 1))).toThrow(TooManyShardsError);
    const coded = codedInput(layer, generatorMatrix(2, 1));
    expect(() => coded.encodeInput(new Float32Array(5))).toThrow(LengthMismatchError);
    expect(() => coded.decodeOutput([new Float32Array(3), undefined, new Float32Array(3)])).toThrow(
      LengthMismatchError,
    );
    expect(() => coded.decodeOutput([undefined, undefined, undefined])).toThrow(TooFewAnswersError);
    const poisoned = new Float32Array(3 * 6 * 11);
    poisoned[4] = Number.NaN;
    expect(() => coded.encodeInput(poisoned)).toThrow(/shard 0 contains NaN/);
  });
});
