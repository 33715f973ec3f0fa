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

/** An input of unknown rank for which the caller gave no shape. */
export class DynamicShapeError extends ModelRejectedError {
  override name = 'DynamicShapeError';
  constructor(readonly input: string) {
    super(
      'DYNAMIC_SHAPE',
      `the model does not declare how many dimensions the input "${input}" has`,
      `set the whole shape, for example shapes: { "${input}": [1, 3, 224, 224] }`,
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
