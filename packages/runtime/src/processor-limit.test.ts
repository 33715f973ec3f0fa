import { describe, expect, it } from 'vitest';
import { processorLimit, timeUnderLimit } from './processor-limit.ts';

const limited = (files: Readonly<Record<string, string>>, cores = 4) =>
  processorLimit(async (path) => {
    const content = files[path];
    if (content === undefined) throw new Error(`no file ${path}`);
    return content;
  }, cores);

describe('the processor limit', () => {
  it('is that of a version 2 group, or of a group above it', async () => {
    const files = {
      '/proc/self/cgroup': '0::/fleet/pi\n',
      '/sys/fs/cgroup/fleet/pi/cpu.max': 'max 100000\n',
      '/sys/fs/cgroup/fleet/cpu.max': '30000 100000\n',
    };
    expect(await limited(files)).toMatchObject({ cores: 0.3 });
    expect(await limited({ ...files, '/sys/fs/cgroup/fleet/pi/cpu.max': '5000 50000' })).toMatchObject({
      cores: 0.1,
    });
  });

  it('is that of a version 1 group', async () => {
    expect(
      await limited({
        '/proc/self/cgroup': '4:memory:/m\n1:cpu,cpuacct:/pi\n0::/\n',
        '/sys/fs/cgroup/cpu,cpuacct/pi/cpu.cfs_quota_us': '150000\n',
        '/sys/fs/cgroup/cpu,cpuacct/pi/cpu.cfs_period_us': '100000\n',
      }),
    ).toMatchObject({ cores: 1.5 });
  });

  it('names the processes that share it', async () => {
    const of = async (group: string) =>
      (await limited({ '/proc/self/cgroup': `0::${group}`, [`/sys/fs/cgroup${group}/cpu.max`]: '1 2' }))!
        .group;
    expect(await of('/a')).toBe(await of('/a'));
    expect(await of('/a')).not.toBe(await of('/b'));
  });

  it.each([
    ['no control groups', {}],
    ['no limit', { '/proc/self/cgroup': '0::/', '/sys/fs/cgroup/cpu.max': 'max 100000' }],
    ['no quota', { '/proc/self/cgroup': '1:cpu:/', '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1' }],
    ['a limit of all cores', { '/proc/self/cgroup': '0::/', '/sys/fs/cgroup/cpu.max': '400000 100000' }],
    ['unreadable files', { '/proc/self/cgroup': '0::/', '/sys/fs/cgroup/cpu.max': 'nonsense' }],
  ])('is null with %s', async (_what, files) => {
    expect(await limited(files as unknown as Record<string, string>)).toBeNull();
  });
});

describe('the time of a run', () => {
  /** A run that uses 12 ms of processor time and takes 40 ms. */
  const time = (cores: number | null, threads: number) => {
    let user = 1000;
    const run = async () => {
      user += 12_000;
      return 40;
    };
    return timeUnderLimit(cores === null ? null : { cores, group: 'g' }, threads, run, () => ({
      user,
      system: 5,
    }));
  };

  it.each([
    ['is the measured time without a limit', null, 1, 40],
    ['is the processor time ÷ the cores of the limit', 0.2, 1, 60],
    ['does not use more cores than threads', 2.5, 1, 12],
    ['divides the processor time among the threads', 2.5, 2, 6],
  ])('%s', async (_what, cores, threads, ms) => expect(await time(cores, threads)).toBeCloseTo(ms));
});
