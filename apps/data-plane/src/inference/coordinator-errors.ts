import {
  CanceledError,
  ContradictoryAnswersError,
  CoordinatorError,
  DeadlineError,
  DeletedError,
  InvalidDeploymentError,
  InvalidFeedsError,
  LocalComputeError,
  NonFiniteOutputError,
  OverloadedError,
  UnavailableError,
  UnknownDeploymentError,
  UnknownDeviceError,
} from '@sparewheel/coordinator';
import { ApiError } from '@sparewheel/protocol';

/** The status that nginx logs when the client closes the connection. No client receives it. */
const CLIENT_CLOSED_REQUEST = 499;

/** Converts an error of the coordinator to an ApiError. Returns any other error unchanged. */
export function toApiError(error: unknown): unknown {
  if (!(error instanceof CoordinatorError)) return error;
  const status = statusOf(error);
  return status === null ? error : new ApiError(status, error.code, error.message, hintOf(error));
}

function statusOf(error: CoordinatorError): number | null {
  if (error instanceof UnknownDeploymentError || error instanceof UnknownDeviceError) return 404;
  if (error instanceof InvalidFeedsError || error instanceof InvalidDeploymentError) return 400;
  if (error instanceof OverloadedError || error instanceof UnavailableError) return 503;
  if (error instanceof DeletedError) return 503;
  if (error instanceof DeadlineError) return 504;
  if (error instanceof CanceledError) return CLIENT_CLOSED_REQUEST;
  if (error instanceof NonFiniteOutputError) return 422;
  if (error instanceof LocalComputeError || error instanceof ContradictoryAnswersError) return 500;
  return null;
}

function hintOf(error: CoordinatorError): string | undefined {
  if (error instanceof UnknownDeploymentError)
    return 'GET /api/deployments on the control plane lists all deployments.';
  if (error instanceof OverloadedError)
    return 'Retry after Retry-After seconds, or send fewer concurrent requests.';
  if (error instanceof UnavailableError) return 'GET /api/deployments/{name} shows the reason.';
  if (error instanceof DeadlineError) return 'The deadline is policy.deadlineMs of the deployment.';
  return undefined;
}

/** Returns the seconds for a Retry-After header, or null if an early retry does not help. */
export function retryAfterSeconds(error: unknown): number | null {
  if (error instanceof OverloadedError) return Math.max(1, Math.ceil(error.retryAfterMs / 1000));
  if (error instanceof UnavailableError) return 1;
  return null;
}
