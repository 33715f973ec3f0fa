/** Errors of the same kind are logged at most so often. A faulty device can fail every request. */
const EVERY_MS = 10_000;

/** Logs the internal errors of requests. Of errors of one kind in a short time, it logs the first and counts the others. */
export class RequestErrorLog {
  readonly #now: () => number;
  readonly #log: { error(fields: { err: unknown; notLogged?: number }, message: string): void };
  readonly #kinds = new Map<string, { loggedAt: number; notLogged: number }>();

  /** @param now  monotonic, in ms */
  constructor(
    now: () => number,
    log: { error(fields: { err: unknown; notLogged?: number }, message: string): void },
  ) {
    this.#now = now;
    this.#log = log;
  }

  report(error: unknown): void {
    const now = this.#now();
    const kind = error instanceof Error ? error.name : 'unknown';
    const known = this.#kinds.get(kind);
    if (known !== undefined && now - known.loggedAt < EVERY_MS) {
      known.notLogged++;
      return;
    }
    this.#kinds.set(kind, { loggedAt: now, notLogged: 0 });
    const notLogged = known?.notLogged ?? 0;
    this.#log.error({ err: error, ...(notLogged === 0 ? {} : { notLogged }) }, 'a request failed');
  }
}
