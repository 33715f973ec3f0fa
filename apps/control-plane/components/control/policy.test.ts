import { describe, expect, it } from 'vitest';
import { describeWait, waitKind, waitOf } from './policy.ts';

describe('the waiting rule', () => {
  it('survives the way from the policy to the control and back', () => {
    for (const waitMs of ['any-k', 'all', 35] as const) expect(waitOf(waitKind(waitMs), 35)).toBe(waitMs);
  });

  it('is described in one sentence', () => {
    expect(describeWait('any-k', 4, 1)).toBe('Decodes as soon as any 4 of 5 answers are in.');
    expect(describeWait(20, 4, 1)).toBe('Waits up to 20 ms for the 4 data shards, then decodes.');
    expect(describeWait('any-k', 4, 0)).toContain('No layer is coded');
  });
});
