import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HISTOGRAM_BINS, latencyHistogram, niceCeiling } from './latency-histogram.ts';
import { latency, percentiles } from './testing.ts';

describe('the latency histogram', () => {
  it('shows shares that sum to 100 % whatever the bins of the server are', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.double({ min: 0.01, max: 30, noNaN: true }), fc.integer({ min: 1, max: 500 })), {
          minLength: 1,
          maxLength: 40,
        }),
        (bins) => {
          let from = 0;
          const histogram = bins.map(([width, count], index) => {
            const bin = { from, to: index === bins.length - 1 ? null : from + width, count };
            from += width;
            return bin;
          });
          const { bins: drawn } = latencyHistogram(latency({ histogram }));
          expect(drawn).toHaveLength(HISTOGRAM_BINS);
          expect(drawn.reduce((sum, bin) => sum + bin.since, 0)).toBeCloseTo(100, 6);
        },
      ),
    );
  });

  it('puts before and since the fault on one axis, with a row of percentiles each', () => {
    const window = (p50: number, at: number) => ({
      since: '2026-01-01T00:00:00Z',
      percentiles: percentiles({ p50 }),
      histogram: [{ from: at, to: at + 0.1, count: 10 }],
    });
    const view = latencyHistogram(
      latency({
        lastFault: { at: '2026-01-01T00:00:00Z', description: 'killed local-3' },
        beforeFault: window(4, 2),
        afterFault: window(5, 8),
      }),
    );
    expect(view.rows.map((row) => [row.key, row.percentiles.p50])).toEqual([
      ['before', 4],
      ['since', 5],
    ]);
    expect(view.bins.find((bin) => bin.before > 0)?.from).toBeLessThanOrEqual(2);
    expect(view.bins.find((bin) => bin.since > 0)?.from).toBeGreaterThan(7);
    expect(view.fault).toBe('killed local-3');
  });

  it('does not let one outlier squeeze everything else to the left', () => {
    const outlier = percentiles({ p50: 4, p99: 9, p999: 4000, max: 9000 });
    expect(latencyHistogram(latency({ percentiles: outlier })).endMs).toBeLessThanOrEqual(30);
  });

  it('has nothing to show before the first request', () => {
    expect(latencyHistogram(null).rows).toEqual([]);
    expect(latencyHistogram(latency({ percentiles: percentiles({ count: 0 }) })).rows).toEqual([]);
  });

  it('ends its axes at round numbers, never below the value', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 1e6, noNaN: true }), (value) => {
        const ceiling = niceCeiling(value);
        expect(ceiling).toBeGreaterThanOrEqual(value * (1 - 1e-9));
        expect(ceiling).toBeLessThanOrEqual(value * 1.6);
      }),
    );
  });
});
