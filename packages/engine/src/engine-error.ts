export type EngineErrorCode =
  | 'no-backend'
  | 'invalid-model'
  | 'unknown-model'
  | 'invalid-feed'
  | 'unknown-fetch'
  | 'run-failed'
  | 'timed-out'
  | 'worker-crashed'
  | 'closed';

export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: EngineErrorCode;

  constructor(code: EngineErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
