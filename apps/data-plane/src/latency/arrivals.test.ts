import type { SettledRequest, ShardTrace } from '@sparewheel/coordinator';
import { describe, expect, it } from 'vitest';
import { ArrivalRecorder } from './arrivals.ts';
import { LatencyHistogram } from './histogram.ts';
import { openPercentiles, RuleComparison } from './rule-comparison.ts';

const START = Date.UTC(2026, 0, 1);
const immediately = (work: () => void) => work();

type Arrival = number | 'never' | 'called-off' | 'not asked';

/** A request of one layer over 2 + 1 devices, answered by any 2 of them. Times in ms after the scatter. */
function request(...arrivals: readonly Arrival[]): SettledRequest {
  return traced(arrivals);
}

/** A request that awaits all its answers. */
function sampled(...arrivals: readonly Arrival[]): SettledRequest {
  const { program, trace } = traced(arrivals);
  return { program, trace: { ...trace, sampled: true } };
}

function traced(arrivals: readonly Arrival[]): SettledRequest {
  const came = arrivals.filter((at) => typeof at === 'number').sort((a, b) => a - b);
  const doneMs = came[1] ?? 50;
  const program = {
    steps: [{ index: 0, id: 's0', kind: 'coded', plan: { dataShards: 2 }, feedSlots: [0], fetchSlots: [1] }],
    outputs: [{ slot: 1 }],
  } as unknown as SettledRequest['program'];
  const shards = arrivals.map(
    (at, shard): ShardTrace => ({
      shard,
      device: at === 'not asked' ? null : `d${shard}`,
      sentAt: at === 'not asked' ? null : 0,
      answeredAt: typeof at === 'number' ? at : null,
      status: typeof at === 'number' && at <= doneMs ? 'used' : shard < 2 ? 'recovered' : 'missing',
      ...(at === 'never' || at === 'not asked' ? { failed: true as const } : {}),
      ...(at === 'called-off' ? { calledOff: true as const } : {}),
    }),
  );
  const steps = [{ step: 's0', kind: 'coded' as const, startedAt: 0, finishedAt: doneMs, shards }];
  return { program, trace: { request: 1, startedAt: 0, finishedAt: doneMs, steps } };
}

function recording() {
  const comparison = new RuleComparison(START);
  const recorder = new ArrivalRecorder(START, comparison, immediately);
  const settled = (each: SettledRequest) => recorder.settled(each, comparison);
  return { recorder, settled, comparison: () => comparison.view() };
}

function recorded(...requests: readonly SettledRequest[]) {
  const all = recording();
  for (const each of requests) all.settled(each);
  return { ...all, view: all.recorder.view.bind(all.recorder) };
}

describe('the comparison of coded and uncoded', () => {
  it('applies both rules to the same requests', () => {
    // An uncoded system waits for d1, the straggler of the first two requests. In the third, the parity is
    // last.
    const comparison = recorded(request(2, 20, 4), request(3, 30, 5), request(1, 6, 9)).comparison();
    expect(comparison).toMatchObject({
      since: '2026-01-01T00:00:00.000Z',
      requests: 3,
      unanswered: 0,
      calledOff: 0,
    });
    expect(comparison.coded.percentiles).toMatchObject({ count: 3, p50: 5, max: 6, mean: 5 });
    expect(comparison.uncoded.percentiles).toMatchObject({ count: 3, p50: 20, max: 30 });
    expect(comparison.uncoded.percentiles.mean).toBeCloseTo((20 + 30 + 6) / 3, 9);
    const edges = (histogram: readonly { from: number }[]) => histogram.map(({ from }) => from);
    expect(edges(comparison.coded.histogram)).toEqual(edges(comparison.uncoded.histogram));
    expect(comparison.uncoded.histogram.reduce((sum, { count }) => sum + count, 0)).toBe(3);
  });

  it('counts requests that an uncoded system cannot answer, without guessing their latency', () => {
    const { comparison } = recorded(request(2, 4, 6), request(2, 'never', 6), request(2, 'not asked', 7));
    const { requests, unanswered, coded, uncoded } = comparison();
    expect({ requests, unanswered }).toEqual({ requests: 3, unanswered: 2 });
    expect(coded.percentiles).toMatchObject({ count: 3, max: 7 });
    // Two of three have no uncoded answer, so there is no median and no mean.
    expect(uncoded.percentiles).toMatchObject({
      count: 1,
      p50: null,
      p99: null,
      max: null,
      mean: null,
      sd: null,
    });
  });

  it('excludes canceled requests from both and counts them', () => {
    const { requests, calledOff, coded } = recorded(
      request(2, 'called-off', 4),
      request(2, 3, 4),
    ).comparison();
    expect({ requests, calledOff, coded: coded.percentiles.count }).toEqual({
      requests: 1,
      calledOff: 1,
      coded: 1,
    });
  });

  it('ranks unanswered requests above all others', () => {
    const histogram = new LatencyHistogram();
    for (let at = 1; at <= 90; at++) histogram.record(at / 100);
    expect(openPercentiles(histogram, 10)).toMatchObject({
      count: 90,
      p50: 0.5,
      p90: 0.9,
      p95: null,
      max: null,
    });
    expect(openPercentiles(histogram, 0)).toEqual(histogram.percentiles());
    expect(openPercentiles(new LatencyHistogram(), 3)).toMatchObject({ count: 0, p50: null });
  });

  it('restarts with a period; requests of the period before do not count in it', () => {
    const { recorder, settled, comparison } = recorded(request(2, 20, 4));
    const next = new RuleComparison(START + 60_000);
    recorder.startOver(START + 60_000, next);
    settled(request(2, 30, 4));
    expect(next.view()).toMatchObject({ since: '2026-01-01T00:01:00.000Z', requests: 0 });
    expect(comparison().requests).toBe(2);
    expect(recorder.view('lenet5', START).devices).toEqual([]);
  });

  it('covers only sampled requests if answers of others were canceled', () => {
    // d1 needs 20 ms or 60 ms. The coordinator cancels the slow answers, except for every fourth request.
    const load = Array.from({ length: 40 }, (_, at) => {
      const slow = at % 2 === 1;
      if (at % 4 < 2) return sampled(2, slow ? 60 : 20, 4);
      return slow ? request(2, 'called-off', 4) : request(2, 20, 4);
    });
    const { requests, sampleOf, calledOff, uncoded } = recorded(...load).comparison();
    expect({ requests, sampleOf, calledOff }).toEqual({ requests: 20, sampleOf: 40, calledOff: 0 });
    expect(uncoded.percentiles.mean).toBeCloseTo(40, 9);
    // Without the samples, the canceled answers are missing and the mean is too small.
    const biased = recorded(
      ...load.map(({ program, trace: { sampled: _, ...trace } }) => ({ program, trace })),
    );
    expect(biased.comparison()).toMatchObject({ sampleOf: null, calledOff: 10 });
    expect(biased.comparison().uncoded.percentiles.mean).toBeLessThan(35);
  });
});

