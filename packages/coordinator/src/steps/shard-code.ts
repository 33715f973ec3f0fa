import {
  createDecoder,
  createIntegerDecoder,
  encodeIntegers,
  type Generator,
  largestMagnitude,
  type Verification,
  verify,
  verifyIntegers,
} from '@sparewheel/cdc';
import { type CodedStep, generatorOf } from '@sparewheel/planner';
import { findFaultyShards } from './compare-outputs.ts';

/** The values of an answer: a layer's outputs, or its integer accumulators. */
export type ShardValues = Float32Array | Int32Array;

/** Values by shard index in [0, k + r), undefined where absent. */
type Answers = readonly (ShardValues | undefined)[];

/** How the answers of a coded step are decoded and verified. */
export interface ShardCode {
  readonly generator: Generator;
  /** The type of every answer. */
  readonly type: 'float32' | 'int32';
  /** Returns the largest magnitude; NaN or infinite if a value is not finite. 0 for integers, which do not need it. */
  magnitudeOf(values: ShardValues): number;
  /**
   * Returns the outputs of the k data shards.
   * @throws {CodingError} the answers cannot be decoded
   */
  reconstruct(answers: Answers): readonly ShardValues[];
  /** @param magnitudes  from `magnitudeOf`, by shard */
  verify(answers: Answers, magnitudes: ArrayLike<number>): Verification;
  /** Returns the answers that differ from the reference outputs of the k data shards. */
  faultyShards(answers: Answers, reference: readonly ShardValues[]): number[];
}

/** Returns the code of a step: with rounding for float32, exact for integer accumulators. */
export function shardCodeOf(step: CodedStep): ShardCode {
  const generator = generatorOf(step);
  return step.answers === 'int32' ? integerCode(generator) : floatCode(generator);
}

// `faultInShard` has checked the type of every answer, so the casts are safe.

function floatCode(generator: Generator): ShardCode {
  type Floats = readonly (Float32Array | undefined)[];
  const decoder = createDecoder(generator);
  return {
    generator,
    type: 'float32',
    magnitudeOf: (values) => largestMagnitude(values as Float32Array),
    reconstruct: (answers) => decoder.reconstruct(answers as Floats),
    verify: (answers, magnitudes) => verify(generator, answers as Floats, undefined, magnitudes),
    faultyShards: (answers, reference) =>
      findFaultyShards(generator, answers as Floats, reference as readonly Float32Array[]),
  };
}

function integerCode(generator: Generator): ShardCode {
  type Integers = readonly (Int32Array | undefined)[];
  const decoder = createIntegerDecoder(generator);
  const k = generator.dataShards;
  return {
    generator,
    type: 'int32',
    magnitudeOf: () => 0,
    reconstruct: (answers) => decoder.reconstruct(answers as Integers),
    verify: (answers) => verifyIntegers(generator, answers as Integers),
    faultyShards: (answers, reference) => {
      const outputs = reference as readonly Int32Array[];
      return answers.flatMap((answer, shard) => {
        if (!answer) return [];
        const expected = shard < k ? outputs[shard]! : encodeIntegers(generator, shard - k, outputs);
        const equal = answer.length === expected.length && answer.every((value, i) => value === expected[i]);
        return equal ? [] : [shard];
      });
    },
  };
}
