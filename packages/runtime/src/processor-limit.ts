import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { availableParallelism, hostname } from 'node:os';

/** A limit on the processor time of this process and those beside it, as containers and control groups set it. */
export interface ProcessorLimit {
  /** Processor cores on average; may be a fraction. */
  readonly cores: number;
  /** Identifies the processes that share the limit. */
  readonly group: string;
}

const ROOT = '/sys/fs/cgroup';
/** Where the CPU controller of version 1 is mounted. */
const VERSION_1 = ['cpu', 'cpu,cpuacct'];

/**
 * Returns the smallest limit of this process's Linux control groups; null if none is below the number of cores.
 * @param read  returns the content of a file; rejects if there is none
 */
export async function processorLimit(
  read: (path: string) => Promise<string> = (path) => readFile(path, 'utf8'),
  available: number = availableParallelism(),
): Promise<ProcessorLimit | null> {
  const groups = await read('/proc/self/cgroup').catch(() => '');
  let cores = Number.POSITIVE_INFINITY;
  let path = '';
  for (const line of groups.split('\n')) {
    const [id, controllers = '', group] = line.split(':');
    if (group === undefined) continue;
    const unified = id === '0' && controllers === '';
    if (!unified && !controllers.split(',').includes('cpu')) continue;
    for (const ancestor of ancestors(group)) {
      const limit = unified ? await limitOf2(`${ROOT}${ancestor}`, read) : await limitOf1(ancestor, read);
      if (limit >= cores) continue;
      cores = limit;
      path = group;
    }
  }
  if (!(cores < available)) return null;
  // Inside a container the path is often "/"; the host name tells containers apart.
  const group = createHash('sha256').update(`${hostname()} ${path}`).digest('hex').slice(0, 16);
  return { cores, group };
}

/**
 * Executes a run of this process, and returns its milliseconds under the limit in the long term. Under a limit a
 * process computes at full speed until its time is used up, and then stops for a while, so the time of one run says
 * little. Processor time does.
 * @param threads  that compute during the run; nothing else may compute in this process
 * @param run  returns its milliseconds, which count if there is no limit
 */
export async function timeUnderLimit(
  limit: ProcessorLimit | null,
  threads: number,
  run: () => Promise<number>,
  processorTime: () => { readonly user: number; readonly system: number } = () => process.cpuUsage(),
): Promise<number> {
  if (limit === null) return run();
  const before = processorTime();
  await run();
  const after = processorTime();
  const processorMs = (after.user - before.user + after.system - before.system) / 1000;
  return processorMs / Math.min(threads, limit.cores);
}

/** Returns a path and all paths above it. */
function ancestors(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '');
  return Array.from({ length: parts.length + 1 }, (_, i) => `/${parts.slice(0, parts.length - i).join('/')}`);
}

type Read = (path: string) => Promise<string>;

async function limitOf2(folder: string, read: Read): Promise<number> {
  const [quota, period] = (await read(`${folder}/cpu.max`).catch(() => 'max 1')).trim().split(' ');
  return quota === 'max' ? Number.POSITIVE_INFINITY : positive(Number(quota) / Number(period));
}

async function limitOf1(path: string, read: Read): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (const controller of VERSION_1) {
    const folder = `${ROOT}/${controller}${path}`;
    const quota = Number(await read(`${folder}/cpu.cfs_quota_us`).catch(() => '-1'));
    if (quota <= 0) continue;
    const period = Number(await read(`${folder}/cpu.cfs_period_us`).catch(() => 'none'));
    least = Math.min(least, positive(quota / period));
  }
  return least;
}

/** A file with unexpected content is no limit. */
function positive(cores: number): number {
  return cores > 0 ? cores : Number.POSITIVE_INFINITY;
}
