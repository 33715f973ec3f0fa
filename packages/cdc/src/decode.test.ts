import { describe, expect, it } from 'vitest';
import { answersFromPairs, createDecoder } from './decode.ts';
import { encodeBias, encodeViews, encodeWeights, type WeightLayout } from './encode.ts';
import {
  DuplicateShardError,
  LengthMismatchError,
  NonFiniteAnswerError,
  TooFewAnswersError,
  UndecodablePatternError,
} from './errors.ts';
import { generatorFromRows, generatorMatrix } from './generator.ts';
import { partitionHeights, partitionRows } from './partition.ts';
import { codedLayer, erasures, productFloat64 } from './testing/coded-layer.ts';

describe('decoding', () => {
  for (const layout of ['rows-major', 'columns-major'] as WeightLayout[]) {
    it(`decodes every pattern of up to r missing shards, weights ${layout}`, () => {
      for (const [k, r] of [
        [1, 1],
        [1, 2],
        [2, 1],
        [4, 2],
        [5, 3],
      ] as const) {
        const layer = codedLayer({ k, r, rows: 23, columns: 17, layout, seed: 7 });
        const decoder = createDecoder(layer.generator);
        for (const missing of erasures(k + r, r)) {
          const answers = layer.answers.map((answer, shard) =>
            missing.includes(shard) ? undefined : answer,
          );
          const outputs = decoder.reconstruct(answers);
          expect(outputs).toHaveLength(k);
          for (const [shard, output] of outputs.entries()) {
            if (!missing.includes(shard)) expect(output).toBe(layer.answers[shard]);
            expect(layer.relativeError(shard, output)).toBeLessThan(1e-4);
          }
        }
      }
    });
  }

  it('recovers blocks of uneven height', () => {
    const partition = partitionHeights(20, [9, 4, 7]);
    const layer = codedLayer({ k: 3, r: 1, rows: 20, columns: 8, seed: 3, partition });
    const outputs = createDecoder(layer.generator).reconstruct([undefined, ...layer.answers.slice(1)]);
    const joined = partition.blocks.flatMap((block, b) => [...outputs[b]!.subarray(0, block.rows)]);
    const expected = productFloat64(layer.weights, layer.bias, layer.input);
    for (let i = 0; i < 20; i++) expect(joined[i]).toBeCloseTo(expected[i]!, 5);
    // Elements beyond a shorter block's rows are padding.
    expect(Math.abs(outputs[1]![8]!)).toBe(0);
  });

  it('needs every answer when r = 0', () => {
    const layer = codedLayer({ k: 3, r: 0, rows: 9, columns: 4, seed: 1 });
    const decoder = createDecoder(layer.generator);
    expect(decoder.reconstruct(layer.answers)).toEqual(layer.answers);
    expect(() => decoder.reconstruct([undefined, ...layer.answers.slice(1)])).toThrow(TooFewAnswersError);
  });

  it('names the missing shards when fewer than k answered', () => {
    const layer = codedLayer({ k: 3, r: 1, rows: 9, columns: 4, seed: 1 });
    const answers = [undefined, layer.answers[1], layer.answers[2], undefined];
    const attempt = () => createDecoder(layer.generator).reconstruct(answers);
    expect(attempt).toThrow(TooFewAnswersError);
    expect(attempt).toThrow('received 2 answers of the 3 required; missing shards: 0, 3');
  });

  it('names the shard with a non-finite answer, needed for recovery or not', () => {
    const layer = codedLayer({ k: 3, r: 1, rows: 9, columns: 4, seed: 1 });
    const poisoned = layer.answers.map((answer) => answer.slice());
    poisoned[2]![1] = Number.NaN;
    const decoder = createDecoder(layer.generator);
    expect(() => decoder.reconstruct(poisoned)).toThrow(NonFiniteAnswerError);
    expect(() => decoder.reconstruct([undefined, ...poisoned.slice(1)])).toThrow(/shard 2 contains NaN/);
    poisoned[2]![1] = Number.POSITIVE_INFINITY;
    expect(() => decoder.reconstruct([undefined, ...poisoned.slice(1)])).toThrow(/shard 2 contains Infinity/);
  });

  it('rejects different lengths, a wrong number of shards and duplicate answers', () => {
    const generator = generatorMatrix(2, 1);
    const decoder = createDecoder(generator);
    const one = new Float32Array(4);
    expect(() => decoder.reconstruct([one, new Float32Array(3), undefined])).toThrow(LengthMismatchError);
    expect(() => decoder.reconstruct([one, one])).toThrow(LengthMismatchError);
    const pairs: [number, Float32Array][] = [
      [0, one],
      [2, one],
      [0, one],
    ];
    expect(() => answersFromPairs(generator, pairs)).toThrow(DuplicateShardError);
    expect(answersFromPairs(generator, pairs.slice(0, 2))).toEqual([one, undefined, one]);
  });

  it('rejects the patterns that a non-MDS generator cannot recover, and decodes the others', () => {
    const generator = generatorFromRows(4, [
      [1, 1, 0, 0],
      [0, 0, 1, 1],
    ]);
    const decoder = createDecoder(generator);
    const y = [1, 2, 3, 4].map((value) => Float32Array.of(value));
    const answers = [...y, Float32Array.of(3), Float32Array.of(7)];
    expect(decoder.reconstruct(answers.with(0, undefined as never).with(3, undefined as never))).toEqual(y);
    const bad = answers.with(0, undefined as never).with(1, undefined as never);
    expect(() => decoder.reconstruct(bad)).toThrow(UndecodablePatternError);
    expect(decoder.canReconstruct(bad.map((answer) => answer !== undefined))).toBe(false);
  });

  it('encodes separate views like the whole layer', () => {
    const partition = partitionRows(10, 3);
    const layer = codedLayer({ k: 3, r: 2, rows: 10, columns: 6, seed: 2 });
    const views = partition.blocks.map(({ start, rows }) =>
      layer.weights.subarray(start * 6, (start + rows) * 6),
    );
    for (const parity of [0, 1]) {
      const whole = encodeWeights(layer.generator, parity, layer.weights, partition, 6);
      const into = new Float32Array(partition.height * 6).fill(9);
      expect(encodeViews(layer.generator, parity, views, into)).toEqual(whole);
      expect(encodeBias(layer.generator, parity, layer.bias, partition)).toHaveLength(4);
    }
  });
});
