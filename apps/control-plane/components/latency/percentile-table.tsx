import { formatCount, formatMs } from '../../src/view-model/format.ts';
import type { PercentileRow } from '../../src/view-model/latency-histogram.ts';
import { cn } from '../ui/class-names.ts';
import { SERIES_COLOURS } from './series-colours.ts';

const COLUMNS = [
  { key: 'p50', label: 'p50', wide: false },
  { key: 'p90', label: 'p90', wide: true },
  { key: 'p95', label: 'p95', wide: false },
  { key: 'p99', label: 'p99', wide: false },
  { key: 'p999', label: 'p99.9', wide: true },
  { key: 'max', label: 'max', wide: false },
  { key: 'mean', label: 'mean', wide: true },
  { key: 'sd', label: 'sd', wide: true },
] as const;

/** The legend of the chart and its numbers in one. */
export function PercentileTable({ rows }: { rows: readonly PercentileRow[] }) {
  return (
    <div className="@container relative overflow-x-auto border-t">
      <table className="w-full text-[0.8125rem]">
        <caption className="sr-only">Latency percentiles</caption>
        <thead>
          <tr className="text-xs text-ink-faint">
            <th scope="col" className="px-4 py-2 text-left font-normal">
              Period
            </th>
            {COLUMNS.map(({ key, label, wide }) => (
              <th
                key={key}
                scope="col"
                className={cn('px-1.5 py-2 text-right font-normal', wide && '@max-3xl:hidden')}
              >
                {label}
              </th>
            ))}
            <th scope="col" className="py-2 pr-4 pl-2 text-right font-normal @max-md:hidden">
              requests
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.key} className="border-t">
              <th scope="row" className="py-2 pr-1 pl-4 text-left font-medium">
                <span
                  aria-hidden
                  className="mr-2 inline-block size-2.5 rounded-[3px]"
                  style={{ background: SERIES_COLOURS[row.key] }}
                />
                {row.label}
              </th>
              {COLUMNS.map(({ key, wide }) => (
                <td
                  key={key}
                  data-testid={`latency-${row.key}-${key}`}
                  className={cn('px-1.5 py-2 text-right whitespace-nowrap', wide && '@max-3xl:hidden')}
                >
                  {formatMs(row.percentiles[key])}
                </td>
              ))}
              <td className="py-2 pr-4 pl-2 text-right text-ink-soft @max-md:hidden">
                {formatCount(row.percentiles.count)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
