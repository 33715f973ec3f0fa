/** Linux CPU control groups: which version is mounted, and how it limits processor time. Pure. */

/** The kernel grants the quota once per period. A short period makes a slow host smooth, like a slow processor. */
const PERIOD_MICROS = 10_000;
/** The kernel's smallest quota. */
const MIN_QUOTA_MICROS = 1_000;

/** A mounted hierarchy of control groups. */
export interface CpuController {
  readonly version: 1 | 2;
  readonly root: string;
}

/**
 * Finds the hierarchy that controls processor time; null if there is none.
 * @param mounts  content of `/proc/mounts`
 * @param controllers  returns the controllers of a version 2 hierarchy: its file `cgroup.controllers`
 */
export function findCpuController(
  mounts: string,
  controllers: (root: string) => string,
): CpuController | null {
  const entries = mounts
    .split('\n')
    .map((line) => line.split(' '))
    .map(([, root = '', type, options = '']) => ({ root, type, options: options.split(',') }));
  const first = entries.find(({ type, options }) => type === 'cgroup' && options.includes('cpu'));
  if (first) return { version: 1, root: first.root };
  const second = entries.find(
    ({ type, root }) => type === 'cgroup2' && controllers(root).trim().split(' ').includes('cpu'),
  );
  return second ? { version: 2, root: second.root } : null;
}

/**
 * Returns the files of a group that limit it to `cores` processor cores, with their content, in the order to write.
 * @throws {RangeError} the kernel does not grant so little
 */
export function cpuLimit(
  version: CpuController['version'],
  cores: number,
): readonly (readonly [file: string, content: string])[] {
  const quota = Math.round(cores * PERIOD_MICROS);
  if (!(quota >= MIN_QUOTA_MICROS))
    throw new RangeError(`the quota of ${cores} cores is too small; the smallest is 0.1`);
  return version === 2
    ? [['cpu.max', `${quota} ${PERIOD_MICROS}`]]
    : [
        ['cpu.cfs_period_us', String(PERIOD_MICROS)],
        ['cpu.cfs_quota_us', String(quota)],
      ];
}
