import type { RequestOutcome, SettledRequest, ShardTrace } from '@sparewheel/coordinator';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseEdges, isLogarithmic } from './edges.ts';
import { LatencyHistogram } from './histogram.ts';
import { WARM_UP_REQUESTS } from './periods.ts';
import { LatencyRecorder, Throughput } from './recorder.ts';

const START = Date.UTC(2026, 0, 1);

function outcome(overrides: Partial<RequestOutcome> = {}): RequestOutcome {
  return {
    request: 1,
    status: 'answered',
    latencyMs: 2,
    recovered: 0,
    rescued: 0,
    survivedFailure: false,
    corrupt: false,
    error: null,
    ...overrides,
  };
}

/** A recorder with a clock and a coordinator under the control of the test. */
function recorder() {
  const world = { now: START, inFlight: 0, late: 0, corrupt: 0 };
  return {
    world,
    recorder: new LatencyRecorder(
      'lenet5',
      () => world.now,
      () => ({ ...world }),
      (work) => work(),
    ),
  };
}

describe('durations', () => {
  it('count the latencies up to each limit, in seconds, for any latencies', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 100_000, noNaN: true })), (latencies) => {
        const { recorder: recording } = recorder();
        for (const latencyMs of latencies) {
          recording.accepted();
          recording.finished(outcome({ latencyMs }));
        }
        const { buckets, count, sumSeconds } = recording.durations();
        expect(count).toBe(latencies.length);
        expect(sumSeconds).toBeCloseTo(
          latencies.reduce((sum, ms) => sum + ms / 1000, 0),
          1,
        );
        for (const { leSeconds, count } of buckets) {
          // The histogram keeps three digits.
          const upTo = (factor: number) => latencies.filter((ms) => ms / 1000 <= leSeconds * factor).length;
          expect(count).toBeGreaterThanOrEqual(upTo(0.998));
          expect(count).toBeLessThanOrEqual(upTo(1.002));
        }
      }),
    );
  });

  it('begin again after a reset, while the counts stay', () => {
    const { recorder: recording } = recorder();
    recording.accepted();
    recording.finished(outcome());
    recording.reset();
    expect(recording.durations()).toMatchObject({ count: 0, sumSeconds: 0 });
    expect(recording.counts().answered).toBe(1);
  });
});

describe('counts', () => {
  it('report no lost request for any sequence of events', () => {
    const events = fc.array(fc.constantFrom('accept', 'answered', 'failed', 'canceled', 'refuse'), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(events, (sequence) => {
        const { world, recorder: recording } = recorder();
        for (const event of sequence) {
          if (event === 'accept') {
            recording.accepted();
            world.inFlight++;
          } else if (event === 'refuse') {
            recording.accepted();
            recording.rejected();
          } else if (world.inFlight > 0) {
            world.inFlight--;
            recording.finished(outcome({ status: event }));
          }
          expect(recording.counts()).toMatchObject({ lost: 0, inFlight: world.inFlight });
        }
      }),
    );
  });

  it('report a request as lost that leaves the coordinator without an outcome', () => {
    const { world, recorder: recording } = recorder();
    recording.accepted();
    world.inFlight = 1;
    expect(recording.counts()).toMatchObject({ requests: 1, inFlight: 1, lost: 0 });
    world.inFlight = 0;
    expect(recording.counts()).toMatchObject({ requests: 1, inFlight: 0, lost: 1 });
  });

  it('include requests with recovered shards, and the shards', () => {
    const { recorder: recording } = recorder();
    for (const recovered of [0, 1, 2]) {
      recording.accepted();
      recording.finished(outcome({ recovered, rescued: recovered }));
    }
    expect(recording.counts()).toMatchObject({ answered: 3, recovered: 2, recoveredShards: 3, rescued: 2 });
  });

  it('stay consistent when the plan changes while a request is queued', () => {
    const { recorder: recording } = recorder();
    recording.accepted();
    recording.finished(outcome({ status: 'failed', error: { code: 'invalid-feeds', message: '' } }));
    recording.rejected();
    expect(recording.counts()).toMatchObject({ requests: 1, failed: 1, lost: 0 });
  });
});

