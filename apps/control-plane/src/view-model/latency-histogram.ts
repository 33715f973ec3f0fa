import type { HistogramBin, LatencyView, Percentiles } from '@sparewheel/protocol';

/** One bar: the share of each period's requests, in percent, that took `from` to `to` milliseconds. */
export interface ShareBin {
  readonly from: number;
  readonly to: number;
  readonly before: number;
  readonly since: number;
}

export interface LatencyHistogram {
  /** Of equal width. What is faster than the axis begins or slower than it ends stands in the first and last. */
  readonly bins: readonly ShareBin[];
  readonly startMs: number;
  readonly endMs: number;
  /** The top of the share axis, in percent. */
  readonly topPercent: number;
  readonly rows: readonly PercentileRow[];
  readonly fault: string | null;
}

export interface PercentileRow {
  readonly key: 'before' | 'since';
  readonly label: string;
  readonly percentiles: Percentiles;
}

/** Below this share, in percent, a bar is not drawn on a logarithmic axis. */
export const SMALLEST_SHARE = 0.01;

/**
 * Before and since the last fault on the same axes, as shares, because the two periods differ in length.
 * Without a fault there is one period, `since` the start. The server's bins are taken as they are: equal widths,
 * perhaps one before them for what is faster, the last one open.
 */
export function latencyHistogram(view: LatencyView | null): LatencyHistogram {
  const all = view?.histogram ?? [];
  const edges = equalEdges(all);
  const before = shares(view?.beforeFault?.histogram ?? [], edges);
  const since = shares((view?.lastFault ? view.afterFault?.histogram : all) ?? [], edges);
  const width = (edges[1] ?? 1) - (edges[0] ?? 0);
  const bins = edges.map((from, index) => ({
    from,
    to: edges[index + 1] ?? from + width,
    before: before[index] ?? 0,
    since: since[index] ?? 0,
  }));
  return {
    bins,
    startMs: bins[0]?.from ?? 0,
    endMs: bins.at(-1)?.to ?? 1,
    topPercent: niceCeiling(Math.max(1, ...bins.flatMap((bin) => [bin.before, bin.since]))),
    rows: periods(view),
    fault: view?.lastFault?.description ?? null,
  };
}

function periods(view: LatencyView | null): PercentileRow[] {
  if (view === null || view.percentiles.count === 0) return [];
  if (view.lastFault === null) {
    return [{ key: 'since', label: 'All requests', percentiles: view.percentiles }];
  }
  const rows: PercentileRow[] = [];
  const { beforeFault, afterFault } = view;
  if (beforeFault && beforeFault.percentiles.count > 0) {
    rows.push({ key: 'before', label: 'Before the fault', percentiles: beforeFault.percentiles });
  }
  if (afterFault && afterFault.percentiles.count > 0) {
    rows.push({ key: 'since', label: 'Since the fault', percentiles: afterFault.percentiles });
  }
  return rows;
}

/** Where the bars begin. A first bin of another width is the one for what is faster, and no bar. */
function equalEdges(histogram: readonly HistogramBin[]): number[] {
  const edges = histogram.map((bin) => bin.from);
  const [zero, first, second] = edges;
  if (zero === undefined || first === undefined || second === undefined) return edges;
  const equal = Math.abs(first - zero - (second - first)) < (second - first) * 1e-6;
  return equal ? edges : edges.slice(1);
}

/** In percent of the period, by bar. A period whose bins were chosen at another time is laid into the same bars. */
function shares(histogram: readonly HistogramBin[], edges: readonly number[]): number[] {
  const counts = edges.map(() => 0);
  let total = 0;
  for (const { from, count } of histogram) {
    total += count;
    const after = edges.findIndex((edge) => edge > from * (1 + 1e-9));
    counts[after === -1 ? counts.length - 1 : Math.max(0, after - 1)]! += count;
  }
  return total === 0 ? counts : counts.map((count) => (count / total) * 100);
}

const NICE = [1, 1.5, 2, 3, 4, 5, 6, 8, 10];

/** The next round number: an axis that ends there does not move with every request. */
export function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = NICE.find((candidate) => candidate * power >= value * (1 - 1e-12)) ?? 10;
  return factor * power;
}
