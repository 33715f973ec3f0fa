import type { RequestOutcome, RequestTrace } from '@sparewheel/coordinator';
import { ANSWER_DOTS, type AnswerUpdate } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { AnswerFeed, type LiveDeploymentFacts } from './answer-feed.ts';
import { AnswerSample } from './answer-sample.ts';

const START = Date.UTC(2026, 0, 1);

function trace(request: number): RequestTrace {
  return { request, startedAt: 0, finishedAt: null, steps: [] };
}

/** A feed on a clock of its own. Times in ms after START. */
class Rig {
  now = 0;
  readonly updates: AnswerUpdate[] = [];
  deployments: (Omit<LiveDeploymentFacts, 'running' | 'agesMs'> & { traces?: RequestTrace[] })[] = [];
  /** By deployment. */
  ages: Readonly<Record<string, readonly number[]>> = {};
  readonly feed = new AnswerFeed({
    now: () => START + this.now,
    random: () => 0.5,
    deployments: () =>
      this.deployments.map(({ traces = [], ...each }) => ({
        ...each,
        running: () => traces,
        agesMs: () => this.ages[each.name] ?? [],
      })),
    nameOf: (device) => device,
    post: (update) => this.updates.push(update),
  });

  deploy(name: string, inFlight: number, devices: readonly string[], traces: RequestTrace[] = []): void {
    this.deployments.push({ name, inFlight, devices, traces });
  }

  end(
    deployment: string,
    request: number,
    at: number,
    latencyMs: number,
    change: Partial<RequestOutcome> = {},
  ): void {
    this.now = at;
    const outcome = {
      request,
      status: 'answered',
      latencyMs,
      recovered: 0,
      rescued: 0,
      survivedFailure: false,
    } as const;
    this.feed.finished(deployment, { ...outcome, corrupt: false, error: null, ...change });
  }

  tick(at: number): AnswerUpdate | undefined {
    this.now = at;
    const before = this.updates.length;
    this.feed.tick();
    return this.updates[before];
  }

  impact(deployment: string) {
    return this.feed.reports()[0]?.deployments.find((each) => each.deployment === deployment);
  }
}

describe('the sample of answers', () => {
  it('keeps everything up to its size', () => {
    const sample = new AnswerSample<number>(3, () => 0);
    for (const value of [1, 2, 3]) sample.add(value);
    expect(sample.take()).toEqual([1, 2, 3]);
    expect(sample.take()).toEqual([]);
  });

  it('gives each value the same chance', () => {
    let state = 1;
    // Park–Miller, so that the test draws the same numbers each time.
    const random = () => {
      state = (state * 48_271) % 2_147_483_647;
      return state / 2_147_483_647;
    };
    const counts = new Array<number>(100).fill(0);
    const rounds = 4_000;
    for (let round = 0; round < rounds; round++) {
      const sample = new AnswerSample<number>(10, random);
      for (let value = 0; value < 100; value++) sample.add(value);
      for (const value of sample.take()) counts[value]! += 1;
    }
    // Each value is expected 400 times with a standard deviation of 19; six of them are allowed.
    for (const count of counts) expect(Math.abs(count - rounds / 10)).toBeLessThan(6 * 19);
  });
});

