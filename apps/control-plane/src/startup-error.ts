/** Sparewheel cannot start, for a reason that the person at the keyboard can do something about. */
export class StartupError extends Error {
  override name = 'StartupError';
  constructor(
    message: string,
    /** What to do about it, as a sentence. */
    readonly hint?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
