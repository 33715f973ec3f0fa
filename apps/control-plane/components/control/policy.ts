import type { DeploymentView } from '@sparewheel/protocol';
import { niceCeiling } from '../latency/share-bins.ts';

type Policy = DeploymentView['policy'];
export type WaitKind = 'any-k' | 'threshold' | 'adaptive' | 'all';

/** Where nothing has arrived yet the slider goes to this many milliseconds; the API takes up to a minute. */
const SLIDER_MS = 200;
const SLIDER_STEPS = 200;
export const FIRST_THRESHOLD_MS = 20;

export function waitKind(waitMs: Policy['waitMs']): WaitKind {
  return typeof waitMs === 'number' ? 'threshold' : waitMs;
}

/** What a choice of the waiting rule sets. A threshold starts where it last was. */
export function waitOf(kind: WaitKind, thresholdMs: number): Policy['waitMs'] {
  return kind === 'threshold' ? thresholdMs : kind;
}

/**
 * A slider on which the thresholds that matter here are far apart: up to twice what a slow answer takes.
 * @param slowMs  of what arrived lately; null where nothing did
 */
export function sliderScale(slowMs: number | null, thresholdMs: number): { max: number; step: number } {
  const wanted = slowMs === null ? SLIDER_MS : 2 * slowMs;
  const max = niceCeiling(Math.max(1, wanted, thresholdMs));
  return { max, step: max / SLIDER_STEPS };
}

/** In one sentence, when a request is answered. */
export function describeWait(waitMs: Policy['waitMs'], k: number, r: number): string {
  if (waitMs === 'all')
    return `Waits for all ${k} data shards; parity helps only where a device is known to be down.`;
  if (r === 0) return `Nothing is coded here: every request waits for all ${k} shards.`;
  if (waitMs === 'any-k' || waitMs === 0) return `Decodes as soon as any ${k} of ${k + r} answers are in.`;
  if (waitMs === 'adaptive')
    return `Prefers the ${k} data shards for as long as that costs next to nothing, by what arrived lately.`;
  return `Prefers the ${k} data shards for ${waitMs} ms, then decodes from what is in.`;
}

export function describeVerify(verify: Policy['verify']): string {
  switch (verify) {
    case 'before':
      return 'Checked before the answer is given: waits for one answer more, no wrong one gets out.';
    case 'after':
      return 'Answers at once; a lie is noticed when the surplus answer comes.';
    case 'off':
      return 'Answers are not checked against the spare equation.';
  }
}
