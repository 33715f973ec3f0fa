import type { LatencyView } from '@sparewheel/protocol';

/** The requests of about one second by latency. `share` refers to that second's requests, in (0, 1]. */
export interface HeatColumn {
  readonly fromMs: number;
  readonly toMs: number;
  readonly cells: readonly { readonly from: number; readonly to: number; readonly share: number }[];
  /** The changes in this second, oldest first: faults, takeovers, new policies and plans. */
  readonly changes: readonly Change[];
}

type Change = LatencyView['changes'][number];

/** Latency over time, from the differences between the cumulative histograms that the server pushes. */
export interface LatencyHeatmap {
  readonly columns: readonly HeatColumn[];
  readonly seen: { readonly atMs: number; readonly view: LatencyView } | null;
}

export const EMPTY_HEATMAP: LatencyHeatmap = { columns: [], seen: null };
/** The time on the axis, and the minimum time per column. */
export const HEATMAP_SECONDS = 120;
const COLUMN_MS = 1_000;
/** The server pushes only changes, so new requests after a pause belong to the end of the pause. */
const WIDEST_COLUMN_MS = 1_500;

/**
 * Adds a column when a second has passed since the last one. A second stays empty if the server has changed its bins or
 * restarted its counters.
 * @param nowMs  time by any clock; the same clock in all calls
 */
export function addToHeatmap(heatmap: LatencyHeatmap, view: LatencyView, nowMs: number): LatencyHeatmap {
  const { seen, columns } = heatmap;
  if (seen === null || seen.view.deployment !== view.deployment) {
    return { columns: [], seen: { atMs: nowMs, view } };
  }
  if (nowMs - seen.atMs < COLUMN_MS) return heatmap;
  const column: HeatColumn = {
    fromMs: Math.max(seen.atMs, nowMs - WIDEST_COLUMN_MS),
    toMs: nowMs,
    cells: difference(seen.view, view),
    changes: changesSince(seen.view, view),
  };
  const oldest = nowMs - HEATMAP_SECONDS * 1_000;
  return {
    columns: [...columns.filter(({ toMs }) => toMs > oldest), column],
    seen: { atMs: nowMs, view },
  };
}

function changesSince(before: LatencyView, { changes }: LatencyView): Change[] {
  const last = before.changes[0]?.id ?? 0;
  return changes.filter(({ id }) => id > last).reverse();
}

function difference(before: LatencyView, now: LatencyView): HeatColumn['cells'] {
  const same =
    before.histogram.length === now.histogram.length &&
    before.histogram.every((bin, index) => bin.from === now.histogram[index]?.from);
  if (!same) return [];
  const added = now.histogram.map((bin, index) => bin.count - (before.histogram[index]?.count ?? 0));
  const total = added.reduce((sum, count) => sum + count, 0);
  if (total <= 0 || added.some((count) => count < 0)) return [];
  return now.histogram.flatMap(({ from, to }, index) => {
    const count = added[index] ?? 0;
    // The last bin has no end. It is drawn as high as the one before it.
    const previous = now.histogram[index - 1]?.from ?? 0;
    return count === 0 ? [] : [{ from, to: to ?? from + (from - previous), share: count / total }];
  });
}
