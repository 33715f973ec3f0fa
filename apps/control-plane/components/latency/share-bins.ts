import type { HistogramBin, OpenPercentiles } from '@sparewheel/protocol';
import { scaleLinear } from 'd3-scale';

export type SeriesKey = 'before' | 'since' | 'uncoded' | 'coded';

/** One series of a latency chart: its name and its numbers. */
export interface Series {
  readonly key: SeriesKey;
  readonly label: string;
  readonly percentiles: OpenPercentiles;
}

/** One bar: the share of requests that took `from` to `to` milliseconds, in percent, one per series in order. */
export interface ShareBin {
  readonly from: number;
  readonly to: number;
  readonly shares: readonly number[];
}

/** Several distributions on the same axes. */
export interface LatencyHistogram {
  /** Of equal width. The first and the last bar also count requests beyond the axis. */
  readonly bins: readonly ShareBin[];
  readonly startMs: number;
  readonly endMs: number;
  /** The top of the share axis, in percent. */
  readonly topPercent: number;
  readonly rows: readonly Series[];
}

/** The lower end of a logarithmic axis, in percent. */
export const SMALLEST_SHARE = 0.01;

/**
 * Converts series to shares in common bars. The server's bins have equal widths, except an optional first one for faster
 * requests, and a last one without an end.
 * @param axis    the bins of the bars; series with other bins are redistributed into them
 * @param series  `total`: the number of requests that the shares refer to; default: those in the histogram
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

/** Returns the starts of the bars. A first bin of another width is for faster requests and is not a bar. */
function equalEdges(histogram: readonly HistogramBin[]): number[] {
  const edges = histogram.map((bin) => bin.from);
  const [zero, first, second] = edges;
  if (zero === undefined || first === undefined || second === undefined) return edges;
  const equal = Math.abs(first - zero - (second - first)) < (second - first) * 1e-6;
  return equal ? edges : edges.slice(1);
}

/** Returns the share of each bar in percent. Redistributes a histogram with other bins. */
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

/** Returns the next round number: an axis that ends there does not move with every request. */
export function niceCeiling(value: number): number {
  return scaleLinear([0, value], [0, 1]).nice(5).domain()[1]!;
}
