import type { RuleComparisonView } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { comparison, latency, percentiles, period } from '../testing/view-fixtures.ts';
import { ruleComparison } from './rule-comparison.ts';

const bins = (counts: number[]) =>
  counts.map((count, from) => ({ from, to: from === counts.length - 1 ? null : from + 1, count }));
const timeOf = (at: string) => at.slice(11, 19);
const compare = (change: Partial<RuleComparisonView>) =>
  ruleComparison(latency({ periods: [period({ comparison: comparison(change) })] }), 4, 1, null, timeOf);
const some: Partial<RuleComparisonView> = {
  requests: 10,
  unanswered: 4,
  coded: { percentiles: percentiles({ count: 10, p50: 1 }), histogram: bins([6, 4, 0]) },
  uncoded: {
    percentiles: { ...percentiles({ count: 6, p50: 2 }), p99: null, max: null, mean: null, sd: null },
    histogram: bins([0, 5, 1]),
  },
};

describe('coded and uncoded latency', () => {
  it('are shares of the same requests; those that are never answered are part of the uncoded ones', () => {
    const view = compare(some);
    expect(view.rows.map(({ key, label }) => [key, label])).toEqual([
      ['uncoded', 'Uncoded, all 4'],
      ['coded', 'Coded, any 4 of 5'],
    ]);
    expect(view.bins.map(({ shares }) => shares)).toEqual([
      [0, 60],
      [50, 40],
    ]);
    expect(view).toMatchObject({ beyond: [10, 0], never: [40, 0] });
    expect(view.gain).toMatchObject({ p50: 0.5, p99: null, mean: null });
    expect(view.note).toContain('An uncoded system that only waits never answers 4 of these 10 requests');
    expect(view.note).not.toContain('Left out');
  });

  it('say whether they cover a sample', () => {
    expect(compare({ ...some, sampleOf: 1_234 }).note).toContain('A sample of 10 of 1,234 requests');
    expect(compare({ ...some, sampleOf: 1_234 }).note).toContain('“By period” counts all requests');
    expect(compare(some).note).toContain('The same 10 requests');
    expect(compare(some).note).not.toContain('By period');
  });

  it('count the requests that are left out, and say that nothing is left', () => {
    expect(compare({ ...some, unanswered: 0, calledOff: 1_234 }).note).toContain(
      'In each of them, all 4 data shards answered. Left out: 1,234',
    );
    const none = compare({ calledOff: 7 });
    expect(none).toMatchObject({ rows: [], gain: null });
    expect(none.note).toContain('Nothing to compare yet: 7 requests');
    expect(ruleComparison(null, 4, 1, null, timeOf).note).toContain('no request');
  });

  it('show the newest period with unanswered requests, or the chosen one', () => {
    const healthy = period({ id: 9, comparison: comparison({ ...some, unanswered: 0 }) });
    const killed = period({ id: 8, name: 'local-4 killed', comparison: comparison(some) });
    const view = latency({ periods: [healthy, killed] });
    expect(ruleComparison(view, 4, 1, null, timeOf).shown).toBe(8);
    expect(ruleComparison(view, 4, 1, 9, timeOf).shown).toBe(9);
    expect(ruleComparison(latency({ periods: [healthy] }), 4, 1, 8, timeOf).shown).toBe(9);
  });
});
