import { ModelRejectedError } from '@sparewheel/onnx';

const HINT = 'see docs/MODELS.md for the supported operators and layers, or export the model as ONNX';

/** Returns the rejection of an operator or a layer that has no conversion. */
export function unsupported(what: string): ModelRejectedError {
  return new ModelRejectedError('UNKNOWN_OPERATOR', `${what} is not supported`, HINT);
}

/** Returns the rejection of a graph whose parts do not fit together. */
export function invalid(message: string): ModelRejectedError {
  return new ModelRejectedError('INVALID_GRAPH', message, 'check that TensorFlow.js loads the model');
}

/** Returns the rejection of files that are not a complete TensorFlow.js model. */
export function incomplete(message: string, hint?: string): ModelRejectedError {
  return new ModelRejectedError(
    'NOT_ONNX',
    message,
    hint ?? 'upload model.json together with all weight files that it names',
  );
}
