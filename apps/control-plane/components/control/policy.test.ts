import { describe, expect, it } from 'vitest';
import { deployment } from '../testing/view-fixtures.ts';
import { describeWait, waitKind, waitOf } from './policy.ts';

describe('the waiting rule', () => {
  it('survives the way from the policy to the control and back', () => {
    for (const waitMs of ['any-k', 'all', 35] as const) expect(waitOf(waitKind(waitMs), 35)).toBe(waitMs);
  });

  it('is described in one sentence', () => {
    expect(describeWait('any-k', deployment(4, 1))).toBe('Decodes as soon as any 4 of 5 answers are in.');
    expect(describeWait(20, deployment(4, 1))).toBe('Waits up to 20 ms for the 4 data shards, then decodes.');
    expect(describeWait('any-k', deployment(4, 0))).toContain('No layer is coded');
  });

  it('is described by the present plan, which may be smaller or not coded', () => {
    const smaller = deployment(4, 1, { planned: { k: 3, r: 1 } });
    expect(describeWait('any-k', smaller)).toBe('Decodes as soon as any 3 of 4 answers are in.');
    const whole = deployment(4, 1, { runsWhole: 'Runs whole on one device, with 1 replica: …' });
    expect(describeWait('any-k', whole)).toBe('Each request takes the first answer of 2 replicas.');
    expect(describeWait('any-k', deployment(2, 1, { strategy: 'replicated' }))).toBe(
      'Each stage takes the first answer of its replicas.',
    );
    expect(describeWait('any-k', deployment(4, 1, { coverage: null, runsWhole: 'Runs whole' }))).toContain(
      'The data plane runs the whole model',
    );
  });
});
