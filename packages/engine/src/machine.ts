import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { type ProcessorLimit, processorLimit } from '@sparewheel/runtime/processor-limit';

/**
 * Returns an id of this machine. Processes and containers on one machine get the same id: they share its cores. Those
 * with a limit of processor time get the id of the group that shares the limit, because for others they are like a
 * machine of their own.
 */
export async function machineId(limit?: ProcessorLimit | null): Promise<string> {
  const { group } = (limit === undefined ? await processorLimit() : limit) ?? { group: '' };
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => {
    const addresses = Object.values(networkInterfaces()).flatMap((each) =>
      (each ?? []).map(({ mac }) => mac),
    );
    return `${hostname()} ${[...new Set(addresses)].sort().join(' ')}`;
  });
  return createHash('sha256')
    .update(boot + group)
    .digest('hex')
    .slice(0, 16);
}
