import type { LatencyView } from '@sparewheel/protocol';
import { describe, expect, it } from 'vitest';
import { latency } from '../testing/view-fixtures.ts';
import { addToHeatmap, EMPTY_HEATMAP, HEATMAP_SECONDS } from './latency-heatmap.ts';

const view = (counts: number[], width = 1, changes: LatencyView['changes'] = []) =>
  latency({
    histogram: counts.map((count, index) => ({
      from: index * width,
      to: index === counts.length - 1 ? null : (index + 1) * width,
      count,
    })),
    changes,
  });

describe('the latency heatmap', () => {
  it('shows the new requests of each second as shares', () => {
    let heatmap = addToHeatmap(EMPTY_HEATMAP, view([10, 0, 0]), 0);
    heatmap = addToHeatmap(heatmap, view([11, 3, 0]), 1_000);
    expect(heatmap.columns.map((column) => column.cells)).toEqual([
      [
        { from: 0, to: 1, share: 0.25 },
        { from: 1, to: 2, share: 0.75 },
      ],
    ]);
  });

  it('adds at most one column per second', () => {
    const first = addToHeatmap(EMPTY_HEATMAP, view([1, 0]), 0);
    expect(addToHeatmap(first, view([2, 0]), 400)).toBe(first);
  });

  it('shows requests after a pause at its end', () => {
    let heatmap = addToHeatmap(EMPTY_HEATMAP, view([1, 0]), 0);
    heatmap = addToHeatmap(heatmap, view([2, 0]), 1_200);
    heatmap = addToHeatmap(heatmap, view([3, 0]), 61_200);
    expect(heatmap.columns.map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual([
      [0, 1_200],
      [59_700, 61_200],
    ]);
  });

  it('marks each change once, in its second', () => {
    const killed = { id: 7, at: '', cause: 'fault' as const, text: 'local-3 is killed' };
    const takeover = { id: 9, at: '', cause: 'redistribution' as const, text: 'local-6 takes seat 2 over' };
    let heatmap = addToHeatmap(EMPTY_HEATMAP, view([1, 0]), 0);
    heatmap = addToHeatmap(heatmap, view([2, 0], 1, [takeover, killed]), 1_000);
    heatmap = addToHeatmap(heatmap, view([3, 0], 1, [takeover, killed]), 2_000);
    expect(heatmap.columns.map(({ changes }) => changes)).toEqual([[killed, takeover], []]);
  });

  it('leaves a second empty when the bins changed or the counters restarted', () => {
    let heatmap = addToHeatmap(EMPTY_HEATMAP, view([5, 5]), 0);
    heatmap = addToHeatmap(heatmap, view([5, 9], 2), 1_000);
    heatmap = addToHeatmap(heatmap, view([0, 1], 2), 2_000);
    expect(heatmap.columns.map((column) => column.cells)).toEqual([[], []]);
  });

  it('forgets columns older than two minutes, and columns of another deployment', () => {
    let heatmap = EMPTY_HEATMAP;
    for (let second = 0; second <= HEATMAP_SECONDS + 10; second += 1) {
      heatmap = addToHeatmap(heatmap, view([second, 0]), second * 1_000);
    }
    expect(heatmap.columns).toHaveLength(HEATMAP_SECONDS);
    expect(heatmap.columns[0]).toMatchObject({ fromMs: 10_000, toMs: 11_000 });
    expect(addToHeatmap(heatmap, { ...view([1, 0]), deployment: 'other' }, 1e6).columns).toEqual([]);
  });
});
