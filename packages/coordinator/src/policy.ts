/** How a deployment gathers answers. It can change while the deployment serves. */
export interface Policy {
  /**
   * The waiting threshold: how long a step that can already be decoded waits for missing data shards.
   * - `any-k`: not at all; decodes as soon as any k answers are in (threshold 0 in the paper).
   * - a number: until that many milliseconds after the scatter, then decodes from the answers that are in.
   * - `adaptive`: as a number, but learned per step from the observed arrivals; see `AdaptiveWait`.
   * - `all`: for all k data shards, like an uncoded system. Uses parity only where a device is known to be down.
   *
   * Under every value, the remaining steps together may wait for at most half of the time left until the deadline.
   */
  readonly waitMs: number | 'any-k' | 'adaptive' | 'all';
  /** When the parity check runs on surplus answers; see LIMITS.md. */
  readonly verify: 'before' | 'after' | 'off';
  /** From acceptance until the request fails with an explicit error. */
  readonly deadlineMs: number;
  /** Whether a busy device may compute requests that wait for the same step together. Default true. */
  readonly batch?: boolean | undefined;
  /**
   * What happens to the shards of failed devices when more are missing than the code recovers. Default: `data-plane`;
   * `off` under the objective `devices-only`.
   * - `data-plane`: the data plane computes them.
   * - `devices`: a surviving device loads them as a second task.
   * - `off`: requests wait for the device or a standby.
   */
  readonly rescue?: RescueRule | undefined;
  /**
   * The least time in ms from a failure until the coordinator acts on it: by a rescue, a redistribution or a takeover.
   * null: as soon as it notices the failure. Decoding needs no detection, so it never waits for this.
   */
  readonly detectMs?: number | null | undefined;
}

export type RescueRule = 'data-plane' | 'devices' | 'off';

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
