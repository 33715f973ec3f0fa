import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';

/**
 * Returns an id of this machine. Processes and containers on one machine get the same id: they share its
 * cores.
 */
export async function machineId(): Promise<string> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => {
    const addresses = Object.values(networkInterfaces()).flatMap((each) =>
      (each ?? []).map(({ mac }) => mac),
    );
    return `${hostname()} ${[...new Set(addresses)].sort().join(' ')}`;
  });
  return createHash('sha256').update(boot).digest('hex').slice(0, 16);
}
