/** What the machine itself can be made to do: a network and mounts of one's own, a full disk, cut sockets. */
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '@sparewheel/e2e/product';

const IN_NAMESPACE = 'SPAREWHEEL_NEMESIS_NAMESPACE';

/**
 * Runs this program again in network and mount namespaces of its own, so that nothing that it does to sockets and
 * disks reaches anything else, or outlives it. Needs root.
 * @returns the inner program's exit code; null where this is the inner one, or namespaces cannot be had
 */
export function runInNamespace(): number | null {
  if (process.env[IN_NAMESPACE] !== undefined || process.getuid?.() !== 0) return null;
  if (!succeeds('unshare', ['--net', '--mount', 'true'])) return null;
  const inner = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const script = 'ip link set lo up && exec "$@"';
  const { status } = spawnSync('unshare', ['--net', '--mount', 'sh', '-c', script, 'sh', ...inner], {
    stdio: 'inherit',
    env: { ...process.env, [IN_NAMESPACE]: '1' },
  });
  return status ?? 1;
}

/** Installs and builds what `npm start` needs, as it would itself. */
export function prepareProduct(): void {
  if (process.env[IN_NAMESPACE] !== undefined) return;
  const prepare = join(repositoryRoot, 'scripts', 'prepare.mjs');
  execFileSync(process.execPath, [prepare, 'start'], { stdio: ['ignore', 'ignore', 'inherit'] });
}

export interface HostFaults {
  /** Sockets of a process can be cut from outside (`ss -K`). */
  readonly cutSockets: boolean;
  /** A device's store can be given a small disk of its own. */
  readonly fillDisk: boolean;
  /** What tc can do to the network here: jitter and loss, or only a narrow link; null for nothing. */
  readonly network: readonly string[] | null;
  /** In words, what cannot be done here and why. */
  readonly skipped: readonly string[];
}

const NETEM = ['netem', 'delay', '3ms', '2ms', 'loss', '0.5%'];
const NARROW = ['tbf', 'rate', '60mbit', 'burst', '64kb', 'latency', '50ms'];

/** Only within namespaces of one's own: elsewhere these would hit everybody. */
export function hostFaults(): HostFaults {
  if (process.env[IN_NAMESPACE] === undefined) {
    const why = 'needs root and Linux namespaces';
    return {
      cutSockets: false,
      fillDisk: false,
      network: null,
      skipped: [`cut sockets: ${why}`, `full disk: ${why}`, `tc netem: ${why}`],
    };
  }
  const skipped: string[] = [];
  const cutSockets = succeeds('ss', ['-H', '-K', 'sport', '=', ':1']);
  if (!cutSockets) skipped.push('cut sockets: ss -K does not work here');
  let network: readonly string[] | null = null;
  for (const discipline of [NETEM, NARROW]) {
    if (!succeeds('tc', ['qdisc', 'add', 'dev', 'lo', 'root', ...discipline])) continue;
    network = discipline;
    succeeds('tc', ['qdisc', 'del', 'dev', 'lo', 'root']);
    break;
  }
  if (network !== NETEM) {
    skipped.push(
      `tc netem: this kernel does not have it${network === null ? '' : '; a narrow link (tbf) instead'}`,
    );
  }
  return { cutSockets, fillDisk: true, network, skipped };
}

/** Breaks every TCP connection that a process has to a port of this machine, at once and without a goodbye. */
export function cutSockets(processId: number, toPort: number): number {
  const lines = execFileSync('ss', ['-H', '-t', '-n', '-p', 'dport', '=', `:${toPort}`], {
    encoding: 'utf8',
  });
  let cut = 0;
  for (const line of lines.split('\n')) {
    if (!line.includes(`pid=${processId},`)) continue;
    const port = line.trim().split(/\s+/)[3]?.split(':').at(-1);
    if (port !== undefined && succeeds('ss', ['-H', '-K', 'sport', '=', `:${port}`])) cut++;
  }
  return cut;
}

/** Gives a folder a disk of its own of this size. */
export function mountSmallDisk(folder: string, megabytes: number): void {
  mkdirSync(folder, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]);
}

export function unmountSmallDisk(folder: string): void {
  succeeds('umount', ['--lazy', folder]);
}

/** @returns takes the ballast away again */
export function fillDisk(folder: string): () => void {
  const ballast = join(folder, 'ballast');
  const { bavail, bsize } = statfsSync(folder);
  const block = Buffer.alloc(bsize);
  const file = openSync(ballast, 'w');
  try {
    for (let left = bavail; left > 0; left--) writeSync(file, block);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
  return () => rmSync(ballast, { force: true });
}

/** @returns undoes it */
export function disturbNetwork(discipline: readonly string[]): () => void {
  execFileSync('tc', ['qdisc', 'add', 'dev', 'lo', 'root', ...discipline]);
  return () => void succeeds('tc', ['qdisc', 'del', 'dev', 'lo', 'root']);
}

function succeeds(command: string, parameters: readonly string[]): boolean {
  return spawnSync(command, parameters, { stdio: 'ignore' }).status === 0;
}
