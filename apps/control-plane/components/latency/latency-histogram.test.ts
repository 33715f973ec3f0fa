import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { latency, percentiles } from '../testing/view-fixtures.ts';
import { latencyHistogram } from './latency-histogram.ts';
import { niceCeiling } from './share-bins.ts';

describe('the latency histogram', () => {
  it('shows shares that sum to 100 % for each period, with any bins', () => {
    const counts = fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 3, maxLength: 60 });
    fc.assert(
      fc.property(counts, counts, fc.integer({ min: 0, max: 40 }), (now, then, start) => {
        const bins = (list: number[], width: number, from: number) =>
          list.map((count, index) => ({
            from: index === 0 ? 0 : from + index * width,
            to: index === list.length - 1 ? null : from + (index + 1) * width,
            count: count + 1,
          }));
        const view = latencyHistogram(
          latency({
            histogram: bins(now, 0.5, start),
            lastFault: { at: '2026-01-01T00:00:00Z', description: 'killed local-3' },
            beforeFault: { since: '', percentiles: percentiles(), histogram: bins(then, 0.2, 0) },
            afterFault: { since: '', percentiles: percentiles(), histogram: bins(now, 0.5, start) },
          }),
        );
        expect(view.bins.reduce((sum, bin) => sum + bin.shares[1]!, 0)).toBeCloseTo(100, 6);
        expect(view.bins.reduce((sum, bin) => sum + bin.shares[0]!, 0)).toBeCloseTo(100, 6);
        for (const bin of view.bins) expect(bin.to - bin.from).toBeCloseTo(0.5, 9);
      }),
    );
  });

  it('shows the time before and since the fault on one axis, with percentiles', () => {
    const bins = (counts: number[]) =>
      counts.map((count, from) => ({ from, to: from === counts.length - 1 ? null : from + 1, count }));
    const view = latencyHistogram(
      latency({
        histogram: bins([1, 3, 1, 1]),
        lastFault: { at: '2026-01-01T00:00:00Z', description: 'killed local-3' },
        beforeFault: { since: '', percentiles: percentiles({ p50: 4 }), histogram: bins([1, 3, 0, 0]) },
        afterFault: { since: '', percentiles: percentiles({ p50: 5 }), histogram: bins([0, 0, 1, 1]) },
      }),
    );
    expect(view.rows.map((row) => [row.key, row.percentiles.p50])).toEqual([
      ['before', 4],
      ['since', 5],
    ]);
    expect(view.bins).toEqual([
      { from: 0, to: 1, shares: [25, 0] },
      { from: 1, to: 2, shares: [75, 0] },
      { from: 2, to: 3, shares: [0, 50] },
      { from: 3, to: 4, shares: [0, 50] },
    ]);
    expect([view.startMs, view.endMs, view.topPercent]).toEqual([0, 4, 80]);
    expect(view.fault).toBe('killed local-3');
  });

  it('counts requests before the start of the axis in the first bar', () => {
    const histogram = [
      { from: 0, to: 40, count: 1 },
      { from: 40, to: 41, count: 2 },
      { from: 41, to: 42, count: 0 },
      { from: 42, to: null, count: 1 },
    ];
    const { bins, startMs } = latencyHistogram(latency({ histogram }));
    expect(startMs).toBe(40);
    expect(bins.map((bin) => bin.shares)).toEqual([[75], [0], [25]]);
  });

  it('is empty before the first request', () => {
    expect(latencyHistogram(null).rows).toEqual([]);
    expect(latencyHistogram(latency({ percentiles: percentiles({ count: 0 }) })).rows).toEqual([]);
  });

  it('ends its axes at round numbers, close above the value', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 1e6, noNaN: true }), (value) => {
        const ceiling = niceCeiling(value);
        expect(ceiling).toBeGreaterThanOrEqual(value * (1 - 1e-9));
        expect(ceiling).toBeLessThanOrEqual(value * 1.6);
      }),
    );
  });
});
