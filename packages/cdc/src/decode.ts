import {
  DuplicateShardError,
  InvalidArgumentError,
  LengthMismatchError,
  NonFiniteAnswerError,
  TooFewAnswersError,
  UndecodablePatternError,
} from './errors.ts';
import { type Generator, totalShards } from './generator.ts';
import { allFinite, linearCombination } from './linear-combination.ts';
import { combinations, invert } from './small-matrix.ts';

/** Answers by shard index in [0, k + r); undefined for a missing answer. */
export type Answers = ReadonlyArray<Float32Array | undefined>;

export interface Decoder {
  readonly generator: Generator;
  /**
   * Returns whether the present shards determine all data shards.
   * @param present  by shard index in [0, k + r)
   */
  canReconstruct(present: readonly boolean[]): boolean;
  /**
   * Recovers the outputs of missing data shards from any k of k + r answers. [paper §5.2, eq. 12, for r ≥ 1]
   * @param answers  pre-activations of equal length and layout, zero-padded to the tallest block; not mutated
   * @returns the outputs of the k data shards in order. Present ones are the same arrays. Recovered ones are
   *          new arrays with an absolute error of about `amplification · 2⁻²⁴ · max|y|`.
   * @throws {TooFewAnswersError} fewer than k answers
   * @throws {UndecodablePatternError} enough answers, but this generator cannot recover the pattern
   * @throws {LengthMismatchError} answers of different lengths
   * @throws {NonFiniteAnswerError} an answer that is used contains NaN or an infinity
   * @example
   * const { reconstruct } = createDecoder(generatorMatrix(3, 1)); // parity = y0 + y1 + y2
   * const answers = [Float32Array.of(1, 2), undefined, Float32Array.of(5, 6), Float32Array.of(9, 12)];
   * console.log(...reconstruct(answers)[1]);
   * // → 3 4
   */
  reconstruct(answers: Answers): Float32Array[];
}

/** A linear map from k answers to the missing data shards of one erasure pattern. */
export interface Recovery {
  /** Data shards to recover, ascending. */
  readonly missing: readonly number[];
  /** The k shards to combine: the present data shards, then one parity shard per missing data shard. */
  readonly used: readonly number[];
  /** missing × used, row-major: recovered_i = Σ_j coefficients[i·k + j] · answer_used[j]. */
  readonly coefficients: Float64Array;
}

/** Cached erasure patterns; the oldest is evicted first. An entry takes 4 KB at k = 32, r = 4. */
const CACHED_PATTERNS = 4096;

/**
 * Creates a decoder. It solves each erasure pattern once and caches the solution.
 * @throws {LengthMismatchError} `generator.parity` is not r × k
 * @example
 * const decoder = createDecoder(generatorMatrix(2, 1));
 * console.log(decoder.canReconstruct([true, false, true]), decoder.canReconstruct([true, false, false]));
 * // → true false
 */
export function createDecoder(generator: Generator): Decoder {
  const k = generator.dataShards;
  const n = totalShards(generator);
  if (generator.parity.length !== generator.parityShards * k) {
    throw new LengthMismatchError('generator.parity', generator.parityShards * k, generator.parity.length);
  }
  const cache = new Map<string, Recovery | undefined>();

  function recoveryFor(present: readonly boolean[]): Recovery | undefined {
    let key = '';
    for (let shard = 0; shard < n; shard++) key += present[shard] ? '1' : '0';
    if (cache.has(key)) return cache.get(key);
    const recovery = planRecovery(generator, present);
    if (cache.size >= CACHED_PATTERNS) cache.delete(cache.keys().next().value!);
    cache.set(key, recovery);
    return recovery;
  }

  return {
    generator,
    canReconstruct(present) {
      if (present.length !== n) throw new LengthMismatchError('present', n, present.length);
      return recoveryFor(present) !== undefined;
    },
    reconstruct(answers) {
      const length = commonLength(generator, answers);
      const present = Array.from({ length: n }, (_, shard) => answers[shard] !== undefined);
      const recovery = recoveryFor(present);
      if (!recovery) throw new UndecodablePatternError(absent(present));
      return recover(recovery, answers, length, k);
    },
  };
}

/**
 * Sorts [shard, answer] pairs, in any order of arrival, into an array by shard index.
 * @throws {InvalidArgumentError} a shard index outside [0, k + r)
 * @throws {DuplicateShardError} two answers for one shard
 * @example
 * const pairs = [[2, Float32Array.of(7)], [0, Float32Array.of(3)]];
 * const answers = answersFromPairs(generatorMatrix(2, 1), pairs);
 * console.log(answers.map((answer) => answer?.[0]));
 * // → [ 3, undefined, 7 ]
 */
