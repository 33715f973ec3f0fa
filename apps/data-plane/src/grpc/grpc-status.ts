import { Metadata, type StatusObject, status } from '@grpc/grpc-js';
import { errorReport } from '@sparewheel/protocol';
import { toApiError } from '../inference/coordinator-errors.ts';

/** The gRPC status for each HTTP status of an error. */
const STATUSES: Readonly<Record<number, status>> = {
  400: status.INVALID_ARGUMENT,
  401: status.UNAUTHENTICATED,
  403: status.PERMISSION_DENIED,
  404: status.NOT_FOUND,
  413: status.RESOURCE_EXHAUSTED,
  422: status.INVALID_ARGUMENT,
  499: status.CANCELLED,
  503: status.UNAVAILABLE,
  504: status.DEADLINE_EXCEEDED,
};

/**
 * Returns an error as a gRPC status with the text that `/v2` would give. The trailing metadata has `error-code`, and the
 * hint in `error-hint-bin`.
 */
export function grpcStatus(error: unknown): StatusObject {
  const { status: http, code, message, hint } = errorReport(toApiError(error));
  const metadata = new Metadata();
  metadata.set('error-code', code);
  // Binary, because a hint may have characters that HTTP headers cannot have.
  if (hint !== undefined) metadata.set('error-hint-bin', Buffer.from(hint));
  return { code: STATUSES[http] ?? status.INTERNAL, details: message, metadata };
}
