/** DNS-SD over multicast: programs of one network find each other without addresses. [RFC 6762, RFC 6763] */
import type { EventEmitter } from 'node:events';
import { Bonjour } from 'bonjour-service';

/** A found service, with addresses in no particular order. */
export interface FoundService {
  readonly port: number;
  readonly addresses: readonly string[];
  /** The address from which the answer came; null if it is unknown. */
  readonly sender: string | null;
}

/** How often a search asks again: answers may be lost, and the network may not be there yet. */
const ASK_AGAIN_MS = 5_000;

/**
 * Advertises a service.
 * @param service  `type` without underscore and protocol; `name` is unique in the network
 * @param failed  receives errors; without multicast nothing finds the service
 * @returns ends the advertisement
 */
export function advertiseService(
  service: { name: string; type: string; port: number; txt: Record<string, string> },
  failed: (error: Error) => void,
): () => Promise<void> {
  const dnsSd = open(failed);
  // A probe would delay the advertisement, to find a name that is taken.
  dnsSd.publish({ ...service, probe: false });
  return () => new Promise((resolve) => dnsSd.unpublishAll(() => dnsSd.destroy(() => resolve())));
}

/**
 * Searches services of a type until it is ended. Each service is found once.
 * @returns ends the search
 */
export function browseServices(
  type: string,
  found: (service: FoundService) => void,
  failed: (error: Error) => void,
): () => void {
  const dnsSd = open(failed);
  const browser = dnsSd.find({ type }, ({ port, addresses = [], referer }) =>
    found({ port, addresses, sender: referer?.address ?? null }),
  );
  const timer = setInterval(() => browser.update(), ASK_AGAIN_MS);
  return () => {
    clearInterval(timer);
    dnsSd.destroy();
  };
}

function open(failed: (error: Error) => void): Bonjour {
  const dnsSd = new Bonjour({}, failed);
  // Without a listener, an error of the socket would end the process. The library gives no access to it.
  const { mdns } = (dnsSd as unknown as { server: { mdns: EventEmitter } }).server;
  mdns.on('error', failed);
  return dnsSd;
}
