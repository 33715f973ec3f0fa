/**
 * Hands the state of the running control plane to the server components of the dashboard. Both run in one process,
 * but in separate bundles: a symbol on `globalThis` connects them.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { UiSnapshot } from '@sparewheel/protocol';
import type { Authentication } from '../api/authentication.ts';
import { log } from '../log.ts';

/** Takes a snapshot. `hostname` is the name by which the browser reached the control plane. */
export type TakeSnapshot = (hostname: string) => Promise<UiSnapshot>;

type FirstState = (headers: IncomingHttpHeaders) => Promise<UiSnapshot | null>;

/** `app/(dashboard)/first-state.ts` reads it. */
const KEY = Symbol.for('sparewheel.first-state');
const shared = globalThis as { [KEY]?: FirstState };

/** Offers snapshots to the pages of this process, for requests with a session only. @returns withdraws the offer */
export function offerFirstState(
  authentication: Pick<Authentication, 'hasSession'>,
  snapshot: TakeSnapshot,
): () => void {
  const offer: FirstState = async (headers) => {
    if (!authentication.hasSession(headers)) return null;
    try {
      return await snapshot(hostnameOf(headers.host));
    } catch (error) {
      // The page then loads its state over the live connection.
      log.error({ err: error }, 'cannot load the first state of a page');
      return null;
    }
  };
  shared[KEY] = offer;
  return () => {
    if (shared[KEY] === offer) delete shared[KEY];
  };
}

/** Returns the host name in a Host header, without the port. */
export function hostnameOf(host = 'localhost'): string {
  return URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : 'localhost';
}
