import type { HistogramBin, LatencyView, Percentiles } from '@sparewheel/protocol';

/** One bar: the share of each period's requests, in percent, that took `from` to `to` milliseconds. */
export interface ShareBin {
  readonly from: number;
  readonly to: number;
  readonly before: number;
  readonly since: number;
}

export interface LatencyHistogram {
  readonly bins: readonly ShareBin[];
  /** The end of the time axis; slower requests are counted in the last bin. */
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

export const HISTOGRAM_BINS = 48;
/** Below this share, in percent, a bar is not drawn on a logarithmic axis. */
export const SMALLEST_SHARE = 0.01;

/**
 * Before and since the last fault on the same axes, as shares, because the two periods differ in length.
 * Without a fault there is one period, `since` the start. Rebinned to equal widths; a bin's count is spread evenly
 * over its width.
 */
export function latencyHistogram(view: LatencyView | null): LatencyHistogram {
  const rows = periods(view);
  const slowest = Math.max(0, ...rows.map((row) => tailEnd(row.percentiles)));
  const endMs = niceCeiling(slowest * 1.05 || 10);
  const before = shares(view?.beforeFault?.histogram ?? [], endMs);
  const since = shares((view?.lastFault ? view.afterFault?.histogram : view?.histogram) ?? [], endMs);
  const width = endMs / HISTOGRAM_BINS;
  const bins = before.map((share, index) => ({
    from: index * width,
    to: (index + 1) * width,
    before: share,
    since: since[index] ?? 0,
  }));
  return {
    bins,
    endMs,
    topPercent: niceCeiling(Math.max(1, ...bins.flatMap((bin) => [bin.before, bin.since]))),
    rows,
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

/** One slow request must not squeeze all others into the first bins. */
function tailEnd({ p99, p999, max }: Percentiles): number {
  return Math.min(max, Math.max(p999, p99 * 1.5), p99 * 3);
}

function shares(histogram: readonly HistogramBin[], endMs: number): number[] {
  const counts = new Array<number>(HISTOGRAM_BINS).fill(0);
  const width = endMs / HISTOGRAM_BINS;
  let total = 0;
  for (const { from, to, count } of histogram) {
    total += count;
    const end = to ?? from;
    const first = Math.min(HISTOGRAM_BINS - 1, Math.floor(from / width));
    const last = Math.min(HISTOGRAM_BINS - 1, Math.max(first, Math.ceil(end / width) - 1));
    for (let index = first; index <= last; index += 1) {
      const low = Math.max(from, index * width);
      const high = index === HISTOGRAM_BINS - 1 ? end : Math.min(end, (index + 1) * width);
      counts[index]! += end > from && first !== last ? (count * (high - low)) / (end - from) : count;
    }
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
