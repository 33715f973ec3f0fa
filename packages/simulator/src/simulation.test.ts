import { describe, expect, it } from 'vitest';
import { simulate } from './simulation.ts';

const SEEDS = Number(process.env.SIMULATION_SEEDS ?? 200);

describe('the coordinator in a simulated world', () => {
  it(`keeps every promise in ${SEEDS} seeds`, async () => {
    const coverage: Record<string, number> = {};
    for (let seed = 1; seed <= SEEDS; seed++) {
      const result = await simulate(seed);
      expect(result.violations, `seed ${seed}; replay: npm run -s simulate -- --seed ${seed}`).toEqual([]);
      for (const [what, count] of Object.entries(result.coverage))
        coverage[what] = (coverage[what] ?? 0) + count;
    }
    // Each kind of end and of fault occurred: a check that never applies checks nothing.
    for (const [what, count] of Object.entries(coverage)) expect(count, what).toBeGreaterThan(0);
  });

  it('takes the same steps for the same seed', async () => {
    for (const seed of [3, 14, 15]) {
      const lines: string[][] = [[], []];
      const first = await simulate(seed, { print: (line) => lines[0]!.push(line) });
      const second = await simulate(seed, { print: (line) => lines[1]!.push(line) });
      const silent = await simulate(seed);
      expect(second.hash, `seed ${seed}`).toBe(first.hash);
      expect(silent.hash, `seed ${seed} without its text`).toBe(first.hash);
      expect(lines[1]).toEqual(lines[0]);
      expect(lines[0]!.length).toBeGreaterThan(100);
    }
  });

  it('takes other steps for another seed', async () => {
    const hashes = new Set<string>();
    for (let seed = 1; seed <= 10; seed++) hashes.add((await simulate(seed)).hash);
    expect(hashes.size).toBe(10);
  });
});
