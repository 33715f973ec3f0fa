import type { Policy, RescueRule } from '@sparewheel/protocol';

const WAITS = {
  'any-k': 'for any k answers',
  adaptive: 'for the data shards as long as that pays off',
  all: 'for all data shards',
} as const;
const RESCUES: Readonly<Record<RescueRule, string>> = {
  'data-plane': 'the data plane computes lost shards',
  devices: 'a surviving device computes lost shards',
  off: 'requests wait for lost shards',
};

/** Describes a policy for the event of its change: "it waits for any k answers, …". */
export function policyText({ waitMs, verify, deadlineMs, detectMs }: Policy, rescue: RescueRule): string {
  const wait = typeof waitMs === 'number' ? `${waitMs} ms for the data shards` : WAITS[waitMs];
  const check = verify === 'off' ? 'verifies no answer' : `verifies ${verify} the answer`;
  const detection = detectMs == null ? 'at once' : `after ${detectMs} ms`;
  return `it waits ${wait}, ${check}, and fails after ${deadlineMs} ms; ${RESCUES[rescue]}, and a failure is detected ${detection}`;
}
