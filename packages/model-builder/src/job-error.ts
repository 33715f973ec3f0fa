import { DynamicShapeError, ExternalDataError, ModelRejectedError } from '@sparewheel/onnx';
import { PlanMismatchError, PlanRefusedError } from '@sparewheel/planner';
import type { ErrorReport } from '@sparewheel/protocol';
import { errorReport } from '@sparewheel/protocol';

/**
 * Converts a job's error to a report. Invalid models and plans are client errors (4xx); the rest are server
 * errors.
 */
export function jobErrorReport(error: unknown): ErrorReport {
  if (error instanceof DynamicShapeError) {
    const { input, message } = error;
    const hint = `Give the input's whole shape in the upload's address, for example ?shapes=${input}:1x3x224x224`;
    return { status: 400, code: 'dynamic-shape', message: sentence(message), hint };
  }
  if (error instanceof ExternalDataError) {
    const hint = 'Upload the model and its data files together: tar cf - model.onnx model.onnx.data | curl …';
    return { status: 400, code: 'missing-external-data', message: sentence(error.message), hint };
  }
  if (error instanceof ModelRejectedError || error instanceof PlanRefusedError) {
    const code = error.code.toLowerCase().replaceAll('_', '-');
    return failure(400, code, error.message, error.hint);
  }
  if (error instanceof PlanMismatchError) return failure(409, 'plan-mismatch', error.message);
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return failure(
      507,
      'disk-full',
      'The disk is full: the files of the model do not fit.',
      'Delete unused models or deployments, or move SPAREWHEEL_HOME to a larger disk.',
    );
  }
  if (error instanceof RangeError && /alloc|buffer|memory/i.test(error.message)) {
    return failure(
      507,
      'out-of-memory',
      'The model needs more memory than this machine has.',
      'Prepare it on a machine with more memory.',
    );
  }
  return errorReport(error);
}

/** Messages of the core packages are phrases; messages of the API are sentences. */
function failure(status: number, code: string, message: string, hint?: string): ErrorReport {
  return {
    status,
    code,
    message: sentence(message),
    ...(hint === undefined ? {} : { hint: sentence(hint) }),
  };
}

function sentence(text: string): string {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}
