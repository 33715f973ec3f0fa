import { describe, expect, it } from 'vitest';
import { DEFAULT_POLICY, type GatherPolicy } from '../policy.ts';
import { Gather } from './gather.ts';

const POLICIES: GatherPolicy[] = (['any-k', 50, 'all'] as const).flatMap((waitMs) =>
  (['before', 'after', 'off'] as const).map((verify) => ({ ...DEFAULT_POLICY, waitMs, verify })),
);
const CODES = [1, 2, 3, 4].flatMap((k) => [0, 1, 2].map((r) => [k, r] as const));

/** Yields every order in which some or all shards are answered (index) or erased (bitwise complement). */
function* histories(shards: readonly number[], past: readonly number[] = []): Generator<readonly number[]> {
  if (past.length > 0) yield past;
  for (const shard of shards) {
    const rest = shards.filter((other) => other !== shard);
    yield* histories(rest, [...past, shard]);
    yield* histories(rest, [...past, ~shard]);
  }
}

/** Computes the expected decision independently: from sets of shards instead of counters. */
function expected(
  k: number,
  r: number,
  policy: GatherPolicy,
  answered: number[],
  erased: number[],
  late: boolean,
) {
  const all = Array.from({ length: k + r }, (_, shard) => shard);
  const open = all.filter((shard) => !answered.includes(shard) && !erased.includes(shard));
  const needed = k + (policy.verify === 'before' && r > 0 ? 1 : 0);
  if (answered.length >= needed) {
    const dataOpen = open.some((shard) => shard < k);
    if (policy.waitMs === 'any-k' || !dataOpen) return { kind: 'decode' };
    if (policy.waitMs === 'all') return { kind: 'wait', untilMs: Number.POSITIVE_INFINITY };
    return late ? { kind: 'decode' } : { kind: 'wait', untilMs: policy.waitMs };
  }
  const missing = needed - answered.length - open.length;
  if (missing <= 0) return { kind: 'wait', untilMs: null };
  return { kind: 'rescue', shards: erased.toSorted((a, b) => a - b).slice(0, missing) };
}

describe('Gather', () => {
  it.each(CODES)('decides correctly after answers and erasures in every order (k = %i, r = %i)', (k, r) => {
    const shards = Array.from({ length: k + r }, (_, shard) => shard);
    for (const history of histories(shards)) {
      const answered = history.filter((event) => event >= 0);
      const erased = history.filter((event) => event < 0).map((event) => ~event);
      for (const policy of POLICIES) {
        const gather = new Gather(k, r, policy);
        for (const event of history) {
          if (event >= 0) gather.answer(event);
          else gather.erase(~event);
        }
        for (const elapsed of [0, 50]) {
          const want = expected(k, r, policy, answered, erased, elapsed >= 50);
          const got = gather.next(elapsed);
          const same =
            got.kind === want.kind &&
            (got.kind !== 'rescue' || got.shards.join() === want.shards?.join()) &&
            (got.kind !== 'wait' || got.untilMs === want.untilMs);
          // Compares without expect() first: a million calls of it would take minutes.
          if (!same) expect(got, `${history} ${JSON.stringify(policy)}`).toEqual(want);
        }
      }
    }
  });

  it('decodes when the requested rescues are in, and fails if none of them can be computed', () => {
    for (const fails of [false, true]) {
      const gather = new Gather(3, 1, DEFAULT_POLICY);
      for (const shard of [0, 2, 3]) gather.erase(shard);
      gather.answer(1);
      const decision = gather.next(0);
      expect(decision).toEqual({ kind: 'rescue', shards: [0, 2] });
      gather.rescuing(0);
      gather.rescuing(2);
      expect(gather.next(0).kind).toBe('wait');
      if (fails) {
        gather.rescueFailed(0);
        expect(gather.next(0)).toEqual({ kind: 'rescue', shards: [3] });
        gather.rescuing(3);
        gather.rescueFailed(3);
        gather.rescueFailed(2);
        expect(gather.next(0).kind).toBe('fail');
      } else {
        gather.rescued(0);
        gather.rescued(2);
        expect(gather.next(0).kind).toBe('decode');
        expect(gather.everyDataShardIn).toBe(true);
      }
    }
  });

  it('rescues one shard for the check under verify "before" if no surplus answer can come', () => {
    const gather = new Gather(2, 1, { ...DEFAULT_POLICY, verify: 'before' });
    gather.erase(2);
    expect(gather.next(0)).toEqual({ kind: 'rescue', shards: [2] });
  });

  it('takes the device’s answer if it comes before the rescue, and drops the rescue', () => {
    const gather = new Gather(2, 0, DEFAULT_POLICY);
    gather.answer(0);
    gather.erase(1);
    expect(gather.next(0).kind).toBe('rescue');
    gather.rescuing(1);
    expect(gather.answer(1)).toBe(true);
    expect(gather.rescued(1)).toBe(false);
    expect(gather.answered).toBe(2);
    expect(gather.outstanding).toBe(0);
  });

  it('counts every shard once, even if it answers several times', () => {
    const gather = new Gather(2, 1, DEFAULT_POLICY);
    gather.answer(0);
    expect(gather.answer(0)).toBe(false);
    gather.erase(0);
    expect(gather.answered).toBe(1);
    expect(gather.next(0).kind).toBe('wait');
  });

  it('waits again after a retracted answer', () => {
    const gather = new Gather(2, 2, DEFAULT_POLICY);
    for (const shard of [0, 1]) gather.answer(shard);
    expect(gather.next(0).kind).toBe('decode');
    gather.retract(1);
    expect(gather.next(0).kind).toBe('wait');
    gather.answer(2);
    expect(gather.next(0).kind).toBe('decode');
    expect(gather.everyDataShardIn).toBe(false);
  });
});
