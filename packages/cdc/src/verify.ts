import { type Answers, commonLength } from './decode.ts';
import { InvalidArgumentError, NonFiniteAnswerError } from './errors.ts';
import { type Generator, totalShards } from './generator.ts';
import { allFinite, linearCombination } from './linear-combination.ts';
import { combinations, leftNullSpace } from './small-matrix.ts';

/**
 * By how much an honest answer may differ from the exact one, relative to the largest value in it: float32
 * products of a few thousand terms, on different processors and kernels. Measured in docs/NUMERICS.md.
 */
export const DEFAULT_ANSWER_TOLERANCE = 2 ** -16;

export interface Verification {
  /** Whether all answers fit together as well as rounding allows. Always true with exactly k answers. */
  readonly consistent: boolean;
  /** The largest violation of a check equation, in multiples of what rounding may cause: above 1 is a lie. */
  readonly residual: number;
  /** What `residual` is compared with: 1. */
  readonly threshold: number;
  /** How many independent check equations there were: answers − k. */
  readonly checks: number;
  /**
   * The shards whose answers are wrong, ascending; only where the answers are inconsistent and exactly one set
   * of at most ⌊checks / 2⌋ shards explains it. Without it the answers are wrong and nobody can be named.
   */
  readonly faultyShards?: readonly number[];
}

/**
 * Checks that more than k answers satisfy the generator's spare equations, and names who does not.
 * One surplus answer detects a wrong answer, 2t of them locate up to t. Answers that are swapped are two wrong
 * answers, except that with r = 1 two data shards may trade places unseen: a sum does not know the order.
 * @param answers    by shard index in [0, k + r), undefined where absent; not mutated
 * @param tolerance  error of an honest answer relative to its own largest value
 * @throws {TooFewAnswersError} fewer than k answers
 * @throws {NonFiniteAnswerError} NaN or an infinity in an answer
 */
export function verify(
  generator: Generator,
  answers: Answers,
  tolerance = DEFAULT_ANSWER_TOLERANCE,
): Verification {
  if (!(tolerance > 0)) throw new InvalidArgumentError('tolerance', tolerance, 'a number above 0');
  const length = commonLength(generator, answers);
  const present: number[] = [];
  const scales = new Float64Array(totalShards(generator));
  for (const [shard, answer] of answers.entries()) {
    if (!answer) continue;
    if (!allFinite(answer)) {
      throw new NonFiniteAnswerError(shard, answer.find((value) => !Number.isFinite(value))!);
    }
    present.push(shard);
    scales[shard] = largestMagnitude(answer);
  }

  const context: Context = { generator, answers, length, scales, tolerance };
  const checks = present.length - generator.dataShards;
  const { worst: residual, at } = worstViolation(context, present);
  if (residual <= 1) return { consistent: true, residual, threshold: 1, checks };

  for (let count = 1; count <= Math.floor(checks / 2); count++) {
    const explanations: number[][] = [];
    for (const suspects of combinations(present, count)) {
      const honest = present.filter((shard) => !suspects.includes(shard));
      // The element where the violation was worst refutes most suspicions by itself.
      if (violatedAt(context, honest, at)) continue;
      if (worstViolation(context, honest).worst <= 1) explanations.push(suspects);
      if (explanations.length > 1) break;
    }
    if (explanations.length === 1) {
      return { consistent: false, residual, threshold: 1, checks, faultyShards: explanations[0]! };
    }
    if (explanations.length > 1) break;
  }
  return { consistent: false, residual, threshold: 1, checks };
}

interface Context {
  readonly generator: Generator;
  readonly answers: Answers;
  readonly length: number;
  /** Largest magnitude in each shard's answer. */
  readonly scales: Float64Array;
  readonly tolerance: number;
}

/**
 * The check equations of a set of shards: rows h with Σ_s h_s · answer_s = 0 for honest answers. Those of the
 * parity shards, with the data shards that are absent eliminated by an orthonormal combination.
 * @returns checks × shards, row-major
 */
export function checkEquations(
  generator: Generator,
  shards: readonly number[],
): { rows: Float64Array; count: number } {
  const { dataShards: k, parity } = generator;
  const absent: number[] = [];
  for (let shard = 0; shard < k; shard++) if (!shards.includes(shard)) absent.push(shard);
  const parities = shards.filter((shard) => shard >= k).map((shard) => shard - k);
  const hidden = new Float64Array(parities.length * absent.length);
  for (const [i, row] of parities.entries()) {
    for (const [j, shard] of absent.entries()) hidden[i * absent.length + j] = parity[row * k + shard]!;
  }
  const { basis, count } = leftNullSpace(hidden, parities.length, absent.length);
  const rows = new Float64Array(count * shards.length);
  for (let i = 0; i < count; i++) {
    for (const [j, shard] of shards.entries()) {
      let sum = 0;
      for (const [p, row] of parities.entries()) {
        const b = basis[i * parities.length + p]!;
        if (shard < k) sum += b * parity[row * k + shard]!;
        else if (shard - k === row) sum -= b;
      }
      rows[i * shards.length + j] = sum;
    }
  }
  return { rows, count };
}

/** The check equations of some shards, each with what honest rounding may add up to: Σ |h_s| · scale_s · tolerance. */
function checksOf(
  context: Context,
  shards: readonly number[],
): { coefficients: Float64Array; allowed: number }[] {
  const { rows, count } = checkEquations(context.generator, shards);
  return Array.from({ length: count }, (_, c) => {
    const coefficients = rows.subarray(c * shards.length, (c + 1) * shards.length);
    let allowed = 0;
    for (const [j, shard] of shards.entries()) allowed += Math.abs(coefficients[j]!) * context.scales[shard]!;
    // Nothing is allowed where every answer that counts is zero: the sum is zero too, unless there is no such check.
    return { coefficients, allowed: context.tolerance * allowed || Number.MIN_VALUE };
  });
}

/** The largest violation over checks and elements, in multiples of what is allowed, and the element where it is. */
function worstViolation(context: Context, shards: readonly number[]): { worst: number; at: number } {
  const { answers, length } = context;
  const sources = shards.map((shard) => answers[shard]!);
  const offsets = new Float64Array(shards.length);
  const lengths = new Float64Array(shards.length).fill(length);
  const residuals = new Float32Array(length);
  let worst = 0;
  let at = 0;
  for (const { coefficients, allowed } of checksOf(context, shards)) {
    linearCombination(residuals, 0, length, coefficients, sources, offsets, lengths);
    for (let i = 0; i < length; i++) {
      const violation = Math.abs(residuals[i]!) / allowed;
      if (violation > worst) {
        worst = violation;
        at = i;
      }
    }
  }
  return { worst, at };
}

/** Whether one element alone shows that these shards do not fit together. */
function violatedAt(context: Context, shards: readonly number[], element: number): boolean {
  return checksOf(context, shards).some(({ coefficients, allowed }) => {
    let sum = 0;
    for (const [j, shard] of shards.entries()) sum += coefficients[j]! * context.answers[shard]![element]!;
    return Math.abs(sum) > allowed;
  });
}

function largestMagnitude(values: Float32Array): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    const magnitude = Math.abs(values[i]!);
    if (magnitude > largest) largest = magnitude;
  }
  return largest;
}
