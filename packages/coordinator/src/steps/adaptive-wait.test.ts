import { codedCompletion, shiftedExponential } from '@sparewheel/cdc';
import { Random } from '@sparewheel/runtime/random';
import { describe, expect, it } from 'vitest';
import { ManualRig } from '../testing/manual-rig.ts';
import { AdaptiveWait } from './adaptive-wait.ts';

function uniform(seed: number): () => number {
  const random = new Random(seed);
  // Never 0, whose logarithm is infinite.
  return () => random.next() + 0.5 / 2 ** 32;
}

/** Simulates requests with 4 data shards and 1 parity shard, as a gather with the current threshold observes them. */
function run(wait: AdaptiveWait, requests: number, arrival: (shard: number) => number) {
  for (let request = 0; request < requests; request++) {
    const times = Array.from({ length: 5 }, (_, shard) => arrival(shard));
    const all = Math.max(...times.slice(0, 4));
    const anyK = times.toSorted((a, b) => a - b)[3]!;
    const doneAt = Math.min(all, Math.max(wait.waitMs, anyK));
    const seen = wait.observe(anyK, all <= doneAt ? all : Number.POSITIVE_INFINITY);
    // Half of the stragglers' answers come as surplus; the others are canceled.
    if (request % 2 === 0) seen.allDataMs = all;
  }
}

describe('the learned waiting threshold', () => {
  it('waits for all devices if they are about equally fast', () => {
    const random = uniform(1);
    const wait = new AdaptiveWait();
    run(wait, 300, () => 10 + 0.3 * random());
    expect(wait.waitMs).toBeGreaterThanOrEqual(10.25);
    expect(wait.prediction('s')!.recoveredShare).toBeLessThan(0.1);
    expect(wait.prediction('s')!.anyKRecoveredShare).toBeGreaterThan(0.5);
  });

  it('does not wait for a straggler that is always late', () => {
    const random = uniform(2);
    const wait = new AdaptiveWait();
    run(wait, 300, (shard) => (shard === 2 ? 1_000 : 10 + random()));
    const { meanMs, anyKMeanMs } = wait.prediction('s')!;
    expect(meanMs).toBeLessThanOrEqual(1.05 * anyKMeanMs);
    expect(wait.waitMs).toBeLessThan(15);
  });

  it('does not wait longer for stragglers after a few requests waited for a silence timeout (seed 21137)', () => {
    const random = uniform(5);
    const wait = new AdaptiveWait();
    run(wait, 64, () => 4 + random());
    // Two devices fail at once, and the silence timeout takes a second. Then comes one straggler.
    for (let request = 0; request < 12; request++) wait.observe(1_000, Number.POSITIVE_INFINITY);
    run(wait, 3, () => 4 + random());
    wait.observe(4, 300);
    expect(wait.prediction('s')!.anyKMeanMs).toBeGreaterThan(100);
    expect(wait.waitMs).toBeLessThan(30);
  });

  it('follows a fleet that becomes slower and then faster again', () => {
    const random = uniform(3);
    const wait = new AdaptiveWait();
    run(wait, 100, () => 10 + 0.1 * random());
    const before = wait.waitMs;
    run(wait, 300, () => 40 + 0.1 * random());
    expect(wait.waitMs).toBeGreaterThan(40);
    run(wait, 300, () => 10 + 0.1 * random());
    expect(wait.waitMs).toBeLessThan(1.3 * before);
  });

  it('predicts the same as the order statistics of cdc for the same threshold', () => {
    const random = uniform(4);
    const wait = new AdaptiveWait();
    for (let request = 0; request < 64; request++) {
      const times = Array.from({ length: 5 }, () => 5 - 2 * Math.log(random()));
      wait.observe(times.toSorted((a, b) => a - b)[3]!, Math.max(...times.slice(0, 4)));
    }
    const arrival = shiftedExponential(5, 2);
    const data = Array.from({ length: 4 }, () => arrival);
    const prediction = wait.prediction('s')!;
    const exact = (waitMs: number | 'any-k' | 'all') => codedCompletion(data, [arrival], waitMs).meanMs;
    // 64 requests with a standard deviation near 1.5 ms: three standard errors.
    expect(Math.abs(prediction.meanMs - exact(prediction.waitMs))).toBeLessThan(0.6);
    expect(Math.abs(prediction.anyKMeanMs - exact('any-k'))).toBeLessThan(0.6);
    expect(Math.abs(prediction.allDataMeanMs! - exact('all'))).toBeLessThan(0.9);
  });
});

describe('a deployment with waitMs "adaptive"', () => {
  it('reports its prediction, answers correctly, and decodes a straggler after the threshold', async () => {
    const rig = await ManualRig.ready({
      k: 2,
      r: 1,
      layers: [{ kind: 'coded', inputs: 3, outputs: 4 }],
      policy: { waitMs: 'adaptive', verify: 'off' },
    });
    const input = rig.input([1, 2, 3]);
    const expected = [...rig.network.reference(input).data];
    const once = async (late: string | null) => {
      const answer = rig.coordinator.infer('net', { t0: input });
      await rig.clock.advance(10);
      for (const device of ['d0', 'd2', 'd1']) if (device !== late) rig.answerAll(device);
      await rig.clock.advance(50);
      for (const device of ['d0', 'd1', 'd2']) rig.answerAll(device);
      const { fetches, recovered } = await answer;
      for (const [i, value] of [...fetches.t1!.data].entries())
        expect(value).toBeCloseTo(Number(expected[i]), 4);
      return recovered;
    };
    expect(rig.coordinator.snapshot().deployments[0]!.waiting).toEqual([]);
    for (let request = 0; request < 32; request++) await once(null);
    expect(await once(null)).toBe(0);
    expect(await once('d1')).toBe(1);
    const [prediction] = rig.coordinator.snapshot().deployments[0]!.waiting ?? [];
    expect(prediction!.waitMs).toBeGreaterThanOrEqual(10);
    expect(prediction!.meanMs).toBeLessThanOrEqual(1.05 * prediction!.anyKMeanMs);
  });
});
