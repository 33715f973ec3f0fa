/** Machine-readable reason for rejecting a model. */
export type RejectionCode =
  | 'NOT_ONNX'
  | 'TRUNCATED'
  | 'TOO_LARGE'
  | 'INVALID_GRAPH'
  | 'DYNAMIC_SHAPE'
  | 'UNKNOWN_OPERATOR'
  | 'UNSUPPORTED_TYPE'
  | 'MISSING_EXTERNAL_DATA'
  | 'DOES_NOT_RUN';

/** Bytes that are not a valid ModelProto. */
export class MalformedModelError extends Error {
  override name = 'MalformedModelError';
  constructor(
    /** Byte offset from the start of the model. */
    readonly offset: number,
    readonly problem: string,
  ) {
    super(`malformed model at byte ${offset}: ${problem}`);
  }
}

/** A model that cannot be served. */
export class ModelRejectedError extends Error {
  override name = 'ModelRejectedError';
  constructor(
    readonly code: RejectionCode,
    message: string,
    /** What the user can do. */
    readonly hint?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** An input with a dynamic dimension for which the caller gave no size. */
export class DynamicShapeError extends ModelRejectedError {
  override name = 'DynamicShapeError';
  constructor(
    readonly input: string,
    /** The symbolic name, or the axis of an unnamed dimension. */
    readonly dimension: string | number,
  ) {
    const which =
      typeof dimension === 'string' ? `dynamic dimension "${dimension}"` : `dynamic axis ${dimension}`;
    super(
      'DYNAMIC_SHAPE',
      `the ${which} of input "${input}" has no size`,
      typeof dimension === 'string'
        ? `set its size, for example dims: { "${dimension}": 1 }`
        : `set the whole shape, for example shapes: { "${input}": [1, 3, 224, 224] }`,
    );
  }
}

/** External data that is missing or shorter than the model declares. */
export class ExternalDataError extends ModelRejectedError {
  override name = 'ExternalDataError';
  constructor(
    readonly tensor: string,
    readonly location: string,
    /** A relative clause about the file, such as "which is missing". */
    readonly problem: string,
  ) {
    super(
      'MISSING_EXTERNAL_DATA',
      `the tensor "${tensor}" is stored in the file "${location}", ${problem}`,
      'export the model as one file, or put its data files next to it',
    );
  }
}
