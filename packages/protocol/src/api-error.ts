/** An error as plain data: the form that crosses threads and goes into HTTP responses. */
export interface ErrorReport {
  /** HTTP status; 0 if the server is unreachable. */
  readonly status: number;
  /** Stable, lower case with dashes, for programs. */
  readonly code: string;
  /** One sentence for people: what happened. */
  readonly message: string;
  /** One sentence: what to do about it. */
  readonly hint?: string;
}

/** The body of an error response of `/api`. */
export interface ErrorBody {
  readonly error: Omit<ErrorReport, 'status'>;
}

/** The body of an error response of `/v2`. In the Open Inference Protocol, `error` is a string. */
export interface InferenceErrorBody {
  readonly error: string;
  readonly code: string;
  readonly hint?: string;
}

/** An error that the caller of an API should see. Every other error is a bug and becomes a 500. */
export class ApiError extends Error implements ErrorReport {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly code: string;
  readonly hint?: string;

  constructor(status: number, code: string, message: string, hint?: string) {
    super(message);
    this.status = status;
    this.code = code;
    if (hint !== undefined) this.hint = hint;
  }

  static from({ status, code, message, hint }: ErrorReport): ApiError {
    return new ApiError(status, code, message, hint);
  }
}

/** Returns any error as plain data. An unexpected error is reported as a bug. */
export function errorReport(error: unknown): ErrorReport {
  if (error instanceof ApiError) {
    const { status, code, message, hint } = error;
    return hint === undefined ? { status, code, message } : { status, code, message, hint };
  }
  return {
    status: 500,
    code: 'internal',
    message: error instanceof Error ? error.message : String(error),
    hint: 'This is a bug in Sparewheel. The log of the control plane has the details.',
  };
}

/** Returns the response body of `/api` for an error. */
export function errorBody({ code, message, hint }: Omit<ErrorReport, 'status'>): ErrorBody {
  return { error: hint === undefined ? { code, message } : { code, message, hint } };
}

/** Returns the response body of `/v2` for an error. */
export function inferenceErrorBody({ code, message, hint }: Omit<ErrorReport, 'status'>): InferenceErrorBody {
  return hint === undefined ? { error: message, code } : { error: message, code, hint };
}
