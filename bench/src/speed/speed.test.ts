import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cpuLimit, findCpuController } from './control-groups.ts';
import { bestRows, type CpuMeasurement, cpuRow, type SpeedUpMeasurement, speedUpRow } from './figures.ts';
import {
  countingCollections,
  elapsed,
  fullCollections,
  parseSchedstat,
  threadTimes,
} from './processor-time.ts';
import { repeat } from './speed-network.ts';

describe('processor time', () => {
  it('is the first number of a schedstat file, in nanoseconds', () => {
    expect(parseSchedstat('2500000 71300 42\n')).toBe(2.5);
    expect(() => parseSchedstat('2500000')).toThrow('not the content of a schedstat file');
    expect(() => parseSchedstat('')).toThrow('not the content of a schedstat file');
  });

  it('counts a thread that started between two readings from zero', () => {
    const before = new Map([
      ['1', 10],
      ['2', 5],
    ]);
    const after = new Map([
      ['1', 12],
      ['3', 4],
    ]);
    expect(elapsed(before, after)).toBe(6);
  });

  it.runIf(existsSync('/proc/self/task'))('of this process grows while it works', () => {
    const before = threadTimes('self');
    expect(before.size).toBeGreaterThan(0);
    // Ends by the timeout of the test if the time stands still.
    while (elapsed(before, threadTimes('self')) === 0);
  });
});

/** Two threads. Each collects three times, and waits until its file shows it. */
const THREADS_THAT_COLLECT = `
  import { statSync } from 'node:fs';
  import { isMainThread, threadId, Worker } from 'node:worker_threads';
  if (isMainThread) {
    console.log(process.pid);
    new Worker(new URL(import.meta.url));
  }
  const file = process.env.SPAREWHEEL_GC_COUNTS + '/' + process.pid + '-' + threadId;
  for (let i = 0; i < 3; i++) gc();
  const wait = () => (statSync(file, { throwIfNoEntry: false })?.size >= 3 ? undefined : setImmediate(wait));
  wait();`;

describe('full garbage collections', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sparewheel-collections-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('are counted in the main thread and in worker threads', () => {
    const program = join(folder, 'program.mjs');
    writeFileSync(program, THREADS_THAT_COLLECT);
    const run = spawnSync(process.execPath, ['--expose-gc', program], {
      encoding: 'utf8',
      timeout: 30_000,
      env: { ...process.env, ...countingCollections(folder) },
    });
    expect(run.stderr).toBe('');
    expect(fullCollections(folder, Number(run.stdout))).toBeGreaterThanOrEqual(6);
  });

  it('of a process exclude those of a process whose id starts with the same digits', () => {
    writeFileSync(join(folder, '12-0'), '..');
    writeFileSync(join(folder, '12-1'), '.');
    writeFileSync(join(folder, '123-0'), '....');
    expect(fullCollections(folder, 12)).toBe(3);
    expect(fullCollections(folder, 1)).toBe(0);
  });
});

describe('control groups', () => {
  const VERSION_1 = 'cgroup /sys/fs/cgroup/cpu cgroup rw,relatime,cpu,cpuacct 0 0';
  const CPUSET = 'cgroup /sys/fs/cgroup/cpuset cgroup rw,cpuset 0 0';
  const VERSION_2 = 'cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0';

  it('are those of the mounted hierarchy that controls processor time', () => {
    const find = (mounts: string[], controllers = '') =>
      findCpuController(['proc /proc proc rw 0 0', ...mounts, ''].join('\n'), () => controllers);
    expect(find([CPUSET, VERSION_1, VERSION_2])).toEqual({ version: 1, root: '/sys/fs/cgroup/cpu' });
    expect(find([VERSION_2], 'cpuset cpu io\n')).toEqual({ version: 2, root: '/sys/fs/cgroup' });
    expect(find([CPUSET, VERSION_2], 'cpuset io\n')).toBeNull();
    expect(find([])).toBeNull();
  });

  it('limit a host to a share of a core', () => {
    expect(cpuLimit(1, 0.3)).toEqual([
      ['cpu.cfs_period_us', '10000'],
      ['cpu.cfs_quota_us', '3000'],
    ]);
    expect(cpuLimit(2, 1.5)).toEqual([['cpu.max', '15000 10000']]);
    expect(() => cpuLimit(2, 0.05)).toThrow(RangeError);
  });
});

describe('speed-up', () => {
  const measurement: SpeedUpMeasurement = {
    network: 'alexnet',
    choice: { layers: 'all', splits: 'auto', objective: 'latency' },
    hops: 8,
    oneHostTimes: [
      [70, 60, 90],
      [90, 80, 95],
    ],
    fleetTimes: [40, 39, 100],
    requestsPerSecond: 50,
    outputDifference: 3e-7,
  };

  it('compares medians with the mean of the baseline before and after', () => {
    expect(speedUpRow(measurement)).toMatchObject({
      oneHostP50Ms: 80,
      oneHostDrift: 1.29,
      fleetP50Ms: 40,
      ratio: 2,
      fourInFlightRatio: 4,
    });
  });

  it('takes the best plan of each network', () => {
    const slow = speedUpRow({ ...measurement, fleetTimes: [160] });
    const fast = speedUpRow(measurement);
    const other = speedUpRow({ ...measurement, network: 'decoder' });
    expect(bestRows([slow, fast, other])).toEqual([fast, other]);
  });
});

describe('processor time of a fleet', () => {
  const measurement: CpuMeasurement = {
    network: 'alexnet',
    splits: 'auto',
    hops: 2,
    requests: 10,
    plainCpuMs: 20,
    devices: [
      { cpuMs: 60, fullCollections: 3 },
      { cpuMs: 100, fullCollections: 1 },
    ],
    dataPlane: { cpuMs: 240, fullCollections: 1 },
    engineTimes: [
      [...new Array<number>(2).fill(1), ...new Array<number>(18).fill(100)],
      [2, 2, 2],
    ],
  };

  it('is divided by requests, steps and devices; engine time excludes the wait for a processor', () => {
    expect(cpuRow(measurement)).toMatchObject({
      devicesMs: 16,
      dataPlaneMs: 24,
      totalOverPlain: 2,
      deviceMsPerStep: 4,
      engineMsPerStep: 1.5,
      beyondEngineMsPerStep: 2.5,
      dataPlaneMsPerStep: 12,
    });
  });

  it('lists full garbage collections per thousand requests and process', () => {
    expect(cpuRow(measurement)).toMatchObject({ deviceFullGcPer1000: 200, dataPlaneFullGcPer1000: 100 });
  });
});

describe('repetitions', () => {
  it('are at least three, even past the time budget', async () => {
    let calls = 0;
    const request = async () => calls++;
    expect(await repeat(40, 0, request)).toHaveLength(3);
    expect(await repeat(5, 60_000, request)).toHaveLength(5);
    expect(calls).toBe(8);
  });
});