describe('the answer feed', () => {
  it('sends the requests that ended, once', () => {
    const rig = new Rig();
    rig.deploy('a', 0, ['d1']);
    rig.tick(1_000);
    rig.end('a', 1, 1_010, 4.25);
    rig.end('a', 2, 1_020, 7, { status: 'failed', error: { code: 'deadline-exceeded', message: '' } });
    rig.end('a', 3, 1_030, 9, { status: 'canceled' });
    expect(rig.tick(1_100)?.batches).toEqual([
      {
        deployment: 'a',
        ended: 2,
        dots: [
          { at: START + 1_010, latencyMs: 4.25, outcome: 'answered', survived: false },
          { at: START + 1_020, latencyMs: 7, outcome: 'failed', survived: false },
        ],
      },
    ]);
    expect(rig.tick(1_200)?.batches ?? []).toEqual([]);
  });

  it('bounds a batch, says how many ended, and never drops a failure in favor of answers', () => {
    const rig = new Rig();
    rig.deploy('a', 0, ['d1']);
    for (let request = 0; request < 500; request++) rig.end('a', request, 1_000, 5);
    rig.end('a', 500, 1_001, 5, { status: 'failed' });
    const [batch] = rig.tick(1_100)?.batches ?? [];
    expect(batch?.ended).toBe(501);
    expect(batch?.dots).toHaveLength(ANSWER_DOTS.answered + 1);
    expect(batch?.dots.filter(({ outcome }) => outcome === 'failed')).toHaveLength(1);
  });

  it('counts exactly, and puts latencies into bins of equal ratio', () => {
    const rig = new Rig();
    rig.deploy('a', 0, ['d1']);
    rig.tick(1_000);
    for (let request = 0; request < 100; request++) rig.end('a', request, 1_010, request < 99 ? 2.2 : 2_800);
    const [statistics] = rig.tick(2_100)?.statistics ?? [];
    expect(statistics).toMatchObject({ deployment: 'a', since: START + 1_000, answered: 100, failed: 0 });
    expect(statistics?.p50).toBeCloseTo(2.2, 1);
    const bins = statistics?.histogram ?? [];
    expect(bins.map(({ count }) => count)).toEqual([99, 1]);
    for (const [at, latency] of [2.2, 2_800].entries()) {
      const { from, to } = bins[at]!;
      expect(from).toBeLessThanOrEqual(latency);
      expect(to).toBeGreaterThan(latency);
      expect(to! / from).toBeCloseTo(10 ** 0.1, 3);
    }
  });

  it('counts waiting requests with their age, so that a stalled deployment does not look fast', () => {
    const rig = new Rig();
    rig.deploy('a', 8, ['d1']);
    rig.tick(1_000);
    for (let request = 0; request < 92; request++) rig.end('a', request, 1_010, 4);
    const now = (at: number, ages: readonly number[]) => {
      rig.ages = { a: ages };
      return rig.tick(at)?.statistics?.[0];
    };
    // Requests of an ordinary age change nothing.
    expect(now(2_100, [3, 5, 240])).toMatchObject({ atLeast: [], answered: 92 });
    const stalled = now(3_200, new Array(8).fill(2_800));
    expect(stalled).toMatchObject({ p95: 2_800, p99: 2_800, atLeast: ['p95', 'p99'], answered: 92 });
    expect(stalled?.p50).toBeCloseTo(4, 1);
    expect(stalled?.histogram.map(({ count }) => count)).toEqual([92]);
    // The stall ends: the ages are gone, and the answers count themselves.
    for (let request = 92; request < 100; request++) rig.end('a', request, 3_300, 2_900);
    expect(now(4_300, [])).toMatchObject({ atLeast: [], answered: 100 });
    rig.feed.injected('d1', { kind: 'kill' });
    const silent = now(5_400, [1_000, 1_000]);
    expect(silent).toMatchObject({ answered: 0, p50: 1_000, atLeast: ['p50', 'p95', 'p99'] });
  });

  it('counts the copies that a mirror did not get, since the start and since a fault', () => {
    const rig = new Rig();
    rig.deploy('a-uncoded', 8, ['d1']);
    rig.tick(1_000);
    rig.feed.skipped('a-uncoded');
    expect(rig.tick(2_100)?.statistics).toMatchObject([{ deployment: 'a-uncoded', skipped: 1 }]);
    rig.feed.injected('d1', { kind: 'kill' });
    for (let copy = 0; copy < 3; copy++) rig.feed.skipped('a-uncoded');
    expect(rig.impact('a-uncoded')).toMatchObject({ skipped: 3 });
    for (let request = 0; request < 9; request++)
      rig.end('a-uncoded', request, 4_000, request < 8 ? 2_000 : 5);
    // Final: copies that are skipped later have other reasons.
    rig.feed.skipped('a-uncoded');
    expect(rig.impact('a-uncoded')).toMatchObject({ skipped: 3, measuring: false });
    expect(rig.tick(5_100)?.statistics).toMatchObject([{ deployment: 'a-uncoded', skipped: 4 }]);
  });

  it('says that an answer survived only if parity replaced a shard of a failed device', () => {
    const rig = new Rig();
    rig.deploy('a', 0, ['d1', 'd2']);
    rig.feed.injected('d1', { kind: 'kill' });
    // It outran another device, which is only slow.
    rig.end('a', 1, 10, 5, { recovered: 1 });
    rig.end('a', 2, 20, 5, { recovered: 1, survivedFailure: true });
    rig.end('a', 3, 30, 5);
    const dots = rig.tick(100)?.batches[0]?.dots ?? [];
    expect(dots.map(({ survived }) => survived)).toEqual([false, true, false]);
  });

  it('reports an answer again when verification finds it wrong', () => {
    const rig = new Rig();
    rig.deploy('a', 0, ['d1']);
    rig.tick(1_000);
    rig.end('a', 1, 1_010, 5);
    rig.tick(1_100);
    rig.feed.foundWrong('a', 1);
    rig.feed.foundWrong('a', 1);
    const update = rig.tick(2_100);
    expect(update?.batches[0]).toMatchObject({ ended: 0, dots: [{ at: START + 1_010, outcome: 'wrong' }] });
    expect(update?.statistics?.[0]).toMatchObject({ answered: 0, wrong: 1 });
  });

  it('starts the statistics of all deployments over when one is added, and those of a device at its fault', () => {
    const rig = new Rig();
    rig.deploy('a', 0, ['d1']);
    rig.tick(1_000);
    rig.end('a', 1, 1_500, 5);
    rig.deploy('a-uncoded', 0, ['d1']);
    const both = rig.tick(2_000)?.statistics ?? [];
    expect(both.map(({ since, answered }) => [since, answered])).toEqual([
      [START + 2_000, 0],
      [START + 2_000, 0],
    ]);
    rig.deploy('other', 0, ['d9']);
    rig.tick(3_000);
    rig.now = 3_500;
    rig.feed.injected('d1', { kind: 'kill' });
    const since = rig.tick(4_000)?.statistics?.map((each) => [each.deployment, each.since - START]);
    expect(since).toEqual([
      ['a', 3_500],
      ['a-uncoded', 3_500],
      ['other', 3_000],
    ]);
  });
});

