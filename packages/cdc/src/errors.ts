/**
 * Errors for broken contracts. A dead or late device is not an error here: its answer is absent.
 */

/** Base class of every error that this package throws. */
export class CodingError extends Error {
  override name = 'CodingError';
}

/** An argument outside its valid range, such as k < 1, r < 0 or a fractional count. */
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

/** More data shards than rows: some shards would be empty. */
export class TooManyShardsError extends CodingError {
  override name = 'TooManyShardsError';
  constructor(
    readonly rows: number,
    readonly dataShards: number,
  ) {
    super(`${rows} rows cannot be divided over ${dataShards} data shards; use at most ${rows} data shards`);
  }
}

/** An array whose length does not match the declared shape. */
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

/** NaN or an infinity among the weights. Encoding it would corrupt every recovery. */
export class NonFiniteWeightError extends CodingError {
  override name = 'NonFiniteWeightError';
  constructor(
    /** Undefined when every weight is finite but their sum overflows. */
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

/** NaN or an infinity in an answer. */
export class NonFiniteAnswerError extends CodingError {
  override name = 'NonFiniteAnswerError';
  constructor(
    /** Undefined when every answer is finite but the recovered output overflows. */
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

/** Fewer answers than data shards. No code can recover from that. */
export class TooFewAnswersError extends CodingError {
  override name = 'TooFewAnswersError';
  constructor(
    readonly required: number,
    readonly received: number,
    readonly missing: readonly number[],
  ) {
    super(
      `received ${received} answers of the ${required} required; missing shards: ${missing.join(', ')}. ` +
        `Wait for more answers or compute a missing shard`,
    );
  }
}

/**
 * Enough answers, but the generator is not MDS (partial sums, for example) and cannot recover this pattern.
 */
export class UndecodablePatternError extends CodingError {
  override name = 'UndecodablePatternError';
  constructor(readonly missing: readonly number[]) {
    super(
      `the received parity answers do not determine the missing shards ${missing.join(', ')}. ` +
        `Wait for another answer or compute a missing shard`,
    );
  }
}

/** No integers satisfy the parity equations of these integer answers: one of them is wrong. */
export class InexactAnswersError extends CodingError {
  override name = 'InexactAnswersError';
  constructor(readonly element: number) {
    super(`element ${element} of the answers satisfies no parity equation in integers; one answer is wrong`);
  }
}

/** Two answers for one shard. This package cannot tell which one is right. */
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
