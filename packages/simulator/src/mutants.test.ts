import { describe, expect, it } from 'vitest';
import { hunt, SEEDS_PER_MUTANT } from './mutant-hunt.ts';
import { MUTANTS } from './mutants.ts';
import type { PromiseName } from './promises.ts';

describe('the checker complains about a coordinator that', () => {
  for (const mutant of MUTANTS) {
    it(mutant.name, async () => {
      expect(await hunt(mutant), `not caught within ${SEEDS_PER_MUTANT} seeds`).not.toBeNull();
    });
  }

  it('has a mutant for every promise', () => {
    const broken = new Set(MUTANTS.map(({ promise }) => promise));
    const promises: PromiseName[] = [
      'a: repairable failures delay no request',
      'b: beyond repair, rescue and then takeover',
      'c: one answer or one error before the deadline',
      'd: no wrong answer goes unnoticed',
      'e: a returning device serves without a transfer',
      'f: changes disturb no request',
      'g: a restart restores everything',
      'h: a device that computes is not silent',
      'mirrors: a copy of each request, and no effect on the original',
      'batches: only requests whose policy allows it',
      'bounds',
      'leaks',
    ];
    for (const promise of promises) expect(broken, promise).toContain(promise);
  });
});
