import type { Policy, RescueRule } from '@sparewheel/protocol';

export type { Policy, RescueRule };

/** Returns the rescue rule of a policy, or the default of the plan's objective. */
export function rescueRule(
  { rescue }: Pick<Policy, 'rescue'>,
  { objective }: { readonly objective?: 'latency' | 'devices-only' | undefined },
): RescueRule {
  return rescue ?? (objective === 'devices-only' ? 'off' : 'data-plane');
}

/** The policy of one gather: the waiting threshold is resolved to a fixed value. */
export interface GatherPolicy extends Policy {
  readonly waitMs: Exclude<Policy['waitMs'], 'adaptive'>;
}

/** The predicted effect of a learned waiting threshold on one coded step. Times are milliseconds after the scatter. */
export interface WaitPrediction {
  readonly step: string;
  readonly waitMs: number;
  readonly meanMs: number;
  /** The mean when decoding from any k answers. */
  readonly anyKMeanMs: number;
  /** The mean when waiting for all data shards; null if some of their answers never came. */
  readonly allDataMeanMs: number | null;
  /** Share of requests in which the step recovers a shard: with this threshold, and with threshold 0. */
  readonly recoveredShare: number;
  readonly anyKRecoveredShare: number;
  /** Number of requests behind the prediction. */
  readonly requests: number;
}

export const DEFAULT_POLICY: GatherPolicy = { waitMs: 'any-k', verify: 'after', deadlineMs: 10_000 };
