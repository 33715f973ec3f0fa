import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDecoder } from '../decode.ts';
import { InvalidArgumentError, LengthMismatchError, TooManyShardsError } from '../errors.ts';
import { type Generator, generatorMatrix } from '../generator.ts';
import { erasures } from '../testing/coded-layer.ts';
import { normalArray, seededNormal } from '../testing/random.ts';
import { sliceAxis, writeAxis } from './axis.ts';
import { encodePiece, gatherRows, inputPieces, parityBiasFactor } from './coded-input.ts';
import { computeLayer } from './im2col.ts';
import { type Convolution, convolution, count, outputSize, shapesOf } from './layer.ts';

/** Cuts, encodes and computes a convolution over its first spatial axis. */
function codedConvolution(
  layer: Convolution,
  generator: Generator,
  seed: number,
  biasFactor = parityBiasFactor,
) {
  const { dataShards: k, parityShards: r } = generator;
  const shapes = shapesOf(layer);
  const normal = seededNormal(seed);
  const input = normalArray(count(shapes.input), normal);
  const weights = normalArray(count(shapes.weights), normal);
  const bias = normalArray(layer.filters, normal);
  const stride = layer.strides[0]!;
  const outputRows = outputSize(layer)[0]!;
  const pieces = inputPieces(
    {
      inputRows: layer.size[0]!,
      outputRows,
      window: layer.dilations[0]! * (layer.kernel[0]! - 1) + 1,
      stride,
      padBefore: layer.padsBegin[0]!,
    },
    k,
  );
  const shard = convolution({
    ...layer,
    size: layer.size.with(0, pieces.rows),
    padsBegin: layer.padsBegin.with(0, 0),
    padsEnd: layer.padsEnd.with(0, 0),
  });
  const shape = {
    outer: layer.batch * layer.channels,
    rows: layer.size[0]!,
    inner: count(layer.size.slice(1)),
  };
  const length = shape.outer * pieces.rows * shape.inner;
  const data = pieces.starts.map((start) => {
    const into = new Float32Array(length).fill(Number.NaN);
    gatherRows(input, shape, start, pieces.rows, into);
    return into;
  });
  const compute = (piece: Float32Array, factor: number) =>
    Float32Array.from(
      computeLayer(
        shard,
        piece,
        weights,
        bias.map((value) => factor * value),
      ),
    );
  const answers = data.map((piece) => compute(piece, 1));
  for (let i = 0; i < r; i++) {
    const parity = new Float32Array(length);
    expect(encodePiece(generator, i, data, parity)).toBe(true);
    answers.push(compute(parity, biasFactor(generator, i)));
  }
  const decoder = createDecoder(generator);
  const answerShape = shapesOf(shard).output;
  return {
    expected: computeLayer(layer, input, weights, bias),
    decode(missing: readonly number[]): Float32Array {
      const left = answers.map((answer, index) => (missing.includes(index) ? undefined : answer));
      const merged = new Float32Array(count(shapes.output));
      for (const [j, part] of decoder.reconstruct(left).entries()) {
        const { start, rows } = pieces.partition.blocks[j]!;
        writeAxis(merged, shapes.output, 2, start, rows, sliceAxis(part, answerShape, 2, 0, rows));
      }
      return merged;
    },
  };
}

const worstError = (output: Float32Array, expected: ArrayLike<number>) =>
  output.reduce((worst, value, i) => Math.max(worst, Math.abs(value - expected[i]!)), 0);

