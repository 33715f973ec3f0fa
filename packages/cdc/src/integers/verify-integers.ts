import { InexactAnswersError } from '../errors.ts';
import { type Generator, totalShards } from '../generator.ts';
import { combinations } from '../small-matrix.ts';
import type { Verification } from '../verify.ts';
import {
  addMultiple,
  commonIntegerLength,
  createIntegerDecoder,
  type IntegerAnswers,
  type IntegerDecoder,
} from './decode-integers.ts';

const decoders = new WeakMap<Generator, IntegerDecoder>();

/**
 * Checks surplus answers exactly: as `verify`, without any tolerance. One wrong bit in one answer is detected
 * (r = 1) or located (r ≥ 2). `residual` is 0 or infinite.
 * @param answers  by shard index in [0, k + r), undefined if missing; not mutated
 * @throws {TooFewAnswersError} fewer than k answers
 * @throws {LengthMismatchError} answers of different lengths
 * @example
 * const sum = integerGenerator(2, 1);
 * const [y0, y1, parity] = [Int32Array.of(1, 2), Int32Array.of(3, 4), Int32Array.of(4, 6)];
 * const wrong = Int32Array.of(3, 5);
 * console.log(verifyIntegers(sum, [y0, y1, parity]).consistent, verifyIntegers(sum, [y0, wrong, parity]).consistent);
 * // → true false
 */
export function verifyIntegers(generator: Generator, answers: IntegerAnswers): Verification {
  commonIntegerLength(generator, answers);
  const present = answers.flatMap((answer, shard) => (answer ? [shard] : []));
  const checks = present.length - generator.dataShards;
  if (agree(generator, answers, present)) return { consistent: true, residual: 0, threshold: 1, checks };
  const wrong = { consistent: false, residual: Number.POSITIVE_INFINITY, threshold: 1, checks };
  for (let count = 1; count <= Math.floor(checks / 2); count++) {
    const explanations: number[][] = [];
    for (const suspects of combinations(present, count)) {
      const others = present.filter((shard) => !suspects.includes(shard));
      if (agree(generator, answers, others)) explanations.push(suspects);
      if (explanations.length > 1) break;
    }
    if (explanations.length === 1) return { ...wrong, faultyShards: explanations[0]! };
    if (explanations.length > 1) break;
  }
  return wrong;
}

/** Returns whether integers exist that give all answers of these shards. */
function agree(generator: Generator, answers: IntegerAnswers, shards: readonly number[]): boolean {
  const { dataShards: k } = generator;
  if (shards.length <= k) return true;
  const decoder = decoders.get(generator) ?? createIntegerDecoder(generator);
  decoders.set(generator, decoder);
  const only = Array.from({ length: totalShards(generator) }, (_, shard) =>
    shards.includes(shard) ? answers[shard] : undefined,
  );
  let data: readonly Int32Array[];
  try {
    data = decoder.reconstruct(only);
  } catch (error) {
    if (error instanceof InexactAnswersError) return false;
    throw error;
  }
  return shards.every(
    (shard) => shard < k || equal(encodeIntegers(generator, shard - k, data), answers[shard]!),
  );
}

/**
 * Returns the answer of a parity shard: the sum of the data shards' outputs, weighted by one row of the generator,
 * modulo 2³².
 * @param parityIndex  in [0, r)
 * @param outputs  of the k data shards, of equal length; not mutated
 */
export function encodeIntegers(
  { dataShards: k, parity }: Generator,
  parityIndex: number,
  outputs: readonly Int32Array[],
): Int32Array {
  const sum = new Int32Array(outputs[0]!.length);
  for (let j = 0; j < k; j++) addMultiple(sum, parity[parityIndex * k + j]!, outputs[j]!);
  return sum;
}

function equal(a: Int32Array, b: Int32Array): boolean {
  for (let i = 0; i < b.length; i++) if (a[i] !== b[i]) return false;
  return a.length === b.length;
}
