import type { CallFailure } from './messages.ts';

/** A request or call that cannot be done, with what its sender should know and do: an HTTP error in the making. */
export class RequestFailure extends Error implements CallFailure {
  override readonly name = 'RequestFailure';
  readonly status: number;
  readonly code: string;
  readonly hint?: string;

  constructor(status: number, code: string, message: string, hint?: string) {
    super(message);
    this.status = status;
    this.code = code;
    if (hint !== undefined) this.hint = hint;
  }
}

/** What of a failure crosses a thread or goes into a response. */
export function describeFailure(error: unknown): CallFailure {
  if (error instanceof RequestFailure) {
    const { status, code, message, hint } = error;
    return hint === undefined ? { status, code, message } : { status, code, message, hint };
  }
  return {
    status: 500,
    code: 'internal',
    message: error instanceof Error ? error.message : String(error),
    hint: 'This is a bug in Sparewheel; the log of the control plane has the details.',
  };
}
