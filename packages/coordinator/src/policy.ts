/** How a deployment gathers, changeable while it serves. */
export interface Policy {
  /**
   * `any-k`: decode as soon as any k answers are in (the paper's threshold 0). A number: prefer the k data shards for
   * that many milliseconds after the scatter, then decode from what is in. `all`: wait for all k data shards, as an
   * uncoded system does; parity answers are then used only where a device is known to be down.
   */
  readonly waitMs: number | 'any-k' | 'all';
  /** When surplus answers are checked against the spare equation; see LIMITS.md. */
  readonly verify: 'before' | 'after' | 'off';
  /** From acceptance to an explicit error. */
  readonly deadlineMs: number;
}

export const DEFAULT_POLICY: Policy = { waitMs: 'any-k', verify: 'after', deadlineMs: 10_000 };
