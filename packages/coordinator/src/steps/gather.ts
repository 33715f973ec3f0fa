import type { GatherPolicy } from '../policy.ts';

/** What a gather asks of its surroundings next. */
export type Decision =
  /**
   * Nothing to do until another event. Where enough is in and better is waited for, only until `untilMs` after the
   * scatter, which may be infinite; else null.
   */
  | { readonly kind: 'wait'; readonly untilMs: number | null }
  /** Enough answers are in. */
  | { readonly kind: 'decode' }
  /** Too few answers can still come: compute these shards. `toCheck` of them only serve the spare equation. */
  | { readonly kind: 'rescue'; readonly shards: readonly number[]; readonly toCheck: number }
  /** Nothing is left to wait for or to compute. */
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
 * The answers of one coded step as they come: who has answered, who never will, and whether that is enough.
 * It knows no devices, time or tensors: the caller says what happened and does what `next` decides. Every event is
 * O(1); only a rescue looks at all shards.
 *
 * Shard indices run over the k data shards, then the r parity shards. A shard starts as waiting.
 */
export class Gather {
  readonly #states: Uint8Array;
  readonly #policy: GatherPolicy;
  /** Answers that must be in before decoding: k, and one more where it is verified first. */
  readonly needed: number;
  #in = 0;
  #dataIn = 0;
  #coming = 0;
  #dataComing = 0;

  constructor(
    readonly dataShards: number,
    readonly parityShards: number,
    policy: GatherPolicy,
  ) {
    const total = dataShards + parityShards;
    this.#states = new Uint8Array(total);
    this.#policy = policy;
    this.#coming = total;
    this.#dataComing = dataShards;
    this.needed = answersNeeded(dataShards, parityShards, policy);
  }

  /** Answers that are in, rescued shards included. */
  get answered(): number {
    return this.#in;
  }

  /** Answers that may still come, from a device or from a rescue. */
  get outstanding(): number {
    return this.#coming;
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

  /** A valid answer came. One that was given up is welcome too. @returns false where the shard is already in */
  answer(shard: number): boolean {
    return this.#arrive(shard, ANSWERED);
  }

  /** The data plane computed the shard. @returns false where its device answered first */
  rescued(shard: number): boolean {
    return this.#arrive(shard, RESCUED);
  }

  /** No answer is to be expected any more. */
  erase(shard: number): void {
    if (this.#states[shard] !== WAITING) return;
    this.#states[shard] = ERASED;
    this.#count(shard, -1);
  }

  /** The data plane starts to compute an erased shard. */
  rescuing(shard: number): void {
    if (this.#states[shard] !== ERASED) return;
    this.#states[shard] = RESCUING;
    this.#count(shard, 1);
  }

  /** The data plane cannot compute it either. */
  rescueFailed(shard: number): void {
    if (this.#states[shard] !== RESCUING) return;
    this.#states[shard] = LOST;
    this.#count(shard, -1);
  }

  /** Takes an answer back that turned out to be wrong. */
  retract(shard: number): void {
    if (!this.has(shard)) return;
    this.#states[shard] = ERASED;
    this.#in--;
    if (shard < this.dataShards) this.#dataIn--;
  }

  /** @param elapsedMs  since the scatter */
  next(elapsedMs: number): Decision {
    if (this.#in >= this.needed) return this.#whenEnough(elapsedMs);
    const outlook = this.#in + this.#coming;
    if (outlook >= this.needed) return WAIT;
    return this.#rescue(this.needed - outlook);
  }

  #whenEnough(elapsedMs: number): Decision {
    const { waitMs } = this.#policy;
    // Once no data shard can come any more, waiting longer gains nothing under any policy.
    if (waitMs === 'any-k' || this.#dataComing === 0) return DECODE;
    const untilMs = waitMs === 'all' ? Number.POSITIVE_INFINITY : waitMs;
    return elapsedMs >= untilMs ? DECODE : { kind: 'wait', untilMs };
  }

  #rescue(missing: number): Decision {
    const shards: number[] = [];
    // Data shards first: a shard that was computed need not be decoded.
    for (let shard = 0; shard < this.#states.length && shards.length < missing; shard++) {
      if (this.#states[shard] === ERASED) shards.push(shard);
    }
    if (shards.length > 0) {
      return { kind: 'rescue', shards, toCheck: Math.min(shards.length, this.needed - this.dataShards) };
    }
    return this.#coming > 0 ? WAIT : FAIL;
  }

  #arrive(shard: number, as: typeof ANSWERED | typeof RESCUED): boolean {
    const state = this.#states[shard];
    if (state === undefined || state === ANSWERED || state === RESCUED) return false;
    if (state === WAITING || state === RESCUING) this.#count(shard, -1);
    this.#states[shard] = as;
    this.#in++;
    if (shard < this.dataShards) this.#dataIn++;
    return true;
  }

  #count(shard: number, by: 1 | -1): void {
    this.#coming += by;
    if (shard < this.dataShards) this.#dataComing += by;
  }
}

/**
 * How many answers a step waits for at least. Without parity there is no spare equation and nothing to check with,
 * so that `verify: "before"` asks for no more than k.
 */
export function answersNeeded(dataShards: number, parityShards: number, policy: GatherPolicy): number {
  return policy.verify === 'before' && parityShards > 0 ? dataShards + 1 : dataShards;
}