/** A random convolution over 1 to 3 axes, with a code that its output rows allow. */
const arbitrary = fc
  .record({
    rank: fc.integer({ min: 1, max: 3 }),
    batch: fc.integer({ min: 1, max: 2 }),
    groups: fc.integer({ min: 1, max: 3 }),
    perGroup: fc.integer({ min: 1, max: 2 }),
    filters: fc.integer({ min: 1, max: 2 }),
    size: fc.tuple(fc.integer({ min: 4, max: 14 }), fc.integer({ min: 3, max: 5 }), fc.constant(3)),
    kernel: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 3, maxLength: 3 }),
    strides: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 3, maxLength: 3 }),
    dilations: fc.array(fc.integer({ min: 1, max: 2 }), { minLength: 3, maxLength: 3 }),
    padsBegin: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 3, maxLength: 3 }),
    padsEnd: fc.array(fc.integer({ min: 2, max: 3 }), { minLength: 3, maxLength: 3 }),
    k: fc.integer({ min: 1, max: 6 }),
    r: fc.integer({ min: 1, max: 3 }),
    seed: fc.integer(),
  })
  .map(({ rank, groups, perGroup, filters, k, r, seed, ...layer }) => {
    const per = (values: readonly number[]) => values.slice(0, rank);
    const full = convolution({
      batch: layer.batch,
      groups,
      channels: groups * perGroup,
      filters: groups * filters,
      size: per(layer.size),
      kernel: per(layer.kernel),
      strides: per(layer.strides),
      dilations: per(layer.dilations),
      padsBegin: per(layer.padsBegin),
      padsEnd: per(layer.padsEnd),
    });
    return { layer: full, k: Math.min(k, outputSize(full)[0]!), r, seed };
  });

describe('coded inputs', () => {
  it('give the whole convolution after any r erasures, for random shapes, strides, pads, dilations and groups', () => {
    fc.assert(
      fc.property(arbitrary, ({ layer, k, r, seed }) => {
        const coded = codedConvolution(layer, generatorMatrix(k, r), seed);
        for (const missing of erasures(k + r, r)) {
          expect(worstError(coded.decode(missing), coded.expected), `missing ${missing}`).toBeLessThan(1e-4);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('give a wrong layer if the bias of a parity device is not scaled (negative control)', () => {
    const layer = convolution({ channels: 1, size: [6], filters: 1, kernel: [1] });
    const generator = generatorMatrix(3, 1);
    const scaled = codedConvolution(layer, generator, 1);
    expect(worstError(scaled.decode([0]), scaled.expected)).toBeLessThan(1e-4);
    const unscaled = codedConvolution(layer, generator, 1, () => 1);
    expect(worstError(unscaled.decode([]), unscaled.expected)).toBeLessThan(1e-4);
    expect(worstError(unscaled.decode([0]), unscaled.expected)).toBeGreaterThan(1e-2);
  });

  it('overlap by the halo, and start in the padding', () => {
    const pieces = inputPieces({ inputRows: 12, outputRows: 6, window: 5, stride: 2, padBefore: 2 }, 3);
    expect(pieces).toMatchObject({ rows: 7, starts: [-2, 2, 6], halo: 3, band: 4 });
  });

  it('reject more pieces than output rows, wrong lengths and unknown parity shards', () => {
    const layer = { inputRows: 4, outputRows: 4, window: 1, stride: 1, padBefore: 0 };
    expect(() => inputPieces(layer, 5)).toThrow(TooManyShardsError);
    expect(() => inputPieces({ ...layer, stride: 0 }, 2)).toThrow(InvalidArgumentError);
    const shape = { outer: 1, rows: 4, inner: 2 };
    expect(() => gatherRows(new Float32Array(7), shape, 0, 2, new Float32Array(4))).toThrow(
      LengthMismatchError,
    );
    expect(() => gatherRows(new Float32Array(8), shape, 0, 2, new Float32Array(5))).toThrow(
      LengthMismatchError,
    );
    const two = [new Float32Array(2), new Float32Array(2)];
    const generator = generatorMatrix(2, 1);
    expect(() => encodePiece(generator, 0, two, new Float32Array(3))).toThrow(LengthMismatchError);
    expect(() => encodePiece(generator, 0, two.slice(1), new Float32Array(2))).toThrow(LengthMismatchError);
    expect(() => encodePiece(generator, 1, two, new Float32Array(2))).toThrow(InvalidArgumentError);
  });

  it('report sums that are not finite and keep them', () => {
    const into = new Float32Array(1);
    const pieces = [Float32Array.of(3e38), Float32Array.of(3e38)];
    expect(encodePiece(generatorMatrix(2, 1), 0, pieces, into)).toBe(false);
    expect(into[0]).toBe(Number.POSITIVE_INFINITY);
  });
});
