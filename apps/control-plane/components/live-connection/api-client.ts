import { ApiError, type ErrorBody, type ErrorReport } from '@sparewheel/protocol';

const UNREACHABLE = new ApiError(
  0,
  'unreachable',
  'The control plane does not answer.',
  'Try again when the connection is back.',
);

/**
 * Calls the admin API at the origin of this page with the session's cookie.
 * @returns the response's JSON; undefined for an empty body
 * @throws {ApiError} for a status of 400 or above; with status 0 if the server is unreachable
 */
export async function askApi<Answer = unknown>(
  method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE',
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<Answer> {
  const response = await fetch(path, {
    method,
    credentials: 'same-origin',
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    ...(signal ? { signal } : {}),
  }).catch((cause: unknown) => {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw UNREACHABLE;
  });
  const text = await response.text();
  if (!response.ok) throw readApiError(text, response.status);
  return (text === '' ? undefined : JSON.parse(text)) as Answer;
}

/** Returns the error in a response. Accepts a body that is not the API's, for example from a proxy. */
export function readApiError(body: string, status: number): ApiError {
  try {
    const { error } = JSON.parse(body) as Partial<ErrorBody>;
    if (error && typeof error.message === 'string') return ApiError.from({ status, ...error } as ErrorReport);
  } catch {
    // Not JSON.
  }
  return new ApiError(status, 'unexpected', `The server answered with status ${status} and no explanation.`);
}

/** Converts any error to one with a message and a hint. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError(0, 'unexpected', error instanceof Error ? error.message : String(error));
}

/** Returns an error as one text: what happened, then what to do. */
export function errorText(error: unknown): string {
  const { message, hint } = toApiError(error);
  return hint === undefined ? message : `${message} ${hint}`;
}
