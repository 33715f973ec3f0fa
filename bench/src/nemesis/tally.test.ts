import { beforeEach, describe, expect, it } from 'vitest';
import { Tally } from './tally.ts';

let tally: Tally;
beforeEach(() => {
  tally = new Tally();
  tally.deployment('single', 1);
  tally.deployment('double', 2);
});

const deadline = { kind: 'failed', code: 'deadline-exceeded', message: 'late' } as const;

describe('the checker complains', () => {
  it('of a failure while no more devices were down than the code repairs', () => {
    tally.setDown(1);
    tally.ended(tally.sent('single'), deadline);
    expect(tally.violations).toHaveLength(1);
  });

  it('of a wrong answer, whatever was broken', () => {
    tally.setDown(6);
    tally.ended(tally.sent('single'), { kind: 'wrong', error: 0.5 });
    expect(tally).toMatchObject({ wrong: 1, failed: 0, lost: 0 });
    expect(tally.violations).toHaveLength(1);
  });

  it('of a request that got neither answer nor error', () => {
    tally.setDown(6);
    tally.ended(tally.sent('double'), { kind: 'broken', reason: 'ECONNRESET' });
    expect(tally.lost).toBe(1);
    expect(tally.violations).toHaveLength(1);
  });
});

describe('the checker is fair', () => {
  it('allows an explicit failure beyond what the code repairs, by deployment', () => {
    tally.setDown(2);
    tally.ended(tally.sent('single'), deadline);
    expect(tally.violations).toEqual([]);
    tally.ended(tally.sent('double'), deadline);
    expect(tally.violations).toHaveLength(1);
    expect(tally.failed).toBe(2);
  });

  it('holds a request to the worst that happened while it was under way', () => {
    const request = tally.sent('single');
    tally.setDown(2);
    tally.setDown(0);
    tally.ended(request, deadline);
    expect(tally.violations).toEqual([]);
  });

  it('counts a broken connection as a failure where there is no data plane', () => {
    const request = tally.sent('single');
    tally.setDown(Number.POSITIVE_INFINITY);
    tally.ended(request, { kind: 'broken', reason: 'ECONNRESET' });
    expect(tally).toMatchObject({ lost: 0, failed: 1, violations: [] });
  });
});
