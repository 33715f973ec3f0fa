import { seededRandom } from '@sparewheel/zoo/random';
import { describe, expect, test } from 'vitest';
import { trainableNetwork } from './network.ts';
import type { NetworkSpec } from './network-spec.ts';
import { crossEntropy } from './train.ts';

/** Has every kind of layer, padding, overlapping pools, and branches of different depths. */
const EVERY_LAYER: NetworkSpec = {
  name: 'every-layer',
  input: { channels: 2, height: 7, width: 7 },
  layers: [
    { kind: 'conv', name: 'stem', channels: 5, kernel: 3, padding: 1 },
    { kind: 'relu' },
    { kind: 'maxPool', kernel: 2, stride: 2, padding: 0 },
    {
      kind: 'branches',
      branches: [
        [{ kind: 'conv', name: 'one', channels: 3, kernel: 1, padding: 0 }],
        [
          { kind: 'conv', name: 'narrow', channels: 2, kernel: 1, padding: 0 },
          { kind: 'relu' },
          { kind: 'conv', name: 'wide', channels: 4, kernel: 3, padding: 1 },
        ],
        [{ kind: 'maxPool', kernel: 3, stride: 1, padding: 1 }],
      ],
    },
    { kind: 'relu' },
    { kind: 'globalAveragePool' },
    { kind: 'dense', name: 'fc', units: 3 },
  ],
};

const BATCH = 3;
const SEED = 11;
/** Error of central differences in float64 with a step of 1e-5. */
const DIFFERENCE_TOLERANCE = 1e-6;

describe('backward', () => {
  test(`computes the gradient that central differences give, for every parameter (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    const network = trainableNetwork(EVERY_LAYER, BATCH, random);
    const input = Float64Array.from({ length: BATCH * 98 }, () => random.normal());
    const labels = Uint8Array.of(2, 0, 1);
    const gradient = new Float64Array(BATCH * 3);
    const loss = (): number => crossEntropy(network.forward(input, BATCH), labels, gradient, BATCH, 3);
    loss();
    network.backward(gradient.slice(), BATCH);
    expect(network.parameters.map(({ name }) => name)).toEqual([
      ...['stem.weight', 'stem.bias', 'one.weight', 'one.bias', 'narrow.weight', 'narrow.bias'],
      ...['wide.weight', 'wide.bias', 'fc.weight', 'fc.bias'],
    ]);
    for (const { name, values, gradient: slopes } of network.parameters) {
      for (let i = 0; i < values.length; i += 3) {
        const value = values[i]!;
        values[i] = value + 1e-5;
        const above = loss();
        values[i] = value - 1e-5;
        const below = loss();
        values[i] = value;
        expect(Math.abs(slopes[i]! - (above - below) / 2e-5), `${name}[${i}]`).toBeLessThan(
          DIFFERENCE_TOLERANCE,
        );
      }
    }
  });

  test('adds to the gradients of the previous batch', () => {
    const network = trainableNetwork(EVERY_LAYER, BATCH, seededRandom(SEED));
    const input = new Float64Array(BATCH * 98).fill(0.5);
    const ones = new Float64Array(BATCH * 3).fill(1);
    network.forward(input, BATCH);
    network.backward(ones, BATCH);
    const once = network.parameters.map(({ gradient }) => gradient.slice());
    network.forward(input, BATCH);
    network.backward(ones, BATCH);
    network.parameters.forEach(({ gradient }, p) => {
      gradient.forEach((value, i) => {
        expect(value).toBeCloseTo(2 * once[p]![i]!, 10);
      });
    });
  });
});
