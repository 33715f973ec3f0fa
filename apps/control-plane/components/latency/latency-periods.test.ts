import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { latency, percentiles, period } from '../testing/view-fixtures.ts';
import { periodComparison } from './latency-periods.ts';
import { niceCeiling, shareBins } from './share-bins.ts';

const timeOf = (at: string) => at.slice(11, 19);
const bins = (counts: number[], width = 1, from = 0) =>
  counts.map((count, index) => ({
    from: index === 0 ? 0 : from + index * width,
    to: index === counts.length - 1 ? null : from + (index + 1) * width,
    count,
  }));
const series = (histogram: ReturnType<typeof bins>) => ({
  key: 'since' as const,
  label: 'all',
  percentiles: percentiles(),
  histogram,
});

describe('the latencies of periods', () => {
  const before = period({
    id: 2,
    until: '2026-01-01T14:03:21Z',
    warmUp: 12,
    percentiles: percentiles({ p50: 4 }),
    histogram: bins([1, 3, 0, 0]),
  });
  const since = period({
    id: 5,
    name: 'local-4 killed',
    since: '2026-01-01T14:03:21Z',
    percentiles: percentiles({ p50: 5 }),
    histogram: bins([0, 0, 1, 1]),
  });
  const view = latency({ histogram: bins([1, 3, 1, 1]), periods: [since, before] });

  it('are on one axis, and the periods are named', () => {
    const compared = periodComparison(view, null, timeOf);
    expect(compared.rows.map(({ key, label }) => [key, label])).toEqual([
      ['before', 'healthy, 14:02:10 to 14:03:21'],
      ['since', 'local-4 killed, since 14:03:21'],
    ]);
    expect(compared.bins).toEqual([
      { from: 0, to: 1, shares: [25, 0] },
      { from: 1, to: 2, shares: [75, 0] },
      { from: 2, to: 3, shares: [0, 50] },
    ]);
    expect(compared).toMatchObject({ startMs: 0, endMs: 3, topPercent: 80, beyond: [0, 50], never: [0, 0] });
  });

  it('do not count warm-up requests, and say so', () => {
    expect(periodComparison(view, null, timeOf).note).toBe('12 warm-up requests not counted');
    expect(periodComparison(latency({ periods: [since] }), null, timeOf).note).toBeNull();
    const cold = latency({ periods: [period({ warmUp: 1, percentiles: percentiles({ count: 0 }) })] });
    expect(periodComparison(cold, null, timeOf)).toMatchObject({
      rows: [],
      note: '1 warm-up request not counted',
    });
  });

  it('can be compared with an older period, while it is known', () => {
    const older = period({ id: 1, name: 'local-2 delay 50 ms', until: '2026-01-01T14:02:10Z' });
    const three = { ...view, periods: [since, before, older] };
    const names = (chosen: number | null) =>
      periodComparison(three, chosen, timeOf).rows.map(({ label }) => label.split(',')[0]);
    expect(names(null)).toEqual(['healthy', 'local-4 killed']);
    expect(names(1)).toEqual(['local-2 delay 50 ms', 'local-4 killed']);
    expect(names(99)).toEqual(['healthy', 'local-4 killed']);
  });

  it('are empty before the first request', () => {
    expect(periodComparison(null, null, timeOf).rows).toEqual([]);
    const none = latency({ periods: [period({ percentiles: percentiles({ count: 0 }) })] });
    expect(periodComparison(none, null, timeOf).rows).toEqual([]);
  });
});

describe('shares', () => {
  it('sum to 100 % with the requests beyond the axis and those without an answer', () => {
    const counts = fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 3, maxLength: 60 });
    fc.assert(
      fc.property(counts, fc.nat(40), fc.nat(100), (list, start, unanswered) => {
        const histogram = bins(
          list.map((count) => count + 1),
          0.5,
          start,
        );
        const held = histogram.reduce((sum, { count }) => sum + count, 0);
        const drawn = shareBins(histogram, [{ ...series(histogram), total: held + unanswered }]);
        const onAxis = drawn.bins.reduce((sum, bin) => sum + bin.shares[0]!, 0);
        expect(onAxis + drawn.beyond[0]! + drawn.never[0]!).toBeCloseTo(100, 6);
        expect(drawn.never[0]).toBeCloseTo((100 * unanswered) / (held + unanswered), 6);
        for (const bin of drawn.bins) expect(bin.to - bin.from).toBeCloseTo(0.5, 9);
      }),
    );
  });

  it('of slow requests are not on the axis: a time of 1.01 s is not drawn at 300 ms', () => {
    const histogram = [
      { from: 0, to: 150, count: 1 },
      { from: 150, to: 300, count: 1 },
      { from: 300, to: null, count: 2 },
    ];
    const { bins: bars, endMs, beyond } = shareBins(histogram, [series(histogram)]);
    expect(bars.map(({ shares }) => shares)).toEqual([[25], [25]]);
    expect({ endMs, beyond }).toEqual({ endMs: 300, beyond: [50] });
  });

  it('count requests before the start of the axis in the first bar', () => {
    const histogram = [
      { from: 0, to: 40, count: 1 },
      { from: 40, to: 41, count: 2 },
      { from: 41, to: 42, count: 0 },
      { from: 42, to: null, count: 1 },
    ];
    const { bins: bars, startMs } = shareBins(histogram, [series(histogram)]);
    expect(startMs).toBe(40);
    expect(bars.map(({ shares }) => shares)).toEqual([[75], [0]]);
  });

  it('keep logarithmic bins', () => {
    const edges = [0, 1, 10, 100, 1_000];
    const histogram = edges.map((from, at) => ({ from, to: edges[at + 1] ?? null, count: 1 }));
    const drawn = shareBins(histogram, [series(histogram)]);
    expect(drawn).toMatchObject({ log: true, startMs: 1, endMs: 1_000, beyond: [20] });
    expect(drawn.bins.map(({ shares }) => shares[0])).toEqual([40, 20, 20]);
    expect(shareBins(bins([1, 1, 1, 1]), [series(bins([1, 1, 1, 1]))]).log).toBe(false);
  });

  it('have axes that end at round numbers, close above the value', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 1e6, noNaN: true }), (value) => {
        const ceiling = niceCeiling(value);
        expect(ceiling).toBeGreaterThanOrEqual(value * (1 - 1e-9));
        expect(ceiling).toBeLessThanOrEqual(value * 1.6);
      }),
    );
  });
});
