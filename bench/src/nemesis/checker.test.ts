import { beforeEach, describe, expect, it } from 'vitest';
import { Checker } from './checker.ts';

let checker: Checker;
beforeEach(() => {
  checker = new Checker();
  checker.register('single', 1);
  checker.register('double', 2);
  checker.register('devices-only', 1, true);
});

const deadline = { kind: 'failed', code: 'deadline-exceeded', message: 'late' } as const;

describe('Checker reports a violation', () => {
  it('for answers that contradict each other, if something can name the faulty device', () => {
    const contradictory = { kind: 'failed', code: 'contradictory-answers', message: 'wrong' } as const;
    checker.setDown(1);
    checker.ended(checker.sent('devices-only'), contradictory);
    expect(checker.violations).toEqual([]);
    checker.ended(checker.sent('single'), contradictory);
    checker.ended(checker.sent('double'), contradictory);
    expect(checker.violations).toHaveLength(2);
  });

  it('for a failure with no more faulty devices than parity shards', () => {
    checker.setDown(1);
    checker.ended(checker.sent('single'), deadline);
    expect(checker.violations).toHaveLength(1);
  });

  it('for a wrong answer, with any number of faulty devices', () => {
    checker.setDown(6);
    checker.ended(checker.sent('single'), { kind: 'wrong', error: 0.5 });
    expect(checker).toMatchObject({ wrong: 1, failed: 0, lost: 0 });
    expect(checker.violations).toHaveLength(1);
  });

  it('for a request with neither answer nor error', () => {
    checker.setDown(6);
    checker.ended(checker.sent('double'), { kind: 'broken', reason: 'ECONNRESET' });
    expect(checker.lost).toBe(1);
    expect(checker.violations).toHaveLength(1);
  });
});

describe('Checker reports no violation', () => {
  it('for an explicit failure with more faulty devices than the deployment’s parity shards', () => {
    checker.setDown(2);
    checker.ended(checker.sent('single'), deadline);
    expect(checker.violations).toEqual([]);
    checker.ended(checker.sent('double'), deadline);
    expect(checker.violations).toHaveLength(1);
    expect(checker.failed).toBe(2);
  });

  it('for a failure whose request met more faulty devices earlier', () => {
    const request = checker.sent('single');
    checker.setDown(2);
    checker.setDown(0);
    checker.ended(request, deadline);
    expect(checker.violations).toEqual([]);
  });

  it('for a broken connection without a data plane, which counts as a failure', () => {
    const request = checker.sent('single');
    checker.setDown(Number.POSITIVE_INFINITY);
    checker.ended(request, { kind: 'broken', reason: 'ECONNRESET' });
    expect(checker).toMatchObject({ lost: 0, failed: 1, violations: [] });
  });
});
