import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '@sparewheel/e2e/product';

const IN_NAMESPACE = 'SPAREWHEEL_NEMESIS_NAMESPACE';

/**
 * Runs this program again in its own network and mount namespaces, so that its faults to sockets and disks
 * cannot affect other programs or remain after it. Needs root.
 * @returns the exit code of the inner program; null if this is the inner program or namespaces are not
 *   available
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

/** Installs and builds everything that `npm start` needs. */
export function prepareProduct(): void {
  if (process.env[IN_NAMESPACE] !== undefined) return;
  const prepare = join(repositoryRoot, 'scripts', 'prepare.mjs');
  execFileSync(process.execPath, [prepare, 'start'], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** The faults that this machine allows. */
export interface HostFaults {
  /** Whether `ss -K` can close sockets of other processes. */
  readonly cutSockets: boolean;
  /** Whether a device's store can be on its own small disk. */
  readonly fillDisk: boolean;
  /**
   * A queueing discipline that tc supports here: jitter and loss, or only a bandwidth limit; null if none.
   */
  readonly network: readonly string[] | null;
  /** Faults that are not possible here, with reasons, to display. */
  readonly skipped: readonly string[];
}

const NETEM = ['netem', 'delay', '3ms', '2ms', 'loss', '0.5%'];
const NARROW = ['tbf', 'rate', '60mbit', 'burst', '64kb', 'latency', '50ms'];

/**
 * Detects the possible host faults. Outside own namespaces there are none, because they would affect other
 * programs.
 */
export function hostFaults(): HostFaults {
  if (process.env[IN_NAMESPACE] === undefined) {
    const reason = 'needs root and Linux namespaces';
    return {
      cutSockets: false,
      fillDisk: false,
      network: null,
      skipped: [`cut sockets: ${reason}`, `full disk: ${reason}`, `tc netem: ${reason}`],
    };
  }
  const skipped: string[] = [];
  const cutSockets = succeeds('ss', ['-H', '-K', 'sport', '=', ':1']);
  if (!cutSockets) skipped.push('cut sockets: ss -K does not work on this machine');
  let network: readonly string[] | null = null;
  for (const discipline of [NETEM, NARROW]) {
    if (!succeeds('tc', ['qdisc', 'add', 'dev', 'lo', 'root', ...discipline])) continue;
    network = discipline;
    succeeds('tc', ['qdisc', 'del', 'dev', 'lo', 'root']);
    break;
  }
  if (network !== NETEM) {
    skipped.push(
      `tc netem: not supported by this kernel${network === null ? '' : '; using a bandwidth limit (tbf) instead'}`,
    );
  }
  return { cutSockets, fillDisk: true, network, skipped };
}

/**
 * Breaks every TCP connection from a process to a local port, without a closing handshake. @returns their
 * number
 */
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

/** Mounts a disk of the given size on a folder. */
export function mountSmallDisk(folder: string, megabytes: number): void {
  mkdirSync(folder, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]);
}

export function unmountSmallDisk(folder: string): void {
  succeeds('umount', ['--lazy', folder]);
}

/** Fills the disk of a folder. @returns a function that frees the space */
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

/** Applies a queueing discipline to the loopback network. @returns a function that removes it */
export function disturbNetwork(discipline: readonly string[]): () => void {
  execFileSync('tc', ['qdisc', 'add', 'dev', 'lo', 'root', ...discipline]);
  return () => void succeeds('tc', ['qdisc', 'del', 'dev', 'lo', 'root']);
}

function succeeds(command: string, parameters: readonly string[]): boolean {
  return spawnSync(command, parameters, { stdio: 'ignore' }).status === 0;
}
