import type { Waterfall } from '../waterfall/waterfall-view.ts';
import type { LatencyHeatmap } from './latency-heatmap.ts';
import type { LatencyHistogram } from './share-bins.ts';

/** What a chart shows, as a table to be saved: CSV with a line of names, units in the names. */
export interface ChartTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number | null)[])[];
}

/** One line a bar. */
export function histogramTable({ bins, rows }: LatencyHistogram): ChartTable {
  return {
    columns: ['from_ms', 'to_ms', ...rows.map(({ key }) => `${key}_percent`)],
    rows: bins.map(({ from, to, shares }) => [from, to, ...shares]),
  };
}

/** One line a coloured cell, and one for each fault. @param nowMs  of the clock that the columns were made with */
export function heatmapTable({ columns }: LatencyHeatmap, nowMs: number): ChartTable {
  return {
    columns: ['seconds_ago', 'from_ms', 'to_ms', 'share_percent', 'fault'],
    rows: columns.flatMap(({ toMs, cells, fault }) => {
      const ago = Number(((nowMs - toMs) / 1_000).toFixed(1));
      const marks = fault === null ? [] : [[ago, null, null, null, fault]];
      return [...marks, ...cells.map(({ from, to, share }) => [ago, from, to, share * 100, null])];
    }),
  };
}

/** One line a bar: a device's answer in one step, or a step on the data plane. */
export function waterfallTable({ lanes, request }: Waterfall): ChartTable {
  return {
    columns: ['request', 'lane', 'role', 'from_ms', 'to_ms', 'late_answer_ms', 'kind', 'what_happened'],
    rows: lanes.flatMap(({ label, role, bars }) =>
      bars.map(({ fromMs, toMs, lateMs, kind, text }) => [
        request,
        label,
        role,
        ...[fromMs, toMs].map(micros),
        lateMs === null ? null : micros(lateMs),
        kind,
        text,
      ]),
    ),
  };
}

/** Milliseconds to the microsecond: the clock has no more. */
function micros(ms: number): number {
  return Number(ms.toFixed(3));
}

/** Comma-separated, quoted where need be (RFC 4180); what is not there is empty. */
export function toCsv({ columns, rows }: ChartTable): string {
  const lines = [columns, ...rows].map((cells) => cells.map(cell).join(','));
  return `${lines.join('\n')}\n`;
}

function cell(value: string | number | null): string {
  const text = value === null ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
