import { formatCount, formatMs } from '../../src/view-model/format.ts';
import type { PercentileRow } from '../../src/view-model/latency-histogram.ts';
import { SERIES_COLOURS } from './series-colours.ts';

const COLUMNS = [
  { key: 'p50', label: 'p50' },
  { key: 'p95', label: 'p95' },
  { key: 'p99', label: 'p99' },
  { key: 'max', label: 'max' },
] as const;

/** The legend of the chart and its numbers in one. */
export function PercentileTable({ rows }: { rows: readonly PercentileRow[] }) {
  return (
    <div className="overflow-x-auto border-t">
      <table className="w-full text-[0.8125rem]">
        <caption className="sr-only">Latency percentiles</caption>
        <thead>
          <tr className="text-xs text-ink-faint">
            <th scope="col" className="px-4 py-2 text-left font-normal">
              Period
            </th>
            {COLUMNS.map(({ key, label }) => (
              <th key={key} scope="col" className="px-2 py-2 text-right font-normal">
                {label}
              </th>
            ))}
            <th scope="col" className="py-2 pr-4 pl-2 text-right font-normal max-sm:hidden">
              requests
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.key} className="border-t">
              <th scope="row" className="px-4 py-2 text-left font-medium whitespace-nowrap">
                <span
                  aria-hidden
                  className="mr-2 inline-block h-2.5 w-2.5 rounded-[3px]"
                  style={{ background: SERIES_COLOURS[row.key] }}
                />
                {row.label}
              </th>
              {COLUMNS.map(({ key }) => (
                <td
                  key={key}
                  data-testid={`latency-${row.key}-${key}`}
                  className="px-2 py-2 text-right whitespace-nowrap"
                >
                  {formatMs(row.percentiles[key])}
                </td>
              ))}
              <td className="py-2 pr-4 pl-2 text-right text-ink-soft max-sm:hidden">
                {formatCount(row.percentiles.count)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
