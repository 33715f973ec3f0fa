import { setMaxListeners } from 'node:events';

/**
 * Waits for `work`, but rejects with the reason of the signal when it aborts first. The work itself
 * continues.
 */
export function untilAborted<Result>(signal: AbortSignal, work: Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    // There is one listener per chunk in flight. Node would warn about a leak from the eleventh on.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
