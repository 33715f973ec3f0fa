/** How a deployment gathers, changeable while it serves. */
export interface Policy {
  /**
   * `any-k`: decode as soon as any k answers are in (the paper's threshold 0). A number: prefer the k data shards for
   * that many milliseconds after the scatter, then decode from what is in. `adaptive`: such a number for each step,
   * learned from what arrives (see AdaptiveWait). `all`: wait for all k data shards, as an uncoded system does; parity
   * answers are then used only where a device is known to be down. No waiting for better than is in goes on until the
   * deadline: the steps that are left may spend half of the time that is left on it.
   */
  readonly waitMs: number | 'any-k' | 'adaptive' | 'all';
  /** When surplus answers are checked against the spare equation; see LIMITS.md. */
  readonly verify: 'before' | 'after' | 'off';
  /** From acceptance to an explicit error. */
  readonly deadlineMs: number;
}

/** What a gather goes by: the threshold is a number by then. */
export interface GatherPolicy extends Policy {
  readonly waitMs: Exclude<Policy['waitMs'], 'adaptive'>;
}

/** What a learned waiting threshold is expected to do to one coded step, in milliseconds after the scatter. */
export interface WaitPrediction {
  readonly step: string;
  readonly waitMs: number;
  readonly meanMs: number;
  /** The same for decoding at once, and for waiting for all data; null where some of their answers never came. */
  readonly anyKMeanMs: number;
  readonly allDataMeanMs: number | null;
  /** Requests of the step in which a shard has to be decoded: with this threshold, and with none. */
  readonly recoveredShare: number;
  readonly anyKRecoveredShare: number;
  /** How many requests this goes by. */
  readonly requests: number;
}

export const DEFAULT_POLICY: GatherPolicy = { waitMs: 'any-k', verify: 'after', deadlineMs: 10_000 };