describe('a fault report', () => {
  it('follows exactly the requests in flight at the fault', () => {
    const rig = new Rig();
    rig.deploy('coded', 3, ['d1', 'd2'], [trace(1), trace(2), trace(3)]);
    rig.deploy('elsewhere', 5, ['d9']);
    rig.now = 100;
    rig.feed.injected('d1', { kind: 'kill' });
    expect(rig.feed.reports()).toMatchObject([
      {
        at: new Date(START + 100).toISOString(),
        device: 'd1',
        fault: { kind: 'kill' },
        measuring: true,
        deployments: [
          { deployment: 'coded', seated: true, inFlight: 3, waiting: 3, slowestMs: null },
          { deployment: 'elsewhere', seated: false, inFlight: 5, waiting: 5 },
        ],
      },
    ]);
    rig.end('coded', 1, 104, 6);
    rig.end('coded', 2, 110, 41);
    // Accepted after the fault, so it is not one of the three.
    rig.end('coded', 4, 111, 9);
    expect(rig.impact('coded')).toMatchObject({
      answered: 2,
      waiting: 1,
      answeringAgainMs: 10,
      measuring: true,
    });
    rig.end('coded', 3, 112, 30, { status: 'failed' });
    expect(rig.impact('coded')).toMatchObject({ waiting: 0, measuring: true });
    rig.end('coded', 5, 113, 2);
    rig.end('coded', 7, 1_113, 2);
    expect(rig.impact('coded')).toEqual({
      deployment: 'coded',
      seated: true,
      inFlight: 3,
      answered: 2,
      wrong: 0,
      failed: 1,
      canceled: 0,
      waiting: 0,
      slowestMs: 41,
      slowestRequest: 2,
      failedAfter: 0,
      wrongAfter: 0,
      skipped: 0,
      answeringAgainMs: 10,
      longestSilenceMs: 6,
      measuring: false,
    });
    expect(rig.feed.report(1)?.traces.coded?.request).toBe(2);
    expect(rig.feed.report(2)).toBeNull();
    // Final: later requests do not change it.
    rig.end('coded', 6, 1_500, 450);
    expect(rig.impact('coded')).toMatchObject({ slowestMs: 41 });
  });

  it('says how long a stalled deployment did not answer, and what failed meanwhile', () => {
    const rig = new Rig();
    rig.deploy('uncoded', 2, ['d1']);
    rig.now = 100;
    rig.feed.injected('d1', { kind: 'kill' });
    rig.end('uncoded', 1, 600, 510, { status: 'failed' });
    rig.end('uncoded', 3, 700, 400, { status: 'failed' });
    rig.tick(1_500);
    rig.end('uncoded', 2, 2_900, 2_810);
    expect(rig.impact('uncoded')).toMatchObject({
      answeringAgainMs: 2_800,
      longestSilenceMs: 2_800,
      measuring: true,
    });
    // It waited for others after the stall, so its latency is no silence.
    rig.end('uncoded', 4, 4_350, 2_900);
    expect(rig.impact('uncoded')).toMatchObject({
      answered: 1,
      failed: 1,
      failedAfter: 1,
      slowestMs: 2_810,
      answeringAgainMs: 2_800,
      measuring: false,
    });
  });

  it('does not take a failure, or one answer at the start, for the end of a silence', () => {
    const rig = new Rig();
    rig.deploy('coded', 3, ['d1', 'd2', 'd3']);
    rig.now = 100;
    rig.feed.injected('d1', { kind: 'kill' });
    rig.end('coded', 9, 146, 40);
    expect(rig.impact('coded')).toMatchObject({ answeringAgainMs: 46, longestSilenceMs: 46 });
    // Nothing more is answered. The requests that wait are known by their ages.
    rig.ages = { coded: [5_030, 4_950] };
    rig.tick(5_100);
    expect(rig.impact('coded')).toMatchObject({ answeringAgainMs: null, longestSilenceMs: 4_954 });
    for (const request of [1, 2, 3]) rig.end('coded', request, 10_090, 10_000, { status: 'failed' });
    rig.now = 12_000;
    expect(rig.impact('coded')).toMatchObject({
      waiting: 0,
      failed: 3,
      answeringAgainMs: null,
      longestSilenceMs: 11_854,
      measuring: true,
    });
    // It waited only for the last part of the silence.
    rig.end('coded', 10, 15_346, 5_330);
    const final = { answeringAgainMs: 15_246, longestSilenceMs: 15_200, measuring: false };
    expect(rig.impact('coded')).toMatchObject(final);
    rig.now = 60_000;
    expect(rig.impact('coded')).toMatchObject(final);
  });

  it('measures a stall that begins after answers that were on their way at the fault', () => {
    const rig = new Rig();
    rig.deploy('uncoded', 1, ['d1']);
    rig.now = 100;
    rig.feed.injected('d1', { kind: 'kill' });
    rig.end('uncoded', 1, 110, 20);
    rig.end('uncoded', 2, 120, 15);
    expect(rig.impact('uncoded')).toMatchObject({ answered: 1, waiting: 0, measuring: true });
    rig.end('uncoded', 3, 5_120, 5_000);
    const stall = { answeringAgainMs: 5_020, longestSilenceMs: 5_000, measuring: false };
    expect(rig.impact('uncoded')).toMatchObject(stall);
  });

  it('counts wrong answers to later requests until the next fault', () => {
    const rig = new Rig();
    rig.deploy('a', 1, ['d1', 'd2']);
    rig.tick(50);
    rig.end('a', 0, 60, 5);
    rig.now = 100;
    rig.feed.injected('d1', { kind: 'corrupt', probability: 1, amount: 1 });
    rig.end('a', 1, 105, 6);
    rig.end('a', 2, 110, 4);
    rig.end('a', 5, 1_110, 4);
    expect(rig.impact('a')).toMatchObject({ wrongAfter: 0, measuring: false });
    rig.end('a', 3, 1_120, 4, { corrupt: true });
    // Found after the answer: of a request before, in flight at, and after the fault.
    for (const request of [0, 1, 2]) rig.feed.foundWrong('a', request);
    expect(rig.impact('a')).toMatchObject({ answered: 0, wrong: 1, wrongAfter: 2 });
    expect(rig.tick(1_400)?.faults?.[0]?.deployments[0]).toMatchObject({ wrongAfter: 2 });
    rig.feed.injected('d2', { kind: 'kill' });
    rig.end('a', 4, 1_500, 4, { corrupt: true });
    expect(rig.feed.reports().map(({ deployments }) => deployments[0]?.wrongAfter)).toEqual([1, 2]);
  });

  it('counts the waits of requests that came after the fault and failed', () => {
    const rig = new Rig();
    rig.deploy('uncoded', 0, ['d1']);
    rig.deploy('short', 0, ['d1']);
    rig.now = 100;
    rig.feed.injected('d1', { kind: 'kill' });
    expect(rig.impact('uncoded')).toMatchObject({ longestSilenceMs: null });
    // Between two ticks.
    rig.end('short', 3, 400, 250, { status: 'failed' });
    rig.end('short', 4, 500, 50);
    expect(rig.impact('short')).toMatchObject({ answeringAgainMs: 400, longestSilenceMs: 350 });
    rig.deployments = rig.deployments.map((each) => ({ ...each, inFlight: 1 }));
    rig.ages = { uncoded: [4_800] };
    rig.tick(5_000);
    expect(rig.impact('uncoded')).toMatchObject({ answeringAgainMs: null, longestSilenceMs: 4_800 });
    rig.end('uncoded', 1, 10_200, 10_000, { status: 'failed' });
    rig.end('uncoded', 2, 10_500, 300);
    expect(rig.impact('uncoded')).toMatchObject({ answeringAgainMs: 10_400, longestSilenceMs: 10_300 });
  });

  it('adds up to the requests in flight even if requests of the same moment are taken for them', () => {
    const rig = new Rig();
    rig.deploy('a', 1, ['d1']);
    rig.now = 100;
    rig.feed.injected('d1', { kind: 'kill' });
    // Both seem to have been accepted at the fault; only one was in flight.
    rig.end('a', 1, 105, 5);
    rig.end('a', 2, 106, 6);
    expect(rig.impact('a')).toMatchObject({ inFlight: 1, answered: 1, waiting: 0, answeringAgainMs: 5 });
  });

  it('is final without requests in flight, once the deployment is idle or gone', () => {
    const rig = new Rig();
    rig.deploy('idle', 0, ['d1']);
    rig.deploy('gone', 1, ['d1']);
    rig.feed.injected('d1', { kind: 'kill' });
    rig.tick(500);
    expect(rig.feed.reports()[0]?.measuring).toBe(true);
    rig.deployments = rig.deployments.filter(({ name }) => name === 'idle');
    rig.tick(1_100);
    expect(rig.impact('idle')).toMatchObject({ measuring: false });
    // The data plane still ends each accepted request of a deleted deployment.
    expect(rig.impact('gone')).toMatchObject({ waiting: 1, measuring: true });
    rig.end('gone', 1, 1_150, 1_150, { status: 'canceled' });
    rig.tick(1_200);
    expect(rig.impact('gone')).toMatchObject({ canceled: 1, waiting: 0, measuring: false });
    expect(rig.feed.reports()[0]).toMatchObject({ measuring: false });
  });

  it('is one for a kill and the loss that follows', () => {
    const rig = new Rig();
    rig.deploy('a', 0, ['d1', 'd2']);
    rig.feed.injected('d1', { kind: 'kill' });
    rig.now = 50;
    rig.feed.noticed('d1', { kind: 'loss' });
    expect(rig.feed.reports()).toHaveLength(1);
    rig.feed.noticed('d2', { kind: 'loss' });
    expect(rig.feed.reports().map(({ device, fault }) => [device, fault.kind])).toEqual([
      ['d2', 'loss'],
      ['d1', 'kill'],
    ]);
  });
});
