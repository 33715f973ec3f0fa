import type { DeploymentView } from '@sparewheel/protocol';
import { niceCeiling } from '../latency/share-bins.ts';
import { planKind } from './deployment-status.ts';

type Policy = DeploymentView['policy'];
export type WaitKind = 'any-k' | 'threshold' | 'adaptive' | 'all';

/** The slider's end in ms before the first answers. The API accepts up to a minute. */
const SLIDER_MS = 200;
const SLIDER_STEPS = 200;
export const FIRST_THRESHOLD_MS = 20;

export function waitKind(waitMs: Policy['waitMs']): WaitKind {
  return typeof waitMs === 'number' ? 'threshold' : waitMs;
}

/** Returns the policy value of a waiting rule. The threshold keeps its last value. */
export function waitOf(kind: WaitKind, thresholdMs: number): Policy['waitMs'] {
  return kind === 'threshold' ? thresholdMs : kind;
}

/**
 * Returns a scale on which useful thresholds are far apart. It ends at twice the time of a slow answer.
 * @param slowMs  time of a slow recent answer; null without answers
 */
export function sliderScale(slowMs: number | null, thresholdMs: number): { max: number; step: number } {
  const wanted = slowMs === null ? SLIDER_MS : 2 * slowMs;
  const max = niceCeiling(Math.max(1, wanted, thresholdMs));
  return { max, step: max / SLIDER_STEPS };
}

/** Says in one sentence when a request is answered under the present plan. */
export function describeWait(waitMs: Policy['waitMs'], deployment: DeploymentView): string {
  const { k, r } = deployment.planned;
  switch (planKind(deployment)) {
    case 'local':
      return 'The data plane runs the whole model, so no request waits for a device.';
    case 'whole':
      return r === 0
        ? 'One device runs the whole model, and each request waits for it.'
        : `Each request takes the first answer of ${1 + r} replicas.`;
    case 'replicated':
      return 'Each stage takes the first answer of its replicas.';
    case 'uncoded':
      return `No layer is coded: every request waits for all ${k} shards.`;
    case 'coded':
      return describeCodedWait(waitMs, k, r);
  }
}

function describeCodedWait(waitMs: Policy['waitMs'], k: number, r: number): string {
  if (waitMs === 'all')
    return `Waits for all ${k} data shards. Decodes only if a device is known to be down.`;
  if (waitMs === 'any-k' || waitMs === 0) return `Decodes as soon as any ${k} of ${k + r} answers are in.`;
  if (waitMs === 'adaptive')
    return `Waits for the ${k} data shards while recent arrivals say that it costs almost nothing.`;
  return `Waits up to ${waitMs} ms for the ${k} data shards, then decodes.`;
}

/** Says in one sentence when answers are checked, and what the check costs. */
export function describeVerify(verify: Policy['verify']): string {
  switch (verify) {
    case 'before':
      return 'Waits for one more answer and checks before responding. No wrong result is returned.';
    case 'after':
      return 'Responds at once and checks when one more answer arrives.';
    case 'off':
      return 'Answers are not checked with parity.';
  }
}
