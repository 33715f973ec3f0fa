/** Why a model was refused, for programs; the message says it for people. */
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

/** The bytes are not the protobuf that they should be. */
export class MalformedModelError extends Error {
  override name = 'MalformedModelError';
  constructor(
    /** Where in the bytes, counted from the beginning of what was read. */
    readonly offset: number,
    readonly problem: string,
  ) {
    super(`malformed model at byte ${offset}: ${problem}`);
  }
}

/** The model is well-formed bytes or not, but it cannot be served as it is. */
export class ModelRejectedError extends Error {
  override name = 'ModelRejectedError';
  constructor(
    readonly code: RejectionCode,
    message: string,
    /** What the person who brought the model can do about it. */
    readonly hint?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** An input has a dimension without a value, and the caller gave none. */
export class DynamicShapeError extends ModelRejectedError {
  override name = 'DynamicShapeError';
  constructor(
    readonly input: string,
    /** The symbolic name, or the position where it has none. */
    readonly dimension: string | number,
  ) {
    const which = typeof dimension === 'string' ? `"${dimension}"` : `number ${dimension}`;
    super(
      'DYNAMIC_SHAPE',
      `input "${input}" has a dynamic dimension ${which} without a value`,
      typeof dimension === 'string'
        ? `give it one, for example dims: { "${dimension}": 1 }`
        : `give the whole shape, for example shapes: { "${input}": [1, 3, 224, 224] }`,
    );
  }
}

/** A piece of external data that is not there, or is shorter than the model says. */
export class ExternalDataError extends ModelRejectedError {
  override name = 'ExternalDataError';
  constructor(
    readonly tensor: string,
    readonly location: string,
    /** As in "which is not there". */
    readonly problem: string,
  ) {
    super(
      'MISSING_EXTERNAL_DATA',
      `the weights "${tensor}" are kept in the file "${location}", ${problem}`,
      'export the model as one file, or put its data files beside it',
    );
  }
}
