import type { CsvTable } from '../export/csv.ts';
import type { Waterfall } from '../waterfall/waterfall-view.ts';
import type { LatencyHeatmap } from './latency-heatmap.ts';
import type { LatencyBars } from './share-bins.ts';

/** Returns one row per bar. Slower requests have no `to_ms`; requests that are never answered have no times. */
export function histogramTable({ bins, rows, endMs, beyond, never }: LatencyBars): CsvTable {
  const some = (shares: readonly number[]) => shares.some((share) => share > 0);
  return {
    columns: ['from_ms', 'to_ms', ...rows.map(({ key }) => `${key}_percent`)],
    rows: [
      ...bins.map(({ from, to, shares }) => [from, to, ...shares]),
      ...(some(beyond) ? [[endMs, null, ...beyond]] : []),
      ...(some(never) ? [[null, null, ...never]] : []),
    ],
  };
}

/** Returns one row per colored cell and one per change. @param nowMs  by the clock of the columns */
export function heatmapTable({ columns }: LatencyHeatmap, nowMs: number): CsvTable {
  return {
    columns: ['seconds_ago', 'from_ms', 'to_ms', 'share_percent', 'change'],
    rows: columns.flatMap(({ toMs, cells, changes }) => {
      const ago = Number(((nowMs - toMs) / 1_000).toFixed(1));
      const marks = changes.map(({ text }) => [ago, null, null, null, text]);
      return [...marks, ...cells.map(({ from, to, share }) => [ago, from, to, share * 100, null])];
    }),
  };
}

/** Returns one row per bar: a device's answer in one step, or a step on the data plane. */
export function waterfallTable({ lanes, request }: Waterfall): CsvTable {
  return {
    columns: [
      'request',
      'lane',
      'shard',
      'role',
      'from_ms',
      'to_ms',
      'late_answer_ms',
      'kind',
      'what_happened',
    ],
    rows: lanes.flatMap(({ label, shard, role, bars }) =>
      bars.map(({ fromMs, toMs, lateMs, kind, text }) => [
        request,
        label,
        shard,
        role,
        ...[fromMs, toMs].map(micros),
        lateMs === null ? null : micros(lateMs),
        kind,
        text,
      ]),
    ),
  };
}

/** Rounds milliseconds to microseconds, the resolution of the clock. */
function micros(ms: number): number {
  return Number(ms.toFixed(3));
}
