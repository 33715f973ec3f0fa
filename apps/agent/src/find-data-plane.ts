/** Finds the data plane by DNS-SD, for an agent that has no address. */
import { isIPv4 } from 'node:net';
import { DNS_SD_TYPE } from '@sparewheel/protocol';
import { browseServices, type FoundService } from '@sparewheel/runtime/dns-sd';

/** How long the search may take before it is logged. */
const REPORT_AFTER_MS = 5_000;

/**
 * Searches until a data plane is found: after a boot, the network may take a minute.
 * @param log  receives messages for the operator
 * @returns its origin, such as `http://192.168.1.10:3001`
 * @throws {Error} this machine cannot search
 */
export function findDataPlane(
  log: (message: string) => void,
  browse = browseServices,
  reportAfterMs = REPORT_AFTER_MS,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const report = setTimeout(
      () => log('no control plane found on this network yet; it must run with HOST=0.0.0.0. Still searching'),
      reportAfterMs,
    );
    const end = browse(
      DNS_SD_TYPE,
      (service) => {
        const origin = originOf(service);
        if (origin === null) return;
        clearTimeout(report);
        end();
        resolve(origin);
      },
      (error) => {
        clearTimeout(report);
        reject(new Error(`cannot search the network (${error.message}); pass --url http://HOST:3001`));
      },
    );
  });
}

/**
 * Returns the origin of a service; null if it has no usable address. The sender's address is on this network. The others
 * may be on networks that this machine does not reach. A link-local IPv6 address needs a zone, which a URL cannot have.
 */
function originOf({ port, addresses, sender }: FoundService): string | null {
  const usable = [sender, ...addresses].filter(
    (each): each is string => each !== null && !/^fe[89ab]/i.test(each),
  );
  const address = usable.find(isIPv4) ?? usable[0];
  if (address === undefined) return null;
  return `http://${isIPv4(address) ? address : `[${address}]`}:${port}`;
}
