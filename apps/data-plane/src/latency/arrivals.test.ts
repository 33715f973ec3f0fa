import type { SettledRequest } from '@sparewheel/coordinator';
import { describe, expect, it } from 'vitest';
import { ArrivalRecorder, openPercentiles } from './arrivals.ts';
import { LatencyHistogram } from './histogram.ts';

const START = Date.UTC(2026, 0, 1);
const immediately = (work: () => void) => work();

type Arrival = number | 'never' | 'called-off' | 'not asked';

/** A request of one layer over 2 + 1 devices, answered by any 2 of them. Times in ms after the scatter. */
function request(...arrivals: readonly Arrival[]): SettledRequest {
  const came = arrivals.filter((at) => typeof at === 'number').sort((a, b) => a - b);
  const doneMs = came[1] ?? 50;
  const program = {
    steps: [{ index: 0, id: 's0', kind: 'coded', plan: { dataShards: 2 }, feedSlots: [0], fetchSlots: [1] }],
    outputs: [{ slot: 1 }],
  } as unknown as SettledRequest['program'];
  const shards = arrivals.map((at, shard) => ({
    shard,
    device: at === 'not asked' ? null : `d${shard}`,
    sentAt: at === 'not asked' ? null : 0,
    answeredAt: typeof at === 'number' ? at : null,
    status: 'used' as const,
    ...(at === 'called-off' ? { calledOff: true as const } : {}),
  }));
  const steps = [{ step: 's0', kind: 'coded' as const, startedAt: 0, finishedAt: doneMs, shards }];
  return { program, trace: { request: 1, startedAt: 0, finishedAt: doneMs, steps } };
}

function recorded(...requests: readonly SettledRequest[]): ArrivalRecorder {
  const recorder = new ArrivalRecorder(START, immediately);
  for (const each of requests) recorder.settled(each);
  return recorder;
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
    const recorder = recorded(request(2, 4, 6), request(2, 'never', 6), request(2, 'not asked', 7));
    const { requests, unanswered, coded, uncoded } = recorder.comparison();
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

  it('restarts after startOver', () => {
    const recorder = recorded(request(2, 20, 4));
    recorder.startOver(START + 60_000);
    expect(recorder.comparison()).toMatchObject({ since: '2026-01-01T00:01:00.000Z', requests: 0 });
    expect(recorder.view('lenet5', START).devices).toEqual([]);
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
    const recorder = recorded(request(2, 20, 4));
    expect(recorder.view('lenet5', START).requests).toBe(1);
    recorder.settled(request(2, 20, 4));
    expect(recorder.view('lenet5', START + 999).requests).toBe(1);
    expect(recorder.view('lenet5', START + 1_000).requests).toBe(2);
    recorder.startOver(START + 1_001);
    expect(recorder.view('lenet5', START + 1_002).requests).toBe(0);
  });

  it('are processed later, with a bounded queue', () => {
    const later: (() => void)[] = [];
    const recorder = new ArrivalRecorder(START, (work) => later.push(work));
    recorder.settled(request(2, 20, 4));
    recorder.settled(request(2, 20, 4));
    expect(recorder.comparison().requests).toBe(0);
    expect(later).toHaveLength(1);
    later[0]!();
    expect(recorder.comparison().requests).toBe(2);
    for (let each = 0; each < 1_025; each++) recorder.settled(request(2, 20, 4));
    expect(recorder.comparison().requests).toBe(2 + 1_024);
  });
});
