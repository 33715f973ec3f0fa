import type { RequestOutcome } from '@sparewheel/coordinator';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseEdges } from './edges.ts';
import { LatencyHistogram } from './histogram.ts';
import { LatencyRecorder, Throughput } from './recorder.ts';

const START = Date.UTC(2026, 0, 1);

function outcome(overrides: Partial<RequestOutcome> = {}): RequestOutcome {
  return {
    request: 1,
    status: 'answered',
    latencyMs: 2,
    recovered: 0,
    rescued: 0,
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

describe('windows', () => {
  it('separate latencies before and after the last fault', () => {
    const { world, recorder: recording } = recorder();
    recording.finished(outcome({ latencyMs: 1 }));
    expect(recording.view()).toMatchObject({ lastFault: null, beforeFault: null, afterFault: null });
    world.now += 10_000;
    recording.fault('pi-1', 'pi-1 is killed');
    recording.finished(outcome({ latencyMs: 5 }));
    recording.finished(outcome({ latencyMs: 7 }));
    const { beforeFault, afterFault, lastFault, percentiles } = recording.view();
    expect(lastFault).toEqual({ at: new Date(START + 10_000).toISOString(), description: 'pi-1 is killed' });
    expect(beforeFault).toMatchObject({
      since: new Date(START).toISOString(),
      percentiles: { count: 1, max: 1 },
    });
    expect(afterFault).toMatchObject({ percentiles: { count: 2 } });
    expect(percentiles.count).toBe(3);
  });

  it('treat a kill, the following loss and a simultaneous kill as one fault', () => {
    const { world, recorder: recording } = recorder();
    recording.finished(outcome());
    recording.fault('pi-1', 'pi-1 is killed');
    world.now += 5;
    recording.fault('pi-1', 'pi-1 lost: its connection broke');
    recording.fault('pi-2', 'pi-2 is killed');
    const view = recording.view();
    expect(view.lastFault!.description).toBe('pi-1 is killed, pi-2 is killed');
    expect(view.beforeFault!.percentiles.count).toBe(1);
    world.now += 60_000;
    recording.fault('pi-1', 'pi-1 is killed');
    expect(recording.view().lastFault!.description).toBe('pi-1 is killed');
  });

  it('use the same bins before and after the fault', () => {
    const { world, recorder: recording } = recorder();
    for (let at = 0; at < 100; at++) recording.finished(outcome({ latencyMs: 2 + at / 100 }));
    world.now += 60_000;
    recording.fault('pi-1', 'killed');
    for (let at = 0; at < 100; at++) recording.finished(outcome({ latencyMs: 3 + at / 50 }));
    const { histogram, beforeFault, afterFault } = recording.view();
    const edges = (bins: readonly { from: number }[]) => bins.map(({ from }) => from);
    expect(edges(beforeFault!.histogram)).toEqual(edges(histogram));
    expect(edges(afterFault!.histogram)).toEqual(edges(histogram));
  });

  it('are empty after a reset, which keeps the counts', () => {
    const { recorder: recording } = recorder();
    recording.accepted();
    recording.finished(outcome());
    recording.fault('pi-1', 'killed');
    recording.reset();
    expect(recording.view()).toMatchObject({
      lastFault: null,
      beforeFault: null,
      percentiles: { count: 0 },
      counts: { requests: 1, answered: 1, lost: 0 },
    });
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
