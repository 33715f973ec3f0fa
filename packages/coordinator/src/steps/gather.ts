import type { GatherPolicy } from '../policy.ts';

/** What the step must do next. */
export type Decision =
  /**
   * Wait for the next event. If the step can already be decoded and waits for missing data shards, `untilMs` is the
   * end of that wait in milliseconds after the scatter (possibly infinite). Otherwise it is null.
   */
  | { readonly kind: 'wait'; readonly untilMs: number | null }
  /** Decode: enough answers are in. */
  | { readonly kind: 'decode' }
  /** Compute these shards on the data plane: too few answers can still come. */
  | { readonly kind: 'rescue'; readonly shards: readonly number[] }
  /** Fail: no answer is pending and no shard is left to rescue. */
  | { readonly kind: 'fail' };

const WAITING = 0;
const ERASED = 1;
const ANSWERED = 2;
const RESCUING = 3;
const RESCUED = 4;
const LOST = 5;

export type ShardState = 'waiting' | 'erased' | 'answered' | 'rescuing' | 'rescued' | 'lost';
const NAMES: readonly ShardState[] = ['waiting', 'erased', 'answered', 'rescuing', 'rescued', 'lost'];

const WAIT: Decision = { kind: 'wait', untilMs: null };
const DECODE: Decision = { kind: 'decode' };
const FAIL: Decision = { kind: 'fail' };

/**
 * The state machine that gathers the answers of one coded step. It tracks which shards are answered or erased, and
 * decides when the step can be decoded. It knows no devices, clocks or tensors: the caller reports events and carries
 * out what `next` decides. Every event takes O(1); only a rescue scans all shards.
 *
 * Shard indices cover the k data shards first, then the r parity shards. Every shard starts as `waiting`.
 */
export class Gather {
  readonly #states: Uint8Array;
  readonly #policy: GatherPolicy;
  /** Answers required before decoding: k, plus one under `verify: "before"` with parity. */
  readonly needed: number;
  #in = 0;
  #dataIn = 0;
  #pending = 0;
  #dataPending = 0;

  constructor(
    readonly dataShards: number,
    readonly parityShards: number,
    policy: GatherPolicy,
  ) {
    const total = dataShards + parityShards;
    this.#states = new Uint8Array(total);
    this.#policy = policy;
    this.#pending = total;
    this.#dataPending = dataShards;
    // Without parity there is no parity check, so one more answer would not help.
    this.needed = policy.verify === 'before' && parityShards > 0 ? dataShards + 1 : dataShards;
  }

  /** Number of answers that are in, including rescued shards. */
  get answered(): number {
    return this.#in;
  }

  /** Number of pending answers, from devices and from rescues. */
  get outstanding(): number {
    return this.#pending;
  }

  get everyDataShardIn(): boolean {
    return this.#dataIn === this.dataShards;
  }

  state(shard: number): ShardState {
    return NAMES[this.#states[shard]!]!;
  }

  has(shard: number): boolean {
    const state = this.#states[shard];
    return state === ANSWERED || state === RESCUED;
  }

  /** Reports a valid answer; it also counts if the shard was erased before. @returns false if the shard is already in */
  answer(shard: number): boolean {
    return this.#arrive(shard, ANSWERED);
  }

  /** Reports a finished rescue. @returns false if the device's answer came first */
  rescued(shard: number): boolean {
    return this.#arrive(shard, RESCUED);
  }

  /** Reports that no answer is expected from the shard's device. */
  erase(shard: number): void {
    if (this.#states[shard] !== WAITING) return;
    this.#states[shard] = ERASED;
    this.#countPending(shard, -1);
  }

  /** Reports that an erased shard was sent to a device again. */
  expect(shard: number): void {
    if (this.#states[shard] !== ERASED) return;
    this.#states[shard] = WAITING;
    this.#countPending(shard, 1);
  }

  /** Reports that the data plane starts to compute an erased shard. */
  rescuing(shard: number): void {
    if (this.#states[shard] !== ERASED) return;
    this.#states[shard] = RESCUING;
    this.#countPending(shard, 1);
  }

  /** Reports that the data plane failed to compute the shard. */
  rescueFailed(shard: number): void {
    if (this.#states[shard] !== RESCUING) return;
    this.#states[shard] = LOST;
    this.#countPending(shard, -1);
  }

  /** Turns a wrong answer into an erasure. */
  retract(shard: number): void {
    if (!this.has(shard)) return;
    this.#states[shard] = ERASED;
    this.#in--;
    if (shard < this.dataShards) this.#dataIn--;
  }

  /** Decides what to do next. @param elapsedMs  time since the scatter */
  next(elapsedMs: number): Decision {
    if (this.#in >= this.needed) return this.#whenEnough(elapsedMs);
    const possible = this.#in + this.#pending;
    if (possible >= this.needed) return WAIT;
    return this.#rescue(this.needed - possible);
  }

  #whenEnough(elapsedMs: number): Decision {
    const { waitMs } = this.#policy;
    // If no data shard is pending, waiting gains nothing under any policy.
    if (waitMs === 'any-k' || this.#dataPending === 0) return DECODE;
    const untilMs = waitMs === 'all' ? Number.POSITIVE_INFINITY : waitMs;
    return elapsedMs >= untilMs ? DECODE : { kind: 'wait', untilMs };
  }

  #rescue(missing: number): Decision {
    const shards: number[] = [];
    // Data shards first: a rescued data shard does not have to be decoded.
    for (let shard = 0; shard < this.#states.length && shards.length < missing; shard++) {
      if (this.#states[shard] === ERASED) shards.push(shard);
    }
    if (shards.length > 0) return { kind: 'rescue', shards };
    return this.#pending > 0 ? WAIT : FAIL;
  }

  #arrive(shard: number, as: typeof ANSWERED | typeof RESCUED): boolean {
    const state = this.#states[shard];
    if (state === undefined || state === ANSWERED || state === RESCUED) return false;
    if (state === WAITING || state === RESCUING) this.#countPending(shard, -1);
    this.#states[shard] = as;
    this.#in++;
    if (shard < this.dataShards) this.#dataIn++;
    return true;
  }

  #countPending(shard: number, by: 1 | -1): void {
    this.#pending += by;
    if (shard < this.dataShards) this.#dataPending += by;
  }
}
