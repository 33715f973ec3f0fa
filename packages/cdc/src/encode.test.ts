import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeBias, encodeViews, encodeWeights } from './encode.ts';
import { InvalidArgumentError, LengthMismatchError, NonFiniteWeightError } from './errors.ts';
import { generatorFromRows, generatorMatrix } from './generator.ts';
import { partitionHeights, partitionRows } from './partition.ts';
import { transpose } from './testing/coded-layer.ts';
import { normalArray, seededNormal } from './testing/random.ts';

describe('encoding', () => {
  it('pads shorter blocks with zero rows and sums', () => {
    const partition = partitionHeights(4, [1, 3]);
    const weights = Float32Array.of(1, 2, 10, 20, 30, 40, 50, 60);
    const coded = encodeWeights(generatorMatrix(2, 1), 0, weights, partition, 2);
    expect([...coded]).toEqual([11, 22, 30, 40, 50, 60]);
    expect([...encodeBias(generatorMatrix(2, 1), 0, Float32Array.of(1, 2, 3, 4), partition)]).toEqual([
      3, 3, 4,
    ]);
  });

  it('encodes [columns, rows] like [rows, columns], narrow or wide', () => {
    for (const [rows, columns, k] of [
      [7, 5, 3],
      [900, 3, 2],
      [40, 300, 4],
    ] as const) {
      const weights = normalArray(rows * columns, seededNormal(rows));
      const partition = partitionRows(rows, k);
      const generator = generatorMatrix(k, 2);
      for (const parity of [0, 1]) {
        const byRows = encodeWeights(generator, parity, weights, partition, columns);
        const byColumns = encodeWeights(
          generator,
          parity,
          transpose(weights, rows, columns),
          partition,
          columns,
          {
            layout: 'columns-major',
          },
        );
        expect(byColumns).toEqual(transpose(byRows, partition.height, columns));
      }
    }
  });

  it('overwrites every element of `into` and does not mutate the weights', () => {
    const weights = normalArray(30, seededNormal(1));
    const copy = weights.slice();
    const into = new Float32Array(10).fill(7);
    const partition = partitionRows(6, 3);
    expect(encodeWeights(generatorMatrix(3, 1), 0, weights, partition, 5, { into })).toBe(into);
    expect(into).toEqual(encodeWeights(generatorMatrix(3, 1), 0, weights, partition, 5));
    expect(weights).toEqual(copy);
  });

  it('is linear: encoding a sum equals summing the encodings', () => {
    const normal = seededNormal(3);
    const generator = generatorMatrix(4, 3);
    const partition = partitionRows(12, 4);
    const [a, b] = [normalArray(60, normal), normalArray(60, normal)];
    const sum = a.map((value, i) => value + b[i]!);
    for (let i = 0; i < 3; i++) {
      const [codedA, codedB, codedSum] = [a, b, sum].map((w) => encodeWeights(generator, i, w, partition, 5));
      for (let j = 0; j < 15; j++) expect(codedSum![j]).toBeCloseTo(codedA![j]! + codedB![j]!, 5);
    }
  });

  it('is invariant to permuting blocks together with their coefficients', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 3 }), fc.nat(), (k, r, seed) => {
        const normal = seededNormal(seed);
        const generator = generatorMatrix(k, r);
        const blocks = Array.from({ length: k }, () => normalArray(9, normal));
        const order = blocks.map((_, b) => b).sort(() => normal());
        const row = (i: number) => order.map((b) => generator.parity[i * k + b]!);
        const permuted = generatorFromRows(
          k,
          Array.from({ length: r }, (_, i) => row(i)),
        );
        const inOrder = order.map((b) => blocks[b]!);
        for (let i = 0; i < r; i++) {
          const a = encodeViews(generator, i, blocks, new Float32Array(9));
          const b = encodeViews(permuted, i, inOrder, new Float32Array(9));
          for (let j = 0; j < 9; j++) expect(b[j]).toBeCloseTo(a[j]!, 5);
        }
      }),
      { numRuns: 50, seed: 6 },
    );
  });

  it('names the shard with a non-finite weight, in both layouts, even if its coefficient is zero', () => {
    const generator = generatorFromRows(3, [
      [1, 1, 1],
      [1, 0, 1],
    ]);
    const partition = partitionRows(6, 3);
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      for (const parity of [0, 1]) {
        const weights = new Float32Array(24).fill(1);
        weights[3 * 4 + 2] = value;
        const encode = () => encodeWeights(generator, parity, weights, partition, 4);
        expect(encode).toThrow(NonFiniteWeightError);
        expect(encode).toThrow(`data shard 1 has the weight ${value}`);
        const byColumns = transpose(weights, 6, 4);
        const options = { layout: 'columns-major' } as const;
        expect(() => encodeWeights(generator, parity, byColumns, partition, 4, options)).toThrow(
          'data shard 1',
        );
        const views = [0, 1, 2].map((b) => weights.subarray(b * 8, b * 8 + 8));
        expect(() => encodeViews(generator, parity, views, new Float32Array(8))).toThrow('data shard 1');
      }
    }
  });

  it('rejects finite weights whose sum overflows', () => {
    const weights = new Float32Array(2).fill(3e38);
    expect(() => encodeWeights(generatorMatrix(2, 1), 0, weights, partitionRows(2, 2), 1)).toThrow(
      'overflow float32',
    );
  });

  it('rejects wrong lengths and indices', () => {
    const generator = generatorMatrix(2, 1);
    const partition = partitionRows(4, 2);
    const weights = new Float32Array(12);
    expect(() => encodeWeights(generator, 1, weights, partition, 3)).toThrow(InvalidArgumentError);
    expect(() => encodeWeights(generator, 0, weights, partition, 2)).toThrow(LengthMismatchError);
    expect(() => encodeWeights(generator, 0, weights, partitionRows(4, 3), 3)).toThrow(LengthMismatchError);
    expect(() => encodeWeights(generator, 0, weights, partition, 3, { into: new Float32Array(5) })).toThrow(
      LengthMismatchError,
    );
    expect(() => encodeWeights(generator, 0, weights, partition, 0)).toThrow(InvalidArgumentError);
    expect(() => encodeViews(generator, 0, [weights, weights], new Float32Array(11))).toThrow(
      LengthMismatchError,
    );
    expect(() => encodeViews(generator, 0, [weights], weights.slice())).toThrow(LengthMismatchError);
  });
});
