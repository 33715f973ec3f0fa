import type { HistogramBin, OpenPercentiles } from '@sparewheel/protocol';

export type SeriesKey = 'before' | 'since' | 'uncoded' | 'coded';

/** One line of a latency chart: its name, its numbers, and whose share a bar shows. */
export interface Series {
  readonly key: SeriesKey;
  readonly label: string;
  readonly percentiles: OpenPercentiles;
}

/** One bar: what share of each series' requests, in percent, took `from` to `to` milliseconds; in the series' order. */
export interface ShareBin {
  readonly from: number;
  readonly to: number;
  readonly shares: readonly number[];
}

/** Several distributions on the same axes. */
export interface LatencyHistogram {
  /** Of equal width. What is faster than the axis begins or slower than it ends stands in the first and last. */
  readonly bins: readonly ShareBin[];
  readonly startMs: number;
  readonly endMs: number;
  /** The top of the share axis, in percent. */
  readonly topPercent: number;
  readonly rows: readonly Series[];
}

/** Below this share, in percent, a bar is not drawn on a logarithmic axis. */
export const SMALLEST_SHARE = 0.01;

/**
 * Lays series into the same bars, as shares, because the series differ in size. The server's bins are taken as they
 * are: equal widths, perhaps one before them for what is faster, the last one open.
 * @param axis    the bins that the bars are made of; series whose bins were chosen at another time are laid into them
 * @param series  `total`: of which the bars are shares, where that is more than what they hold
 */
export function shareBins(
  axis: readonly HistogramBin[],
  series: readonly (Series & { readonly histogram: readonly HistogramBin[]; readonly total?: number })[],
): LatencyHistogram {
  const edges = equalEdges(axis);
  const each = series.map(({ histogram, total }) => shares(histogram, edges, total));
  const width = (edges[1] ?? 1) - (edges[0] ?? 0);
  const bins = edges.map((from, index) => ({
    from,
    to: edges[index + 1] ?? from + width,
    shares: each.map((of) => of[index] ?? 0),
  }));
  return {
    bins,
    startMs: bins[0]?.from ?? 0,
    endMs: bins.at(-1)?.to ?? 1,
    topPercent: niceCeiling(Math.max(1, ...each.flat())),
    rows: series.map(({ key, label, percentiles }) => ({ key, label, percentiles })),
  };
}

/** Where the bars begin. A first bin of another width is the one for what is faster, and no bar. */
function equalEdges(histogram: readonly HistogramBin[]): number[] {
  const edges = histogram.map((bin) => bin.from);
  const [zero, first, second] = edges;
  if (zero === undefined || first === undefined || second === undefined) return edges;
  const equal = Math.abs(first - zero - (second - first)) < (second - first) * 1e-6;
  return equal ? edges : edges.slice(1);
}

/** In percent, by bar. A distribution whose bins were chosen at another time is laid into the same bars. */
function shares(histogram: readonly HistogramBin[], edges: readonly number[], of?: number): number[] {
  const counts = edges.map(() => 0);
  let held = 0;
  for (const { from, count } of histogram) {
    held += count;
    const after = edges.findIndex((edge) => edge > from * (1 + 1e-9));
    counts[after === -1 ? counts.length - 1 : Math.max(0, after - 1)]! += count;
  }
  const total = of ?? held;
  return total === 0 ? counts : counts.map((count) => (count / total) * 100);
}

const NICE = [1, 1.5, 2, 3, 4, 5, 6, 8, 10];

/** The next round number: an axis that ends there does not move with every request. */
export function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const factor = NICE.find((candidate) => candidate * power >= value * (1 - 1e-12)) ?? 10;
  return factor * power;
}
