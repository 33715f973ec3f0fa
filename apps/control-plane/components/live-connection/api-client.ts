import type { ApiError } from '@sparewheel/protocol';

/** The admin API said no, or could not be reached. */
export class ApiRequestError extends Error {
  /** 0 where there was no answer. */
  readonly status: number;
  readonly code: string;
  readonly hint: string | null;

  constructor(status: number, error: ApiError['error']) {
    super(error.message);
    this.name = 'ApiRequestError';
    this.status = status;
    this.code = error.code;
    this.hint = error.hint ?? null;
  }
}

const UNREACHABLE: ApiError['error'] = {
  code: 'unreachable',
  message: 'The control plane does not answer.',
  hint: 'Nothing was changed. Try again when the connection is back.',
};

/**
 * Asks the admin API of this page's own origin, with the session's cookie.
 * @returns the answer's JSON; undefined where it has no body
 * @throws {ApiRequestError} any status of 400 or above, or no answer
 */
export async function askApi<Answer = unknown>(
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
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
    throw new ApiRequestError(0, UNREACHABLE);
  });
  const text = await response.text();
  if (!response.ok) throw new ApiRequestError(response.status, readApiError(text, response.status));
  return (text === '' ? undefined : JSON.parse(text)) as Answer;
}

/** The error of an answer's body, or a sentence for a body that is not the API's. */
export function readApiError(body: string, status: number): ApiError['error'] {
  try {
    const { error } = JSON.parse(body) as Partial<ApiError>;
    if (error && typeof error.message === 'string') return error;
  } catch {
    // Not JSON: a proxy in between, say.
  }
  return { code: 'unexpected', message: `The server answered with status ${status} and no explanation.` };
}

/** An error as one sentence or two, for a toast or a notice. */
export function errorText(error: unknown): { title: string; hint: string | undefined } {
  if (error instanceof ApiRequestError) return { title: error.message, hint: error.hint ?? undefined };
  return { title: error instanceof Error ? error.message : String(error), hint: undefined };
}
