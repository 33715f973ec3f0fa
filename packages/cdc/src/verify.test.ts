import { describe, expect, it } from 'vitest';
import { NonFiniteAnswerError, TooFewAnswersError } from './errors.ts';
import { codedLayer, erasures } from './testing/coded-layer.ts';
import { verify } from './verify.ts';

describe('verifying answers', () => {
  it('never calls rounding a lie, whichever surplus answers are in', () => {
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

  it('detects one wrong answer with one surplus answer, without naming anyone', () => {
    const { generator, answers } = codedLayer({ k: 4, r: 1, rows: 40, columns: 50, seed: 1 });
    for (let faultyShard = 0; faultyShard < 5; faultyShard++) {
      const result = verify(generator, withLie(answers, [faultyShard], 0.05));
      expect(result.consistent).toBe(false);
      expect(result.residual).toBeGreaterThan(1);
      expect(result.faultyShards).toBeUndefined();
    }
  });

  it('names up to ⌊checks / 2⌋ liars', () => {
    for (const [k, r, lies] of [
      [4, 2, 1],
      [4, 3, 1],
      [5, 4, 2],
      [1, 2, 1],
    ] as const) {
      const { generator, answers } = codedLayer({ k, r, rows: 40, columns: 50, seed: 5 });
      for (const faultyShards of erasures(k + r, lies).filter((set) => set.length > 0)) {
        for (const size of [0.05, 1, 1e6]) {
          const result = verify(generator, withLie(answers, faultyShards, size));
          expect(result.consistent).toBe(false);
          expect(result.faultyShards, `k ${k} r ${r} lie ${size}`).toEqual(faultyShards);
        }
      }
    }
  });

  it('names a liar among a part of the answers while two surplus ones are left', () => {
    const { generator, answers } = codedLayer({ k: 4, r: 3, rows: 40, columns: 50, seed: 9 });
    for (let absent = 0; absent < 7; absent++) {
      for (let faultyShard = 0; faultyShard < 7; faultyShard++) {
        if (faultyShard === absent) continue;
        const lied = withLie(answers, [faultyShard], 0.1).map((a, shard) =>
          shard === absent ? undefined : a,
        );
        expect(verify(generator, lied).faultyShards).toEqual([faultyShard]);
      }
    }
  });

  it('names nobody rather than the wrong one when more lie than can be located', () => {
    const { generator, answers } = codedLayer({ k: 4, r: 2, rows: 40, columns: 50, seed: 2 });
    const result = verify(generator, withLie(answers, [0, 3], 1));
    expect(result.consistent).toBe(false);
    expect(result.faultyShards).toBeUndefined();
  });

  it('notices a shard index that was mixed up', () => {
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
    // The limit of a single sum: it cannot know the order of what it sums.
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

  it('refuses too few answers, and answers that are not finite', () => {
    const { generator, answers } = codedLayer({ k: 3, r: 1, rows: 9, columns: 4, seed: 1 });
    const few = answers.map((a, shard) => (shard < 2 ? undefined : a));
    expect(() => verify(generator, few)).toThrow(TooFewAnswersError);
    answers[2]![0] = Number.NEGATIVE_INFINITY;
    expect(() => verify(generator, answers)).toThrow(NonFiniteAnswerError);
  });
});

/** Adds an error to one element of each liar's answer, `size` times the answer's largest value. */
function withLie(
  answers: readonly Float32Array[],
  faultyShards: readonly number[],
  size: number,
): Float32Array[] {
  return answers.map((answer, shard) => {
    if (!faultyShards.includes(shard)) return answer;
    const lied = answer.slice();
    const scale = answer.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    lied[shard % lied.length]! += size * scale;
    lied[(shard + 3) % lied.length]! -= size * scale;
    return lied;
  });
}

function swapped(answers: readonly Float32Array[], a: number, b: number): Float32Array[] {
  return answers.with(a, answers[b]!).with(b, answers[a]!);
}
