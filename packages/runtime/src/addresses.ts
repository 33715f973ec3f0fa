import { isIPv6 } from 'node:net';

/** An address at which this machine reaches a server that listens on `host`. */
export function reachable(host: string): string {
  // What listens on everything is reached through the loopback.
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

/** An address as it stands in a URL. */
export function bracketed(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}