describe('recovered requests', () => {
  it('outran a slow device, until a device has failed', () => {
    const { recorder: recording } = recorder();
    for (const id of [1, 2]) {
      recording.accepted();
      recording.finished(outcome({ request: id, recovered: 1 }));
    }
    expect(recording.counts()).toMatchObject({ recovered: 2, outran: 2, survived: 0 });
    recording.settled(settledWith({ failed: true }, 2));
    expect(recording.counts()).toMatchObject({ recovered: 2, outran: 1, survived: 1 });
    recording.settled(settledWith({}, 1));
    expect(recording.counts()).toMatchObject({ recovered: 2, outran: 1, survived: 1 });
  });
});

/** A settled request of one layer over 1 + 1 devices, whose data shard was decoded. */
function settledWith(change: Partial<ShardTrace>, request: number): SettledRequest {
  const shard = { device: 'd', sentAt: 0, answeredAt: null, status: 'recovered' as const };
  const shards = [
    { ...shard, shard: 0, ...change },
    { ...shard, shard: 1, answeredAt: 1, status: 'used' as const },
  ];
  const step = { step: 's0', kind: 'coded' as const, startedAt: 0, finishedAt: 1, shards };
  const program = {
    steps: [{ index: 0, id: 's0', kind: 'coded', plan: { dataShards: 1 }, feedSlots: [0], fetchSlots: [1] }],
    outputs: [{ slot: 1 }],
  } as unknown as SettledRequest['program'];
  return { program, trace: { request, startedAt: 0, finishedAt: 1, steps: [step] } };
}

