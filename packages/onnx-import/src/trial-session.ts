import { InferenceSession } from 'onnxruntime-node';
import { translateRuntimeError } from './runtime-errors.ts';

/** Settings of the trial: no optimization, so that every node is timed. */
export const TRIAL_SESSION = {
  graphOptimizationLevel: 'disabled',
  executionMode: 'sequential',
  intraOpNumThreads: 1,
  logSeverityLevel: 4,
  // Maps weights from their file, as devices do, instead of copying them into another layout.
  extra: { session: { disable_prepacking: '1' } },
} as const;

/** @throws {ModelRejectedError} ONNX Runtime cannot load the model */
export async function createSession(
  path: string,
  options: InferenceSession.SessionOptions,
): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(path, options);
  } catch (error) {
    throw translateRuntimeError(error, 'load');
  }
}
