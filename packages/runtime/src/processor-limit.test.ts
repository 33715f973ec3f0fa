import { describe, expect, it } from 'vitest';
import { processorLimit } from './processor-limit.ts';

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
