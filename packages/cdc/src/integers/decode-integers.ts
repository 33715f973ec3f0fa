import {
  InexactAnswersError,
  LengthMismatchError,
  TooFewAnswersError,
  UndecodablePatternError,
} from '../errors.ts';
import { type Generator, totalShards } from '../generator.ts';
import { combinations } from '../small-matrix.ts';
import { type ExactSolution, solveExactly } from './exact-solution.ts';

/** Answers by shard index in [0, k + r); undefined for a missing answer. */
export type IntegerAnswers = ReadonlyArray<Int32Array | undefined>;

/** As `Decoder`, for layers with integer weights. */
export interface IntegerDecoder {
  readonly generator: Generator;
  /** Returns whether the present shards determine all data shards. */
  canReconstruct(present: readonly boolean[]): boolean;
  /**
   * Recovers the outputs of missing data shards from any k of k + r answers. Recovered outputs are equal to the
   * missing ones, bit for bit, if their magnitudes are below 2^(31 − lostBits(generator)).
   * @param answers  int32 accumulators of equal length, modulo 2³²; not mutated
   * @returns the outputs of the k data shards in order. Present ones are the same arrays.
   * @throws {TooFewAnswersError} fewer than k answers
   * @throws {UndecodablePatternError} enough answers, but this generator cannot recover the pattern
   * @throws {LengthMismatchError} answers of different lengths
   * @throws {InexactAnswersError} no integers satisfy the parity equations: an answer is wrong
   * @example
   * const { reconstruct } = createIntegerDecoder(integerGenerator(3, 1)); // parity = y0 + y1 + y2
   * const answers = [Int32Array.of(1, 2), undefined, Int32Array.of(5, 6), Int32Array.of(9, 12)];
   * console.log(...reconstruct(answers)[1]);
   * // → 3 4
   */
  reconstruct(answers: IntegerAnswers): Int32Array[];
}

/** Cached erasure patterns; the oldest is evicted first. */
const CACHED_PATTERNS = 4096;

/** Creates a decoder. It solves each erasure pattern once and caches the solution. */
export function createIntegerDecoder(generator: Generator): IntegerDecoder {
  const k = generator.dataShards;
  const n = totalShards(generator);
  const cache = new Map<string, ExactSolution | undefined>();
  const solutionFor = (present: readonly boolean[]): ExactSolution | undefined => {
    const key = present.map(Number).join('');
    if (cache.has(key)) return cache.get(key);
    const solution = bestSolution(generator, present);
    if (cache.size >= CACHED_PATTERNS) cache.delete(cache.keys().next().value!);
    cache.set(key, solution);
    return solution;
  };
  return {
    generator,
    canReconstruct(present) {
      if (present.length !== n) throw new LengthMismatchError('present', n, present.length);
      return solutionFor(present) !== undefined;
    },
    reconstruct(answers) {
      const length = commonIntegerLength(generator, answers);
      const present = Array.from({ length: n }, (_, shard) => answers[shard] !== undefined);
      const solution = solutionFor(present);
      if (!solution) {
        throw new UndecodablePatternError(present.flatMap((here, shard) => (here ? [] : [shard])));
      }
      const outputs = answers.slice(0, k) as Int32Array[];
      const sources = solution.used.map((shard) => answers[shard]!);
      for (const [i, shard] of solution.missing.entries()) {
        outputs[shard] = recover(solution, i, sources, length);
      }
      return outputs;
    },
  };
}

/** Selects the parity shards that lose the fewest bits. */
function bestSolution(generator: Generator, present: readonly boolean[]): ExactSolution | undefined {
  const { dataShards: k, parityShards: r } = generator;
  const missing = present.slice(0, k).flatMap((here, shard) => (here ? [] : [shard]));
  const parities = Array.from({ length: r }, (_, row) => row).filter((row) => present[k + row]);
  let best: ExactSolution | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const rows of combinations(parities, missing.length)) {
    const solution = solveExactly(generator, missing, rows);
    if (!solution) continue;
    const lost = Math.max(0, ...solution.shifts);
    if (lost < fewest) {
      fewest = lost;
      best = solution;
    }
    if (lost === 0) break;
  }
  return best;
}

function recover(
  { coefficients, shifts, inverses, used }: ExactSolution,
  index: number,
  sources: readonly Int32Array[],
  length: number,
): Int32Array {
  const output = new Int32Array(length);
  for (let s = 0; s < sources.length; s++) {
    addMultiple(output, coefficients[index * used.length + s]!, sources[s]!);
  }
  const shift = shifts[index]!;
  const inverse = inverses[index]!;
  if (shift === 0 && inverse === 1) return output;
  const remainder = 2 ** shift - 1;
  for (let i = 0; i < length; i++) {
    const value = output[i]!;
    if ((value & remainder) !== 0) throw new InexactAnswersError(i);
    // Only the lowest 32 − shift bits are known. The output is small enough that the highest of them is its sign.
    output[i] = (Math.imul(value >> shift, inverse) << shift) >> shift;
  }
  return output;
}

/** Adds coefficient · source to the target, modulo 2³². */
export function addMultiple(target: Int32Array, coefficient: number, source: Int32Array): void {
  const { length } = target;
  if (coefficient === 0) return;
  if (coefficient === 1) for (let i = 0; i < length; i++) target[i] = target[i]! + source[i]!;
  else if (coefficient === -1) for (let i = 0; i < length; i++) target[i] = target[i]! - source[i]!;
  else for (let i = 0; i < length; i++) target[i] = target[i]! + Math.imul(coefficient, source[i]!);
}

/**
 * Checks the number and lengths of the answers.
 * @returns the common length
 * @throws {LengthMismatchError} not k + r entries, or answers of different lengths
 * @throws {TooFewAnswersError} fewer than k answers
 */
export function commonIntegerLength(generator: Generator, answers: IntegerAnswers): number {
  const n = totalShards(generator);
  if (answers.length !== n) throw new LengthMismatchError('answers', n, answers.length);
  const here = answers.flatMap((answer, shard) => (answer ? [{ answer, shard }] : []));
  if (here.length < generator.dataShards) {
    const missing = Array.from({ length: n }, (_, shard) => shard).filter((shard) => !answers[shard]);
    throw new TooFewAnswersError(generator.dataShards, here.length, missing);
  }
  const { length } = here[0]!.answer;
  for (const { answer, shard } of here) {
    if (answer.length !== length)
      throw new LengthMismatchError(`the answer of shard ${shard}`, length, answer.length);
  }
  return length;
}
