import { describe, expect, it } from 'vitest';
import { InexactAnswersError, LengthMismatchError, TooFewAnswersError } from '../errors.ts';
import { generatorFromRows, totalShards } from '../generator.ts';
import { erasures } from '../testing/coded-layer.ts';
import { bytePlanes, planeCount } from './byte-planes.ts';
import { createIntegerDecoder } from './decode-integers.ts';
import { integerGenerator, lostBits } from './integer-generator.ts';
import { encodeIntegers, verifyIntegers } from './verify-integers.ts';

/** Magnitudes around every power of 2 up to 2^bits, with both signs. */
function edges(bits: number): number[] {
  const values = [0];
  for (let bit = 0; bit <= bits; bit++) {
    for (const near of [2 ** bit - 1, 2 ** bit]) {
      if (near < 2 ** bits) values.push(near, -near);
    }
  }
  return values;
}

/** Returns the k + r answers to outputs that contain every given value at every shard, in different orders. */
function answersWith(k: number, r: number, values: readonly number[]): Int32Array[] {
  const outputs = Array.from({ length: k }, (_, shard) =>
    Int32Array.from(values, (_, i) => values[(i * (shard + 1) + 3 * shard) % values.length]!),
  );
  const generator = integerGenerator(k, r);
  return [...outputs, ...Array.from({ length: r }, (_, row) => encodeIntegers(generator, row, outputs))];
}

const COUNTS = [
  [1, 1],
  [2, 1],
  [3, 1],
  [12, 1],
  [1, 2],
  [2, 2],
  [4, 2],
  [8, 2],
  [12, 2],
  [4, 3],
  [6, 3],
  [5, 4],
] as const;

describe('integer shards', () => {
  it.each(COUNTS)('recover equal values in every pattern of k = %i, r = %i', (k, r) => {
    const generator = integerGenerator(k, r);
    const answers = answersWith(k, r, edges(31 - lostBits(generator)));
    const { reconstruct } = createIntegerDecoder(generator);
    for (const missing of erasures(k + r, r)) {
      const received = answers.map((answer, shard) => (missing.includes(shard) ? undefined : answer));
      expect(reconstruct(received)).toEqual(answers.slice(0, k));
    }
  });

  it('recover values that overflow int32 from one sum', () => {
    const answers = answersWith(4, 1, [2 ** 31 - 1, -(2 ** 31), 2 ** 31 - 2, -1, 0]);
    const { reconstruct } = createIntegerDecoder(integerGenerator(4, 1));
    for (let dead = 0; dead < 4; dead++) {
      expect(reconstruct(answers.with(dead, undefined as never))).toEqual(answers.slice(0, 4));
    }
  });

  it('lose the stated number of bits, and not fewer', () => {
    expect(COUNTS.map(([k, r]) => lostBits(integerGenerator(k, r)))).toEqual([
      0, 0, 0, 0, 0, 1, 2, 3, 3, 4, 5, 6,
    ]);
    for (const [k, r] of [
      [4, 2],
      [8, 2],
      [4, 3],
    ] as const) {
      const generator = integerGenerator(k, r);
      const answers = answersWith(k, r, [2 ** (31 - lostBits(generator)), 1, 0]);
      const { reconstruct } = createIntegerDecoder(generator);
      const wrong = [...erasures(k + r, r)].filter((missing) => {
        const received = answers.map((answer, shard) => (missing.includes(shard) ? undefined : answer));
        return reconstruct(received).some((output, shard) => output.join() !== answers[shard]!.join());
      });
      expect(wrong.length).toBeGreaterThan(0);
    }
  });

  it('detect every flipped bit of every answer, and locate it with two sums', () => {
    for (const [k, r] of [
      [3, 1],
      [3, 2],
      [2, 3],
    ] as const) {
      const generator = integerGenerator(k, r);
      const answers = answersWith(k, r, [0, 1, -1, 100_000]);
      expect(verifyIntegers(generator, answers)).toMatchObject({ consistent: true, residual: 0, checks: r });
      for (let shard = 0; shard < k + r; shard++) {
        for (let bit = 0; bit < 32; bit++) {
          const wrong = answers[shard]!.slice();
          wrong[bit % wrong.length]! ^= 1 << bit;
          const found = verifyIntegers(generator, answers.with(shard, wrong));
          expect(found.consistent).toBe(false);
          // The highest bits are outside the range of answers, and an even coefficient removes them.
          if (r >= 2 && bit < 31 - lostBits(generator)) expect(found.faultyShards).toEqual([shard]);
        }
      }
    }
  });

  it('check the surplus of a partial set of answers', () => {
    const generator = integerGenerator(4, 2);
    const answers = answersWith(4, 2, [5, -7, 1000]);
    for (let dead = 0; dead < totalShards(generator); dead++) {
      const received = answers.map((answer, shard) => (shard === dead ? undefined : answer));
      expect(verifyIntegers(generator, received)).toMatchObject({ consistent: true, checks: 1 });
      const other = (dead + 1) % 6;
      const wrong = answers[other]!.map((value) => value + 1);
      expect(verifyIntegers(generator, received.with(other, wrong)).consistent).toBe(false);
    }
  });

  it('refuse answers that no integers give', () => {
    const { reconstruct } = createIntegerDecoder(integerGenerator(2, 2));
    // The second sum is y0 + 2 · y1, so with y0 = 1 it is odd.
    expect(() => reconstruct([Int32Array.of(1), undefined, undefined, Int32Array.of(4)])).toThrow(
      InexactAnswersError,
    );
  });

  it('refuse too few answers and answers of different lengths', () => {
    const { reconstruct } = createIntegerDecoder(integerGenerator(2, 1));
    const one = Int32Array.of(1);
    expect(() => reconstruct([one, undefined, undefined])).toThrow(TooFewAnswersError);
    expect(() => reconstruct([one, undefined, Int32Array.of(1, 2)])).toThrow(LengthMismatchError);
  });

  it('know which patterns a singular generator recovers', () => {
    const { canReconstruct } = createIntegerDecoder(
      generatorFromRows(3, [
        [1, 1, 1],
        [2, 2, 3],
      ]),
    );
    expect(canReconstruct([false, false, true, true, true])).toBe(false);
    expect(canReconstruct([false, true, false, true, true])).toBe(true);
  });
});

describe('planes of int8', () => {
  it('hold every value of one, two and three planes', () => {
    for (const [planes, from, to, step] of [
      [1, -128, 127, 1],
      [2, -32_896, 32_639, 1],
      [3, -8_421_504, 8_355_711, 997],
    ] as const) {
      const values = Int32Array.from(
        { length: Math.floor((to - from) / step) + 1 },
        (_, i) => from + i * step,
      );
      values[values.length - 1] = to;
      const parts = bytePlanes(values, planes);
      const sums = values.map((_, i) => parts.reduce((sum, part, p) => sum + 256 ** p * part[i]!, 0));
      expect(sums).toEqual(values);
      for (const outside of [from - 1, to + 1]) {
        expect(() => bytePlanes(Int32Array.of(outside), planes)).toThrow(RangeError);
      }
    }
  });

  it('are as many as the largest sum of weights needs', () => {
    expect(planeCount([1])).toBe(2);
    expect(planeCount(new Array(127).fill(1))).toBe(2);
    expect(planeCount(new Array(129).fill(1))).toBe(3);
    expect(planeCount(integerGenerator(12, 2).parity.subarray(12))).toBe(2);
    expect(planeCount(integerGenerator(12, 3).parity.subarray(24))).toBe(3);
  });
});
