import { describe, expect, it } from 'vitest';
import { createDecoder } from './decode.ts';
import { encodeWeights } from './encode.ts';
import { generatorMatrix } from './generator.ts';
import { partitionRows } from './partition.ts';
import { computeLayer } from './splits/im2col.ts';
import { fullyConnected } from './splits/layer.ts';
import { runSplit, splitLayer } from './splits/split.ts';

/** All values are integers, so every product and sum is exact in float32. */
describe("the paper's method", () => {
  it('holds for equations 5 to 7: one output per device and a parity row of column sums', () => {
    const weights = Float32Array.of(2, 3, 5, 7);
    const input = Float32Array.of(11, 13);
    const partition = partitionRows(2, 2);
    const generator = generatorMatrix(2, 1);

    const coded = encodeWeights(generator, 0, weights, partition, 2);
    expect([...coded]).toEqual([2 + 5, 3 + 7]);

    const [a1, a2] = computeLayer(fullyConnected({ inputs: 2, outputs: 2 }), input, weights);
    expect([a1, a2]).toEqual([61, 146]);
    const [sum] = computeLayer(fullyConnected({ inputs: 2, outputs: 1 }), input, coded);
    expect(sum).toBe(a1! + a2!);

    const { reconstruct } = createDecoder(generator);
    const answers = [a1, a2, sum].map((value) => Float32Array.of(value!));
    expect([...reconstruct([answers[0], undefined, answers[2]])[1]!]).toEqual([146]);
    expect([...reconstruct([undefined, answers[1], answers[2]])[0]!]).toEqual([61]);
  });

  it('holds for equations 8 to 12: m = 4 outputs and k = 3 inputs over two devices and one parity device', () => {
    const weights = Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    const input = Float32Array.of(1, 10, 100);
    const layer = fullyConnected({ inputs: 3, outputs: 4 });
    const split = splitLayer(layer, 'output', 2);

    // Equations 9 and 10.
    const halves = split.shares.map((share) => share.takeWeights(weights));
    expect(halves.map((half) => [...half])).toEqual([
      [1, 2, 3, 4, 5, 6],
      [7, 8, 9, 10, 11, 12],
    ]);
    const outputs = split.shares.map((share, d) =>
      Float32Array.from(computeLayer(share.layer, input, halves[d]!)),
    );
    expect(outputs.map((output) => [...output])).toEqual([
      [321, 654],
      [987, 1320],
    ]);

    // Equation 11: row i + row m/2 + i.
    const generator = generatorMatrix(2, 1);
    const coded = encodeWeights(generator, 0, weights, partitionRows(4, 2), 3);
    expect([...coded]).toEqual([8, 10, 12, 14, 16, 18]);

    // Equation 12: a_i + a_(m/2 + i).
    const parity = Float32Array.from(computeLayer(split.shares[0]!.layer, input, coded));
    expect([...parity]).toEqual([1308, 1974]);

    const { reconstruct } = createDecoder(generator);
    for (const lost of [0, 1]) {
      const recovered = reconstruct(
        [...outputs, parity].map((answer, shard) => (shard === lost ? undefined : answer)),
      );
      expect(recovered.map((output) => [...output])).toEqual(outputs.map((output) => [...output]));
    }
    expect([...runSplit(split, input, weights)]).toEqual([321, 654, 987, 1320]);
  });

  it('holds for equations 13 and 14: input splitting yields partial sums', () => {
    const weights = Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
    const input = Float32Array.of(1, 10, 100, 1000);
    const split = splitLayer(fullyConnected({ inputs: 4, outputs: 2 }), 'input', 2);
    const partial = split.shares.map((share) =>
      computeLayer(share.layer, share.takeInput(input), share.takeWeights(weights)),
    );
    expect(partial.map((sum) => [...sum])).toEqual([
      [21, 65],
      [4300, 8700],
    ]);
    expect([...runSplit(split, input, weights)]).toEqual([4321, 8765]);
  });

  it('requires decoding before ReLU: a sum of activations is not the activation of a sum', () => {
    const relu = (value: number) => Math.max(0, value);
    const [a1, a2] = [-3, 5];
    expect(relu(a1 + a2) - relu(a2)).not.toBe(relu(a1));
    expect(relu(a1 + a2 - a2)).toBe(relu(a1));
  });
});
