import { expect, it } from 'vitest';
import { policyText } from './policy-text.ts';

const POLICY = { waitMs: 'any-k', verify: 'after', deadlineMs: 10_000 } as const;

it('describes every rule of a policy', () => {
  expect(policyText(POLICY, 'data-plane')).toBe(
    'it waits for any k answers, verifies after the answer, and fails after 10000 ms; the data plane computes lost shards, and a failure is detected at once',
  );
  expect(policyText({ waitMs: 20, verify: 'off', deadlineMs: 5_000, detectMs: 3_000 }, 'devices')).toBe(
    'it waits 20 ms for the data shards, verifies no answer, and fails after 5000 ms; a surviving device computes lost shards, and a failure is detected after 3000 ms',
  );
  expect(policyText({ ...POLICY, waitMs: 'all', detectMs: 0 }, 'off')).toContain(
    'requests wait for lost shards, and a failure is detected after 0 ms',
  );
});
