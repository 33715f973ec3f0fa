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

/** Several distributions on the same axes. Shares are in percent, one per series. */
export interface LatencyBars {
  /** Of equal width on the axis. The first bar also counts faster requests. */
  readonly bins: readonly ShareBin[];
  readonly startMs: number;
  readonly endMs: number;
  /** Whether the time axis is logarithmic. */
  readonly log: boolean;
  /** Requests that took longer than `endMs`. */
  readonly beyond: readonly number[];
  /** Requests that would never be answered. */
  readonly never: readonly number[];
  /** The top of the share axis, in percent. */
  readonly topPercent: number;
  readonly rows: readonly Series[];
}

/** The lower end of a logarithmic axis, in percent. */
export const SMALLEST_SHARE = 0.01;

/**
 * Converts series to shares in common bars. The server's bins have equal widths on a linear or a logarithmic axis,
 * except an optional first one for faster requests, and a last one without an end.
 * @param axis    the bins of the bars; series with other bins are redistributed into them
 * @param series  `total`: the number of requests that the shares refer to, where some were never answered; default:
 *   those in the histogram
 */
export function shareBins(
  axis: readonly HistogramBin[],
  series: readonly (Series & { readonly histogram: readonly HistogramBin[]; readonly total?: number })[],
): LatencyBars {
  const { edges, log } = barEdges(axis);
  const each = series.map(({ histogram, total }) => shares(histogram, edges, total));
  const bins = edges.slice(0, -1).map((from, index) => ({
    from,
    to: edges[index + 1]!,
    shares: each.map(({ bars }) => bars[index] ?? 0),
  }));
  const beyond = each.map((of) => of.beyond);
  const never = each.map((of) => of.never);
  return {
    bins,
    startMs: edges[0] ?? 0,
    endMs: edges.at(-1) ?? 1,
    log,
    beyond,
    never,
    topPercent: niceCeiling(Math.max(1, ...each.flatMap(({ bars }) => bars), ...beyond, ...never)),
    rows: series.map(({ key, label, percentiles }) => ({ key, label, percentiles })),
  };
}

/** Returns the edges of the bars. A first bin of another width is for faster requests and is not a bar. */
export function barEdges(histogram: readonly Pick<HistogramBin, 'from'>[]): {
  edges: number[];
  log: boolean;
} {
  const edges = histogram.map((bin) => bin.from);
  const [zero, first, second] = edges;
  if (zero === undefined || first === undefined || second === undefined) return { edges, log: false };
  const log = edges.length > 3 && isLogarithmic(edges.slice(-3) as [number, number, number]);
  const equal = Math.abs(first - zero - (second - first)) < (second - first) * 1e-6;
  return { edges: log || !equal ? edges.slice(1) : edges, log };
}

function isLogarithmic([first, second, third]: readonly [number, number, number]): boolean {
  return third - second > (second - first) * (1 + 1e-6);
}

/** Returns shares in percent. Redistributes a histogram with other bins. */
function shares(
  histogram: readonly HistogramBin[],
  edges: readonly number[],
  of?: number,
): { bars: number[]; beyond: number; never: number } {
  const bars = edges.slice(1).map(() => 0);
  const end = edges.at(-1) ?? 0;
  let beyond = 0;
  let held = 0;
  for (const { from, count } of histogram) {
    held += count;
    if (from >= end * (1 - 1e-9)) {
      beyond += count;
      continue;
    }
    const after = edges.findIndex((edge) => edge > from * (1 + 1e-9));
    bars[Math.max(0, after - 1)]! += count;
  }
  const total = of ?? held;
  const percent = (count: number) => (total === 0 ? 0 : (count / total) * 100);
  return { bars: bars.map(percent), beyond: percent(beyond), never: percent(total - held) };
}

/** Returns the next round number: an axis that ends there does not move with every request. */
export function niceCeiling(value: number): number {
  return scaleLinear([0, value], [0, 1]).nice(5).domain()[1]!;
}
