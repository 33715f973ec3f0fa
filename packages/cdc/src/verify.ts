import { type Answers, commonLength } from './decode.ts';
import { InvalidArgumentError, NonFiniteAnswerError } from './errors.ts';
import { type Generator, totalShards } from './generator.ts';
import { largestMagnitude, largestSum, linearCombination } from './linear-combination.ts';
import { combinations, leftNullSpace } from './small-matrix.ts';

/**
 * Rounding error allowed in a correct answer, relative to the answer's largest value. It covers float32
 * products of a few thousand terms on different processors and kernels (docs/NUMERICS.md).
 */
export const DEFAULT_ANSWER_TOLERANCE = 2 ** -16;

/**
 * A check whose violation, estimated in float32, is below this part of its allowance is fulfilled: the estimate is off
 * by less than the rest. That holds for tolerances above EXACT_BELOW and 48 answers.
 */
const SCREENED = 0.5;
const EXACT_BELOW = 2 ** -17;

export interface Verification {
  /** Whether all answers satisfy the parity checks within rounding. Always true with exactly k answers. */
  readonly consistent: boolean;
  /**
   * Largest violation of a parity check ÷ the violation that rounding may cause. Above 1, an answer is wrong.
   */
  readonly residual: number;
  /** The limit of `residual`: 1. */
  readonly threshold: number;
  /** Number of independent parity checks: answers − k. */
  readonly checks: number;
  /**
   * Shards with wrong answers, ascending. Present only if the answers are inconsistent and exactly one set of
   * at most ⌊checks / 2⌋ shards explains it.
   */
  readonly faultyShards?: readonly number[];
}

/**
 * Checks surplus answers against the generator's parity checks and locates faulty shards. One surplus answer
 * detects a wrong answer; 2t surplus answers locate up to t. Swapped answers count as two wrong answers, with
 * one exception: a plain sum (r = 1) cannot detect two swapped data shards.
 * @param answers  by shard index in [0, k + r), undefined if missing; not mutated
 * @param tolerance  error of a correct answer relative to its own largest value
 * @param magnitudes  the largest magnitude of each answer, by shard index, from `largestMagnitude`; computed if absent
 * @throws {TooFewAnswersError} fewer than k answers
 * @throws {LengthMismatchError} answers of different lengths
 * @throws {NonFiniteAnswerError} an answer contains NaN or an infinity
 * @example
 * const sum = generatorMatrix(2, 1);
 * const [y0, y1, parity] = [Float32Array.of(1, 2), Float32Array.of(3, 4), Float32Array.of(4, 6)];
 * const wrong = Float32Array.of(3, 5);
 * console.log(verify(sum, [y0, y1, parity]).consistent, verify(sum, [y0, wrong, parity]).consistent);
 * // → true false
 */
export function verify(
  generator: Generator,
  answers: Answers,
  tolerance = DEFAULT_ANSWER_TOLERANCE,
  magnitudes?: ArrayLike<number>,
): Verification {
  if (!(tolerance > 0)) throw new InvalidArgumentError('tolerance', tolerance, 'a number above 0');
  const length = commonLength(generator, answers);
  const present: number[] = [];
  const scales = new Float64Array(totalShards(generator));
  for (const [shard, answer] of answers.entries()) {
    if (!answer) continue;
    const magnitude = magnitudes?.[shard] ?? largestMagnitude(answer);
    if (!(magnitude < Number.POSITIVE_INFINITY)) {
      throw new NonFiniteAnswerError(shard, answer.find((value) => !Number.isFinite(value))!);
    }
    present.push(shard);
    scales[shard] = magnitude;
  }

  const context: Context = { generator, answers, length, scales, tolerance };
  const checks = present.length - generator.dataShards;
  const { worst: residual, at } = worstViolation(context, present);
  if (residual <= 1) return { consistent: true, residual, threshold: 1, checks };

  for (let count = 1; count <= Math.floor(checks / 2); count++) {
    const explanations: number[][] = [];
    for (const suspects of combinations(present, count)) {
      const others = present.filter((shard) => !suspects.includes(shard));
      // Checking only the element with the worst violation rules out most sets cheaply.
      if (violatedAt(context, others, at)) continue;
      if (worstViolation(context, others).worst <= 1) explanations.push(suspects);
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
  /** Largest magnitude of each shard's answer. */
  readonly scales: Float64Array;
  readonly tolerance: number;
}

interface ParityChecks {
  readonly rows: Float64Array;
  readonly count: number;
}

/** Sets of shards whose parity checks are kept, per generator. A fleet sees few of them. */
const KEPT_CHECKS = 64;
const keptChecks = new WeakMap<Generator, Map<string, ParityChecks>>();

function parityChecks(generator: Generator, shards: readonly number[]): ParityChecks {
  let kept = keptChecks.get(generator);
  if (kept === undefined) {
    kept = new Map();
    keptChecks.set(generator, kept);
  }
  const key = shards.join();
  let checks = kept.get(key);
  if (checks === undefined) {
    if (kept.size >= KEPT_CHECKS) kept.clear();
    checks = computeParityChecks(generator, shards);
    kept.set(key, checks);
  }
  return checks;
}

/**
 * Computes the parity checks of a set of shards: rows h with Σ_s h_s · answer_s = 0 for correct answers. They
 * are the equations of the parity shards. An orthonormal combination eliminates the missing data shards.
 * @returns `rows`, count × shards, row-major
 */
function computeParityChecks(generator: Generator, shards: readonly number[]): ParityChecks {
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

/**
 * Computes the parity checks, each with the violation that rounding may cause: Σ |h_s| · scale_s · tolerance.
 */
function boundedChecks(
  context: Context,
  shards: readonly number[],
): { coefficients: Float64Array; allowed: number }[] {
  const { rows, count } = parityChecks(context.generator, shards);
  return Array.from({ length: count }, (_, c) => {
    const coefficients = rows.subarray(c * shards.length, (c + 1) * shards.length);
    let allowed = 0;
    for (const [j, shard] of shards.entries()) allowed += Math.abs(coefficients[j]!) * context.scales[shard]!;
    // If all answers are zero, the allowance is zero too. MIN_VALUE avoids 0 ÷ 0.
    return { coefficients, allowed: context.tolerance * allowed || Number.MIN_VALUE };
  });
}

/**
 * Returns the largest violation ÷ its allowance over all checks and elements, and the index of that element.
 */
function worstViolation(context: Context, shards: readonly number[]): { worst: number; at: number } {
  const { answers, length } = context;
  const sources = shards.map((shard) => answers[shard]!);
  const offsets = new Float64Array(shards.length);
  const lengths = new Float64Array(shards.length).fill(length);
  let residuals: Float32Array | null = null;
  let worst = 0;
  let at = 0;
  for (const { coefficients, allowed } of boundedChecks(context, shards)) {
    const estimate = largestSum(coefficients, sources);
    if (estimate !== undefined && estimate <= SCREENED * allowed && context.tolerance >= EXACT_BELOW) {
      worst = Math.max(worst, estimate / allowed);
      continue;
    }
    residuals ??= new Float32Array(length);
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

/** Returns whether one element alone violates a parity check of these shards. */
function violatedAt(context: Context, shards: readonly number[], element: number): boolean {
  return boundedChecks(context, shards).some(({ coefficients, allowed }) => {
    let sum = 0;
    for (const [j, shard] of shards.entries()) sum += coefficients[j]! * context.answers[shard]![element]!;
    return Math.abs(sum) > allowed;
  });
}