export function answersFromPairs(
  generator: Generator,
  pairs: Iterable<readonly [shard: number, answer: Float32Array]>,
): (Float32Array | undefined)[] {
  const n = totalShards(generator);
  const answers = new Array<Float32Array | undefined>(n).fill(undefined);
  for (const [shard, answer] of pairs) {
    if (!Number.isInteger(shard) || shard < 0 || shard >= n) {
      throw new InvalidArgumentError('shard', shard, `an integer in [0, ${n})`);
    }
    if (answers[shard]) throw new DuplicateShardError(shard);
    answers[shard] = answer;
  }
  return answers;
}

/**
 * Solves one erasure pattern. If more parity shards are present than needed, it selects those with the
 * smallest amplification.
 * @param present  by shard index in [0, k + r)
 * @returns undefined if the present shards do not determine the data
 */
export function planRecovery(generator: Generator, present: readonly boolean[]): Recovery | undefined {
  const { dataShards: k, parity } = generator;
  const missing: number[] = [];
  const data: number[] = [];
  const parities: number[] = [];
  for (let shard = 0; shard < k; shard++) (present[shard] ? data : missing).push(shard);
  for (let i = 0; i < generator.parityShards; i++) if (present[k + i]) parities.push(i);

  let best: Recovery | undefined;
  let bestAmplification = Number.POSITIVE_INFINITY;
  for (const rows of combinations(parities, missing.length)) {
    const m = missing.length;
    const sub = new Float64Array(m * m);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < m; j++) sub[i * m + j] = parity[rows[i]! * k + missing[j]!]!;
    }
    const inverse = invert(sub, m);
    if (!inverse) continue;
    const coefficients = new Float64Array(m * k);
    for (let i = 0; i < m; i++) {
      for (let p = 0; p < m; p++) {
        const c = inverse[i * m + p]!;
        coefficients[i * k + data.length + p] = c;
        for (let j = 0; j < data.length; j++) {
          coefficients[i * k + j]! -= c * parity[rows[p]! * k + data[j]!]!;
        }
      }
    }
    const amplification = largestRowNorm(coefficients, m, k);
    if (amplification < bestAmplification) {
      bestAmplification = amplification;
      best = { missing, used: [...data, ...rows.map((row) => k + row)], coefficients };
    }
    if (m === 0) break;
  }
  return best;
}

/** Returns the largest 2-norm of the rows: the growth of independent, equal errors in the k answers. */
function largestRowNorm(coefficients: Float64Array, rows: number, k: number): number {
  let largest = 0;
  for (let i = 0; i < rows; i++) {
    let sum = 0;
    for (let j = 0; j < k; j++) sum += coefficients[i * k + j]! ** 2;
    largest = Math.max(largest, Math.sqrt(sum));
  }
  return largest;
}

function recover(recovery: Recovery, answers: Answers, length: number, k: number): Float32Array[] {
  const { missing, used, coefficients } = recovery;
  const sources = used.map((shard) => answers[shard]!);
  const outputs = answers.slice(0, k) as Float32Array[];
  const offsets = new Float64Array(k);
  const lengths = new Float64Array(k).fill(length);
  for (let i = 0; i < missing.length; i++) {
    const row = coefficients.subarray(i * k, (i + 1) * k);
    const output = new Float32Array(length);
    // Includes answers with coefficient zero, so that any non-finite answer makes the result non-finite.
    if (!linearCombination(output, 0, length, row, sources, offsets, lengths)) {
      throw nonFiniteAnswer(used, answers);
    }
    outputs[missing[i]!] = output;
  }
  if (missing.length === 0 && !sources.every((source) => allFinite(source))) {
    throw nonFiniteAnswer(used, answers);
  }
  return outputs;
}

function nonFiniteAnswer(used: readonly number[], answers: Answers): NonFiniteAnswerError {
  for (const shard of used) {
    const bad = answers[shard]!.find((value) => !Number.isFinite(value));
    if (bad !== undefined) return new NonFiniteAnswerError(shard, bad);
  }
  return new NonFiniteAnswerError(undefined, Number.NaN);
}

/**
 * Checks the number and lengths of the answers.
 * @returns the common length
 * @throws {LengthMismatchError} not k + r entries, or answers of different lengths
 * @throws {TooFewAnswersError} fewer than k answers
 */
export function commonLength(generator: Generator, answers: Answers): number {
  const n = totalShards(generator);
  if (answers.length !== n) throw new LengthMismatchError('answers', n, answers.length);
  let received = 0;
  let length: number | undefined;
  for (let shard = 0; shard < n; shard++) {
    const answer = answers[shard];
    if (!answer) continue;
    received++;
    length ??= answer.length;
    if (answer.length !== length) {
      throw new LengthMismatchError(`the answer of shard ${shard}`, length, answer.length);
    }
  }
  if (received < generator.dataShards) {
    const missing = absent(Array.from({ length: n }, (_, shard) => answers[shard] !== undefined));
    throw new TooFewAnswersError(generator.dataShards, received, missing);
  }
  return length!;
}

function absent(present: readonly boolean[]): number[] {
  return present.flatMap((here, shard) => (here ? [] : [shard]));
}
