import { isIPv6 } from 'node:net';

/** Returns the address at which this machine reaches a server that listens on `host`. */
export function reachable(host: string): string {
  // A server that listens on every address also listens on loopback.
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

/** Returns an address in the form for a URL: IPv6 in brackets. */
export function bracketed(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}