describe('periods', () => {
  const KILL = { cause: 'fault', text: 'pi-1 is killed', condition: 'pi-1 killed' } as const;
  const POLICY = { cause: 'policy', text: 'the policy is changed', condition: 'healthy' } as const;

  /** A recorder after its warm-up. */
  function warm() {
    const { world, recorder: recording } = recorder();
    let request = 100;
    const answer = (latencyMs: number, count = 1) => {
      for (let each = 0; each < count; each++) recording.finished(outcome({ request: request++, latencyMs }));
    };
    answer(50, WARM_UP_REQUESTS);
    return { world, recording, answer };
  }

  it('exclude and count warm-up requests', () => {
    const { world, recording, answer } = warm();
    answer(1);
    expect(recording.view().periods).toMatchObject([
      { name: 'healthy', warmUp: WARM_UP_REQUESTS, percentiles: { count: 1, max: 1 } },
    ]);
    // After a fault, the first requests show its effect. They are counted.
    recording.changed(KILL);
    answer(9);
    expect(recording.view().periods[0]).toMatchObject({ warmUp: 0, percentiles: { count: 1, max: 9 } });
    recording.changed({ cause: 'plan', text: 'a new plan serves', condition: 'healthy' });
    world.now += 1_000;
    answer(30, WARM_UP_REQUESTS + 1);
    expect(recording.view().periods[0]).toMatchObject({
      warmUp: WARM_UP_REQUESTS,
      percentiles: { count: 1 },
    });
  });

  it('begin at each change, and name what they compare', () => {
    const { world, recording, answer } = warm();
    answer(1);
    world.now += 10_000;
    recording.changed(KILL);
    answer(5);
    world.now += 5_000;
    recording.changed({ cause: 'redistribution', text: 'pi-9 takes seat 1 over', condition: 'healthy' });
    world.now += 10;
    answer(2);
    const { periods, lastFault, changes } = recording.view();
    expect(periods).toMatchObject([
      { name: 'healthy', cause: 'redistribution', until: null, percentiles: { max: 2 } },
      {
        name: 'pi-1 killed',
        since: new Date(START + 10_000).toISOString(),
        until: new Date(START + 15_000).toISOString(),
        percentiles: { count: 1, max: 5 },
      },
      { name: 'healthy', since: new Date(START).toISOString(), percentiles: { count: 1, max: 1 } },
    ]);
    expect(lastFault).toEqual({ at: new Date(START + 10_000).toISOString(), description: 'pi-1 is killed' });
    expect(changes.map(({ text }) => text)).toEqual(['pi-9 takes seat 1 over', 'pi-1 is killed']);
  });

  it('treat two simultaneous kills as one fault, and a later one as another', () => {
    const { world, recording, answer } = warm();
    answer(1);
    recording.changed(KILL);
    world.now += 5;
    recording.changed({ cause: 'fault', text: 'pi-2 is killed', condition: 'pi-1 killed, pi-2 killed' });
    answer(1);
    expect(recording.view()).toMatchObject({
      lastFault: { description: 'pi-1 is killed, pi-2 is killed' },
      periods: [{ name: 'pi-1 killed, pi-2 killed' }, { name: 'healthy' }],
    });
    world.now += 60_000;
    recording.changed({ cause: 'fault', text: 'pi-3 is killed', condition: 'pi-3 killed' });
    expect(recording.view().lastFault!.description).toBe('pi-3 is killed');
  });

  it('count a request in flight with its policy, but after a fault that hit it', () => {
    const { world, recording, answer } = warm();
    answer(1);
    world.now += 1_000;
    recording.changed(POLICY);
    world.now += 2;
    answer(8);
    expect(recording.view().periods.map(({ percentiles }) => percentiles.count)).toEqual([0, 2]);
    answer(1);
    world.now += 1_000;
    recording.changed(KILL);
    world.now += 2;
    answer(8);
    expect(recording.view().periods[0]).toMatchObject({ name: 'pi-1 killed', percentiles: { count: 1 } });
    // A request in flight at the return of the device was sent without it.
    world.now += 1_000;
    recording.changed({ cause: 'revival', text: 'pi-1 answers again', condition: 'healthy' });
    world.now += 2;
    answer(8);
    expect(recording.view().periods.map(({ name, percentiles }) => [name, percentiles.count])).toEqual([
      ['healthy', 0],
      ['pi-1 killed', 2],
      ['healthy', 1],
    ]);
  });

  it('count a request that was in flight before a period without requests', () => {
    const { world, recording, answer } = warm();
    world.now += 1_000;
    recording.changed(KILL);
    world.now += 1_000;
    recording.changed({ cause: 'revival', text: 'pi-1 answers again', condition: 'healthy' });
    world.now += 2;
    answer(8);
    expect(recording.view().periods.map(({ name }) => name)).toEqual(['healthy', 'pi-1 killed']);
  });

  it('fit on one axis with their percentiles, however few requests they have', () => {
    const { world, recording, answer } = warm();
    answer(2, 5_000);
    world.now += 60_000;
    recording.changed(KILL);
    answer(1_010, 20);
    const { histogram, periods } = recording.view();
    const edges = (bins: readonly { from: number }[]) => bins.map(({ from }) => from);
    for (const period of periods) expect(edges(period.histogram)).toEqual(edges(histogram));
    expect(histogram.at(-1)!.from).toBeGreaterThan(periods[0]!.percentiles.p99);
  });

  it('are empty after a reset, which keeps the counts', () => {
    const { recording } = warm();
    recording.accepted();
    recording.finished(outcome());
    recording.changed(KILL);
    recording.reset();
    const view = recording.view();
    expect(view).toMatchObject({ lastFault: null, percentiles: { count: 0 }, changes: [] });
    expect(view.counts.answered).toBe(WARM_UP_REQUESTS + 1);
    // The fault lasts, so the period keeps its name.
    expect(view.periods).toMatchObject([{ name: 'pi-1 killed', percentiles: { count: 0 } }]);
  });
});

describe('wrong answers', () => {
  it('are listed by request, with their devices and whether a caller got them', () => {
    const { recorder: recording } = recorder();
    const report = { kind: 'corruption', deployment: 'lenet5', residual: 1, threshold: 0 } as const;
    recording.wrongAnswer({ ...report, step: 's1', request: 7, faultyDevices: [], answeredWrong: false });
    recording.wrongAnswer({ ...report, step: 's2', request: 7, faultyDevices: ['d1'], answeredWrong: true });
    recording.wrongAnswer({ ...report, step: 's1', request: 8, faultyDevices: ['d1'], answeredWrong: false });
    expect(recording.view().wrongAnswers).toMatchObject([
      { request: 8, devices: ['d1'], given: false },
      { request: 7, steps: ['s1', 's2'], devices: ['d1'], given: true },
    ]);
    for (let request = 0; request < 100; request++) {
      recording.wrongAnswer({ ...report, step: 's1', request, faultyDevices: [], answeredWrong: false });
    }
    expect(recording.view().wrongAnswers).toHaveLength(20);
  });
});

