/** Sparewheel cannot start, and the user can fix the reason. */
export class StartupError extends Error {
  override name = 'StartupError';
  constructor(
    message: string,
    /** One sentence: what to do. */
    readonly hint?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
