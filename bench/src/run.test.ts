import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { interleaved, median, percentile } from './measure.ts';
import { registry } from './registry.ts';

describe('the benchmark command line', () => {
  it('lists the benchmarks after an unknown name, with exit code 2', () => {
    const run = spawnSync(
      process.execPath,
      ['--import', 'tsx', fileURLToPath(new URL('./run.ts', import.meta.url)), 'nonsense', '--json'],
      { encoding: 'utf8' },
    );
    expect(run.status).toBe(2);
    expect(run.stdout).toBe('');
    expect(run.stderr).toContain('Unknown benchmark "nonsense"');
    expect(run.stderr).toContain(Object.keys(registry)[0]);
  });

  it('registers benchmarks under their own names', async () => {
    for (const name of ['encode', 'decode']) expect((await registry[name]!()).name).toBe(name);
  });
});

describe('measurements', () => {
  it('interpolate percentiles', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([1, 2, 3, 4])).toBe(2.5);
    expect(percentile([10, 20], 0)).toBe(10);
    expect(percentile([10, 20], 75)).toBe(17.5);
    expect(() => median([])).toThrow(RangeError);
  });

  it('alternate between the functions, and discard the warm-up turns', async () => {
    const order: string[] = [];
    const times = await interleaved(
      { a: () => order.push('a'), b: async () => order.push('b') },
      { turns: 2, warmups: 1, callsPerTurn: 2 },
    );
    expect(order.join('')).toBe('aabbaabbaabb');
    expect(times.a).toHaveLength(2);
    expect(times.b).toHaveLength(2);
  });
});
