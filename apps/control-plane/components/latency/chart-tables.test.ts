import { describe, expect, it } from 'vitest';
import { toCsv } from '../export/csv.ts';
import { codedTrace, percentiles } from '../testing/view-fixtures.ts';
import { waterfall } from '../waterfall/waterfall-view.ts';
import { heatmapTable, histogramTable, waterfallTable } from './chart-tables.ts';
import { shareBins } from './share-bins.ts';

const histogram = (counts: number[]) =>
  counts.map((count, from) => ({ from, to: from === counts.length - 1 ? null : from + 1, count }));

describe('a chart as CSV', () => {
  it('has one column per series, with rows for slow and for unanswered requests', () => {
    const drawn = shareBins(histogram([1, 1, 1]), [
      {
        key: 'uncoded',
        label: 'Uncoded',
        percentiles: percentiles(),
        histogram: histogram([0, 1, 1]),
        total: 4,
      },
      { key: 'coded', label: 'Coded', percentiles: percentiles(), histogram: histogram([2, 1, 1]) },
    ]);
    expect(toCsv(histogramTable(drawn))).toBe(
      'from_ms,to_ms,uncoded_percent,coded_percent\n0,1,0,50\n1,2,25,25\n2,,25,25\n,,50,0\n',
    );
  });

  it('has the cells and the changes of the heatmap', () => {
    const lost = { id: 1, at: '', cause: 'fault' as const, text: 'pi-1 "lost", pi-2 too' };
    const columns = [
      { fromMs: 0, toMs: 1_000, cells: [{ from: 0, to: 1, share: 1 }], changes: [] },
      { fromMs: 1_000, toMs: 2_000, cells: [], changes: [lost] },
    ];
    expect(toCsv(heatmapTable({ columns, seen: null }, 2_500))).toBe(
      'seconds_ago,from_ms,to_ms,share_percent,change\n1.5,0,1,100,\n0.5,,,,"pi-1 ""lost"", pi-2 too"\n',
    );
  });

  it('has all bars of a waterfall', () => {
    const drawn = waterfall(
      codedTrace([2, 7, 4], 5),
      2,
      (device) => device,
      () => 'fc1',
    );
    const [head, ...lines] = toCsv(waterfallTable(drawn)).trim().split('\n');
    expect(head).toBe('request,lane,shard,role,from_ms,to_ms,late_answer_ms,kind,what_happened');
    expect(lines[0]).toBe('5,d0,data 0,data,0,2,,used,fc1: answered after 2.00 ms');
    expect(lines[1]).toMatch(/^5,d1,data 1,data,0,4,5\.4,recovered,"?fc1: recovered from parity/);
    expect(lines).toHaveLength(3);
  });
});
