import { describe, expect, it } from 'vitest';
import { NonFiniteAnswerError, TooFewAnswersError } from './errors.ts';
import { generatorMatrix } from './generator.ts';
import { codedLayer, erasures } from './testing/coded-layer.ts';
import { DEFAULT_ANSWER_TOLERANCE, verify } from './verify.ts';

describe('verifying answers', () => {
  it('accepts rounding errors with any set of surplus answers', () => {
    for (const [k, r] of [
      [1, 2],
      [4, 1],
      [6, 2],
      [5, 4],
    ] as const) {
      for (let seed = 0; seed < 20; seed++) {
        const layer = codedLayer({ k, r, rows: 40, columns: 200, seed });
        for (const missing of erasures(k + r, r)) {
          const answers = layer.answers.map((a, shard) => (missing.includes(shard) ? undefined : a));
          const result = verify(layer.generator, answers);
          expect(result.consistent, `seed ${seed}, missing ${missing}: ${result.residual}`).toBe(true);
          expect(result.checks).toBe(r - missing.length);
        }
      }
    }
  });

  it('detects one wrong answer with one surplus answer, without locating it', () => {
    const { generator, answers } = codedLayer({ k: 4, r: 1, rows: 40, columns: 50, seed: 1 });
    for (let faultyShard = 0; faultyShard < 5; faultyShard++) {
      const result = verify(generator, withErrors(answers, [faultyShard], 0.05));
      expect(result.consistent).toBe(false);
      expect(result.residual).toBeGreaterThan(1);
      expect(result.faultyShards).toBeUndefined();
    }
  });

  it('locates up to ⌊checks / 2⌋ faulty shards', () => {
    for (const [k, r, faults] of [
      [4, 2, 1],
      [4, 3, 1],
      [5, 4, 2],
      [1, 2, 1],
    ] as const) {
      const { generator, answers } = codedLayer({ k, r, rows: 40, columns: 50, seed: 5 });
      for (const faultyShards of erasures(k + r, faults).filter((set) => set.length > 0)) {
        for (const size of [0.05, 1, 1e6]) {
          const result = verify(generator, withErrors(answers, faultyShards, size));
          expect(result.consistent).toBe(false);
          expect(result.faultyShards, `k ${k}, r ${r}, error ${size}`).toEqual(faultyShards);
        }
      }
    }
  });

  it('locates a faulty shard with one shard missing, as long as two surplus answers are left', () => {
    const { generator, answers } = codedLayer({ k: 4, r: 3, rows: 40, columns: 50, seed: 9 });
    for (let absent = 0; absent < 7; absent++) {
      for (let faultyShard = 0; faultyShard < 7; faultyShard++) {
        if (faultyShard === absent) continue;
        const received = withErrors(answers, [faultyShard], 0.1).map((a, shard) =>
          shard === absent ? undefined : a,
        );
        expect(verify(generator, received).faultyShards).toEqual([faultyShard]);
      }
    }
  });

  it('locates no shard when more are faulty than can be located', () => {
    const { generator, answers } = codedLayer({ k: 4, r: 2, rows: 40, columns: 50, seed: 2 });
    const result = verify(generator, withErrors(answers, [0, 3], 1));
    expect(result.consistent).toBe(false);
    expect(result.faultyShards).toBeUndefined();
  });

  it('detects swapped shard indices', () => {
    const two = codedLayer({ k: 4, r: 2, rows: 40, columns: 50, seed: 2 });
    for (const [a, b] of [
      [0, 1],
      [2, 3],
      [1, 5],
      [4, 5],
    ] as const) {
      expect(verify(two.generator, swapped(two.answers, a, b)).consistent).toBe(false);
    }
    const four = codedLayer({ k: 4, r: 4, rows: 40, columns: 50, seed: 2 });
    expect(verify(four.generator, swapped(four.answers, 1, 2)).faultyShards).toEqual([1, 2]);
    const one = codedLayer({ k: 4, r: 1, rows: 40, columns: 50, seed: 2 });
    expect(verify(one.generator, swapped(one.answers, 1, 4)).consistent).toBe(false);
    // A single sum does not depend on the order of its terms.
    expect(verify(one.generator, swapped(one.answers, 1, 2)).consistent).toBe(true);
  });

  it('accepts all-zero answers and exactly k answers', () => {
    const { generator, answers } = codedLayer({ k: 3, r: 1, rows: 9, columns: 4, seed: 1 });
    expect(
      verify(
        generator,
        answers.map((a) => a.map(() => 0)),
      ).consistent,
    ).toBe(true);
    expect(verify(generator, answers.with(1, undefined as never))).toMatchObject({
      consistent: true,
      checks: 0,
    });
  });

  it('rejects too few answers and non-finite answers', () => {
    const { generator, answers } = codedLayer({ k: 3, r: 1, rows: 9, columns: 4, seed: 1 });
    const few = answers.map((a, shard) => (shard < 2 ? undefined : a));
    expect(() => verify(generator, few)).toThrow(TooFewAnswersError);
    answers[2]![0] = Number.NEGATIVE_INFINITY;
    expect(() => verify(generator, answers)).toThrow(NonFiniteAnswerError);
  });
});

/** Adds an error to two elements of each faulty shard's answer, `size` times the answer's largest value. */
function withErrors(
  answers: readonly Float32Array[],
  faultyShards: readonly number[],
  size: number,
): Float32Array[] {
  return answers.map((answer, shard) => {
    if (!faultyShards.includes(shard)) return answer;
    const wrong = answer.slice();
    const scale = answer.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    wrong[shard % wrong.length]! += size * scale;
    wrong[(shard + 3) % wrong.length]! -= size * scale;
    return wrong;
  });
}

function swapped(answers: readonly Float32Array[], a: number, b: number): Float32Array[] {
  return answers.with(a, answers[b]!).with(b, answers[a]!);
}

describe('an error near the allowance', () => {
  // The fast estimate decides below half of the allowance, the exact sum above.
  it.each([
    [0.3, true],
    [0.7, true],
    [0.9, true],
    [1.1, false],
    [1.4, false],
    [3, false],
  ])('of %f × the allowance is judged exactly', (factor, consistent) => {
    for (const tolerance of [DEFAULT_ANSWER_TOLERANCE, 2 ** -21]) {
      const generator = generatorMatrix(2, 1);
      const length = 5_000;
      const data = [1, 2].map((shard) => Float32Array.from({ length }, (_, i) => shard + (i % 7) / 8));
      const parity = data[0]!.map((value, i) => value + data[1]![i]!);
      const magnitudes = [...data, parity].map((values) => Math.max(...values));
      const allowance = tolerance * magnitudes.reduce((sum, value) => sum + value, 0);
      parity[4_321] = parity[4_321]! + factor * allowance;
      const verification = verify(generator, [...data, parity], tolerance);
      expect(verification.consistent).toBe(consistent);
      // The sum of the answer and the error is rounded to float32.
      expect(Math.abs(verification.residual - factor)).toBeLessThan(2 ** -22 / allowance);
    }
  });
});
