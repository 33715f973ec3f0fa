import { describe, expect, it } from 'vitest';
import { comparison, latency, percentiles } from '../testing/view-fixtures.ts';
import { ruleComparison } from './rule-comparison.ts';

const bins = (counts: number[]) =>
  counts.map((count, from) => ({ from, to: from === counts.length - 1 ? null : from + 1, count }));

describe('coded and uncoded latency', () => {
  it('are shares of the same requests; unanswered requests are missing from the uncoded bars', () => {
    const view = ruleComparison(
      latency({
        comparison: comparison({
          requests: 10,
          unanswered: 2,
          coded: { percentiles: percentiles({ count: 10, p50: 1 }), histogram: bins([6, 4, 0]) },
          uncoded: {
            percentiles: { ...percentiles({ count: 8, p50: 2 }), p99: null, max: null, mean: null, sd: null },
            histogram: bins([0, 6, 2]),
          },
        }),
      }),
      4,
      1,
    );
    expect(view.rows.map(({ key, label }) => [key, label])).toEqual([
      ['uncoded', 'Uncoded, all 4'],
      ['coded', 'Coded, any 4 of 5'],
    ]);
    expect(view.bins.map(({ shares }) => shares)).toEqual([
      [0, 60],
      [60, 40],
      [20, 0],
    ]);
    expect(view.gain).toMatchObject({ p50: 0.5, p99: null, mean: null });
    expect(view.note).toContain('In 2 of them a data shard was missing');
    expect(view.note).not.toContain('Left out');
  });

  it('count the requests that are left out, and say what to do if nothing is left', () => {
    const one = {
      requests: 1,
      coded: { percentiles: percentiles(), histogram: bins([1, 0]) },
      uncoded: { percentiles: percentiles(), histogram: bins([0, 1]) },
    };
    const some = ruleComparison(latency({ comparison: comparison({ ...one, calledOff: 1_234 }) }), 4, 1);
    expect(some.note).toContain('In each of them, all 4 data shards answered. Left out: 1,234');
    const none = ruleComparison(latency({ comparison: comparison({ calledOff: 7 }) }), 4, 1);
    expect(none).toMatchObject({ rows: [], gain: null });
    expect(none.note).toContain('check answers “after responding”');
    expect(ruleComparison(null, 4, 1).note).toContain('no request');
  });
});
