import { describe, expect, it } from 'vitest';
import { amplifier, binomial, conditioning, requireMds } from './conditioning.ts';
import { planRecovery } from './decode.ts';
import { InvalidArgumentError, LengthMismatchError, SingularGeneratorError } from './errors.ts';
import { generatorFromRows, generatorMatrix, vandermondeGenerator } from './generator.ts';
import { combinations } from './small-matrix.ts';

describe('generators', () => {
  it('start with a row of ones', () => {
    for (let r = 1; r <= 5; r++) {
      for (const k of [1, 2, 7, 32, 40]) {
        expect([...generatorMatrix(k, r).parity.subarray(0, k)]).toEqual(new Array(k).fill(1));
      }
    }
  });

  it('are MDS for every k ≤ 32 and r ≤ 4', () => {
    for (let r = 1; r <= 4; r++) {
      for (let k = 1; k <= 32; k++) {
        const { exhaustive, patterns } = conditioning(requireMds(generatorMatrix(k, r)));
        expect(exhaustive).toBe(true);
        expect(patterns).toBe(binomial(k + r, r) - 1);
      }
    }
  });

  it('from the table are exact in float32 and better conditioned than Vandermonde rows', () => {
    for (let r = 2; r <= 4; r++) {
      for (let k = 2; k <= 32; k += 3) {
        const generator = generatorMatrix(k, r);
        expect([...Float32Array.from(generator.parity)]).toEqual([...generator.parity]);
        const searched = conditioning(generator).amplification;
        expect(searched, `k ${k}, r ${r}`).toBeLessThan(
          conditioning(vandermondeGenerator(k, r)).amplification,
        );
      }
    }
  });

  it('beyond the table are MDS', () => {
    for (const [k, r] of [
      [33, 2],
      [40, 3],
      [6, 5],
      [8, 6],
    ] as const) {
      expect(() => requireMds(generatorMatrix(k, r))).not.toThrow();
    }
  });

  it('that are singular are rejected with a pattern that cannot be recovered', () => {
    const same = generatorFromRows(3, [
      [1, 1, 1],
      [1, 2, 2],
    ]);
    const attempt = () => requireMds(same);
    expect(attempt).toThrow(SingularGeneratorError);
    expect(attempt).toThrow('parity rows 0, 1 cannot recover data shards 1, 2');
    expect(() => requireMds(generatorFromRows(2, [[1, 0]]))).toThrow(SingularGeneratorError);
    expect(() => requireMds(generatorFromRows(2, [[0, 0]]))).toThrow(SingularGeneratorError);
    expect(() => requireMds(generatorFromRows(2, [[1, -1]]))).not.toThrow();
  });

  it('reject invalid counts and rows of the wrong length', () => {
    expect(() => generatorMatrix(0, 1)).toThrow(InvalidArgumentError);
    expect(() => generatorMatrix(2, -1)).toThrow('r is -1; expected an integer of at least 0');
    expect(() => generatorMatrix(1.5, 1)).toThrow(InvalidArgumentError);
    expect(() => generatorFromRows(2, [[1]])).toThrow(LengthMismatchError);
    expect(() => generatorFromRows(2, [[1, Number.NaN]])).toThrow(InvalidArgumentError);
    expect(() => requireMds(vandermondeGenerator(60, 6))).toThrow('erasure patterns');
  });
});

describe('conditioning', () => {
  // The recovered value combines k − 1 data answers and a parity answer of k times their variance.
  it('is √(2k − 1) for a single sum', () => {
    for (const k of [1, 2, 5, 12])
      expect(conditioning(generatorMatrix(k, 1)).amplification).toBeCloseTo(Math.sqrt(2 * k - 1), 12);
    expect(conditioning(generatorMatrix(5, 0))).toMatchObject({ amplification: 1, patterns: 0 });
  });

  it('equals the norm of the recovery coefficients', () => {
    for (const [k, r] of [
      [4, 2],
      [5, 3],
      [3, 4],
    ] as const) {
      const generator = generatorMatrix(k, r);
      const amplify = amplifier(generator);
      const norm = (row: number) => Math.hypot(...generator.parity.subarray(row * k, (row + 1) * k));
      for (let size = 1; size <= Math.min(k, r); size++) {
        for (const missing of combinations([0, 1, 2, 3, 4].slice(0, k), size)) {
          for (const parities of combinations([0, 1, 2, 3].slice(0, r), size)) {
            const present = Array.from({ length: k + r }, (_, shard) =>
              shard < k ? !missing.includes(shard) : parities.includes(shard - k),
            );
            const { used, coefficients } = planRecovery(generator, present)!;
            const worst = missing.map((_, i) =>
              Math.hypot(
                ...used.map((shard, j) => coefficients[i * k + j]! * (shard < k ? 1 : norm(shard - k))),
              ),
            );
            expect(amplify(missing, parities)).toBeCloseTo(Math.max(...worst), 8);
          }
        }
      }
    }
  });

  it('checks only runs of adjacent shards above the pattern limit, and reports it', () => {
    const few = conditioning(vandermondeGenerator(20, 3), 10);
    expect(few.exhaustive).toBe(false);
    expect(few.amplification).toBeCloseTo(conditioning(vandermondeGenerator(20, 3)).amplification, 6);
  });
});
