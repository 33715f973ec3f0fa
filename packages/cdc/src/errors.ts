/**
 * What can be wrong with what a caller hands in. A dead or late device is not an error here: its answer is
 * simply absent. These say that a contract was broken, by whom, and what was expected instead.
 */

/** The common ancestor, so that a caller can tell this package's complaints from all others. */
export class CodingError extends Error {
  override name = 'CodingError';
}

/** A count or size that makes no sense: k < 1, r < 0, a fraction where a whole number belongs. */
export class InvalidArgumentError extends CodingError {
  override name = 'InvalidArgumentError';
  constructor(
    readonly argument: string,
    readonly value: unknown,
    readonly expected: string,
  ) {
    super(`${argument} is ${String(value)}; expected ${expected}`);
  }
}

/** More data shards were asked for than the layer has rows: some shard would be empty. */
export class TooManyShardsError extends CodingError {
  override name = 'TooManyShardsError';
  constructor(
    readonly rows: number,
    readonly dataShards: number,
  ) {
    super(`${rows} rows cannot be divided over ${dataShards} data shards; use at most ${rows} data shards`);
  }
}

/** An array whose length does not fit the shapes that were stated. */
export class LengthMismatchError extends CodingError {
  override name = 'LengthMismatchError';
  constructor(
    readonly what: string,
    readonly expected: number,
    readonly received: number,
  ) {
    super(`${what} has length ${received}; expected ${expected}`);
  }
}

/** NaN or an infinity among weights: their sum would silently poison every recovery. */
export class NonFiniteWeightError extends CodingError {
  override name = 'NonFiniteWeightError';
  constructor(
    readonly dataShard: number | undefined,
    readonly value: number,
  ) {
    super(
      dataShard === undefined
        ? `the coded weights overflow float32 although every weight is finite; scale the layer's weights down`
        : `data shard ${dataShard} has the weight ${value}; every weight and bias must be a finite number`,
    );
  }
}

/** NaN or an infinity in an answer. `shard` is undefined when only the recovered value overflows float32. */
export class NonFiniteAnswerError extends CodingError {
  override name = 'NonFiniteAnswerError';
  constructor(
    readonly shard: number | undefined,
    readonly value: number,
  ) {
    super(
      shard === undefined
        ? `the recovered output overflows float32 although every answer is finite; one of the answers is wrong`
        : `the answer of shard ${shard} contains ${value}; drop that answer and decode from the others`,
    );
  }
}

/** Fewer answers than data shards: no code can repair that. */
export class TooFewAnswersError extends CodingError {
  override name = 'TooFewAnswersError';
  constructor(
    readonly required: number,
    readonly received: number,
    readonly missing: readonly number[],
  ) {
    super(
      `${received} answers are in and ${required} are required; missing: shards ${missing.join(', ')}. ` +
        `Wait for more of them or compute a missing shard`,
    );
  }
}

/** Enough answers, but this generator cannot repair this pattern (it is not MDS, e.g. partial sums). */
export class UndecodablePatternError extends CodingError {
  override name = 'UndecodablePatternError';
  constructor(readonly missing: readonly number[]) {
    super(
      `the equations of the parity answers at hand do not determine the data shards; missing: shards ${missing.join(', ')}. ` +
        `Wait for another answer or compute a missing shard`,
    );
  }
}

/** A shard answered twice. Which of the two is right cannot be known here. */
export class DuplicateShardError extends CodingError {
  override name = 'DuplicateShardError';
  constructor(readonly shard: number) {
    super(`shard ${shard} answered twice; keep one answer per shard`);
  }
}

/** A generator under which some set of k answers does not determine the data. */
export class SingularGeneratorError extends CodingError {
  override name = 'SingularGeneratorError';
  constructor(
    readonly missing: readonly number[],
    readonly parities: readonly number[],
  ) {
    super(
      `not MDS: parity rows ${parities.join(', ')} cannot recover data shards ${missing.join(', ')} ` +
        `(their submatrix is singular); choose other coefficients`,
    );
  }
}