describe('the histogram', () => {
  const latencies = fc.array(fc.double({ min: 0.001, max: 60_000, noNaN: true }), {
    minLength: 1,
    maxLength: 300,
  });

  it('has percentiles within 0.1 % and a microsecond of the sorted values', () => {
    fc.assert(
      fc.property(latencies, fc.constantFrom(0.5, 0.9, 0.95, 0.99, 0.999), (values, fraction) => {
        const histogram = new LatencyHistogram();
        for (const value of values) histogram.record(value);
        const sorted = [...values].sort((a, b) => a - b);
        const exact = sorted[Math.ceil(fraction * sorted.length - 1e-9) - 1]!;
        expect(Math.abs(histogram.valuesAt([fraction])[0]! - exact)).toBeLessThanOrEqual(
          0.001 * exact + 0.001,
        );
      }),
    );
  });

  it('has the exact mean and standard deviation', () => {
    const histogram = new LatencyHistogram();
    for (const value of [2, 4, 4, 4, 5, 5, 7, 9]) histogram.record(value);
    expect(histogram.percentiles()).toMatchObject({ max: 9, mean: 5 });
    expect(histogram.percentiles().sd).toBeCloseTo(2, 9);
  });

  it('counts every value in exactly one bin', () => {
    fc.assert(
      fc.property(latencies, (values) => {
        const histogram = new LatencyHistogram();
        for (const value of values) histogram.record(value);
        const bins = histogram.bins(chooseEdges(null, [histogram]));
        expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(values.length);
        expect(bins[0]!.from).toBe(0);
        const beyond = bins.at(-1)!.count;
        expect(beyond).toBeLessThanOrEqual(Math.ceil(0.01 * values.length));
        expect(bins.at(-1)!.to).toBeNull();
        for (const [at, { to }] of bins.slice(0, -1).entries()) expect(to).toBe(bins[at + 1]!.from);
      }),
    );
  });

  it('keeps its bins until the data outgrow the axis', () => {
    const histogram = new LatencyHistogram();
    for (let at = 0; at < 1000; at++) histogram.record(2 + (at % 100) / 100);
    const edges = chooseEdges(null, [histogram]);
    for (let at = 0; at < 1000; at++) histogram.record(2.2 + (at % 100) / 100);
    expect(chooseEdges(edges, [histogram])).toBe(edges);
    for (let at = 0; at < 5000; at++) histogram.record(40);
    const wider = chooseEdges(edges, [histogram]);
    expect(wider.at(-1)).toBeGreaterThan(40);
  });

  it('starts near the data if they are narrow and far from zero', () => {
    const histogram = new LatencyHistogram();
    for (let at = 0; at < 1000; at++) histogram.record(50 + (at % 100) / 50);
    const [zero, start] = chooseEdges(null, [histogram]);
    expect(zero).toBe(0);
    expect(start).toBeGreaterThan(40);
  });

  it('has a logarithmic axis if the slowest is more than 20 times the fastest', () => {
    const histogram = new LatencyHistogram();
    for (let at = 0; at < 100; at++) histogram.record(2 + at / 100);
    const linear = chooseEdges(null, [histogram]);
    expect(isLogarithmic(linear)).toBe(false);
    for (let at = 0; at < 10; at++) histogram.record(1_010);
    const edges = chooseEdges(linear, [histogram]);
    expect(isLogarithmic(edges)).toBe(true);
    expect(edges.at(-1)).toBeGreaterThan(1_010);
    const ratios = edges.slice(2).map((edge, at) => edge / edges[at + 1]!);
    for (const ratio of ratios) expect(ratio).toBeCloseTo(ratios[0]!, 6);
    // The axis stays while the data fit on it.
    expect(chooseEdges(edges, [histogram])).toBe(edges);
  });

  it('counts times beyond its range as the longest', () => {
    const histogram = new LatencyHistogram();
    histogram.record(1e12);
    expect(histogram.percentiles()).toMatchObject({ count: 1 });
  });
});

describe('throughput', () => {
  it('returns the last complete seconds, oldest first', () => {
    const throughput = new Throughput(4, 0);
    for (const at of [100, 200, 1_100, 2_100, 2_200, 2_300]) throughput.record(at);
    expect(throughput.lastSeconds(3_500)).toEqual([2, 1, 3]);
    expect(throughput.lastSeconds(4_500)).toEqual([1, 3, 0]);
    expect(throughput.lastSeconds(60_000)).toEqual([0, 0, 0]);
  });
});