describe('failed devices', () => {
  it('are survived; slow and busy devices are outrun', () => {
    const { recorder, settled } = recording();
    settled(request(2, 20, 4));
    settled(request(2, 'called-off', 4));
    expect(recorder.survived).toBe(0);
    settled(request(2, 'never', 4));
    settled(request(2, 'not asked', 4));
    expect(recorder.survived).toBe(2);
    // A failed parity device costs nothing: no data shard is decoded.
    settled(request(2, 4, 'never'));
    expect(recorder.survived).toBe(2);
  });

  it('are survived also by warm-up requests, whose latency is not counted', () => {
    const { recorder } = recording();
    recorder.settled(request(2, 'never', 4), null);
    expect(recorder.survived).toBe(1);
    expect(recorder.byFailedDevices).toEqual([]);
  });

  it('divide the latencies by their number', () => {
    const { recorder, settled } = recording();
    for (const each of [request(2, 3, 9), request(2, 3, 9), request(5, 'never', 8)]) settled(each);
    expect(recorder.byFailedDevices).toMatchObject([
      { failed: 0, percentiles: { count: 2, max: 3 } },
      { failed: 1, percentiles: { count: 1, max: 8 } },
    ]);
  });
});

describe('the arrivals per device', () => {
  it('are counted in their bins, with the last and the missed answers', () => {
    const recorder = recorded(
      request(2.5, 20.5, 4.5),
      request(3.5, 5.5, 30.5),
      request(3.5, 'never', 4.5),
      request(6.5, 'called-off', 7.5),
    );
    const { edges, requests, devices } = recorder.view('lenet5', START);
    expect(requests).toBe(4);
    const [d0, d1, d2] = devices;
    expect(d0).toMatchObject({
      device: 'd0',
      roles: ['data'],
      asked: 4,
      answered: 4,
      dataSteps: 4,
      last: 0,
      notIn: 0,
    });
    // d1 is the last in the first two requests. It is missed in the first one and where it does not answer.
    expect(d1).toMatchObject({ asked: 4, answered: 2, calledOff: 1, dataSteps: 4, last: 2, notIn: 3 });
    expect(d2).toMatchObject({ roles: ['parity'], asked: 4, answered: 4, dataSteps: 0, last: 0, notIn: 0 });
    expect(d2!.percentiles.p50 / 4.5).toBeCloseTo(1, 2);
    for (const [device, times] of [
      [d0!, [2.5, 3.5, 3.5, 6.5]],
      [d1!, [20.5, 5.5]],
      [d2!, [4.5, 30.5, 4.5, 7.5]],
    ] as const) {
      const expected = edges.map(
        (from, bin) =>
          times.filter((ms) => ms >= from && ms < (edges[bin + 1] ?? Number.POSITIVE_INFINITY)).length,
      );
      expect(device.counts).toEqual(expected);
    }
  });

  it('are computed once a second, and again after startOver', () => {
    const { recorder, settled } = recorded(request(2, 20, 4));
    expect(recorder.view('lenet5', START).requests).toBe(1);
    settled(request(2, 20, 4));
    expect(recorder.view('lenet5', START + 999).requests).toBe(1);
    expect(recorder.view('lenet5', START + 1_000).requests).toBe(2);
    recorder.startOver(START + 1_001, new RuleComparison(START));
    expect(recorder.view('lenet5', START + 1_002).requests).toBe(0);
  });

  it('are processed later, with a bounded queue', () => {
    const later: (() => void)[] = [];
    const comparison = new RuleComparison(START);
    const recorder = new ArrivalRecorder(START, comparison, (work) => later.push(work));
    const settle = () => recorder.settled(request(2, 20, 4), comparison);
    settle();
    settle();
    expect(comparison.view().requests).toBe(0);
    expect(later).toHaveLength(1);
    later[0]!();
    expect(comparison.view().requests).toBe(2);
    for (let each = 0; each < 1_025; each++) settle();
    expect(comparison.view().requests).toBe(2 + 1_024);
  });
});
