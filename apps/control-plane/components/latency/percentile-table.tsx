import type { LatencyView } from '@sparewheel/protocol';
import { formatCount, formatPercent } from '../ui/format.ts';
import { ScrollArea } from '../ui/scroll-area.tsx';
import { columnFormat } from './column-format.ts';
import { STATISTICS, type Statistic } from './rule-comparison.ts';
import { SERIES_STYLES } from './series-colors.ts';
import type { Series } from './share-bins.ts';

const LABELS: Record<Statistic, string> = {
  p50: 'p50',
  p90: 'p90',
  p95: 'p95',
  p99: 'p99',
  p999: 'p99.9',
  max: 'max',
  mean: 'mean',
  sd: 'sd',
};
const NAMES = 'sticky left-0 z-10 bg-surface py-2 pr-2 pl-4 text-left';

interface Row {
  /** Part of the test ids. */
  readonly id: string;
  readonly label: string;
  readonly percentiles: Series['percentiles'];
  readonly series: Series['key'] | null;
}

/**
 * The legend of the chart with its numbers. Each column has one unit and one number of decimals.
 * `gain` adds a row: by how much coded is faster than uncoded. `byFailed` adds a row per number of failed devices.
 */
export function PercentileTable({
  rows,
  of,
  gain = null,
  byFailed = [],
}: {
  rows: readonly Series[];
  /** What a row describes: "Period". */
  of: string;
  gain?: Readonly<Record<Statistic, number | null>> | null;
  byFailed?: LatencyView['byFailedDevices'];
}) {
  const series = rows.map(
    ({ key, label, percentiles }): Row => ({ id: key, label, percentiles, series: key }),
  );
  const failed = byFailed.map(
    ({ failed, percentiles }): Row => ({
      id: `failed-${failed}`,
      label: failedLabel(failed),
      percentiles,
      series: null,
    }),
  );
  const formats = Object.fromEntries(
    STATISTICS.map((key) => [key, columnFormat([...series, ...failed].map((row) => row.percentiles[key]))]),
  ) as Record<Statistic, (ms: number) => string>;
  return (
    <ScrollArea label="Latency percentiles" className="border-t">
      <table className="w-full text-[0.8125rem]">
        <caption className="sr-only">Latency percentiles</caption>
        <thead>
          <tr className="text-xs text-ink-faint">
            <th scope="col" className={`${NAMES} font-normal`}>
              {of}
            </th>
            {STATISTICS.map((key) => (
              <th key={key} scope="col" className="px-1 py-2 text-right font-normal">
                {LABELS[key]}
              </th>
            ))}
            <th scope="col" className="py-2 pr-4 pl-2 text-right font-normal">
              Requests
            </th>
          </tr>
        </thead>
        <tbody>
          {series.map((row) => (
            <PercentileRow key={row.id} row={row} formats={formats} />
          ))}
          {gain !== null && (
            <tr className="border-t text-ink-soft">
              <th scope="row" className={`${NAMES} font-medium whitespace-nowrap`}>
                Gain of coding
              </th>
              {STATISTICS.map((key) => (
                <td
                  key={key}
                  data-testid={`latency-gain-${key}`}
                  className="px-1 py-2 text-right whitespace-nowrap"
                >
                  {gain[key] === null ? '–' : formatPercent(gain[key])}
                </td>
              ))}
              <td />
            </tr>
          )}
        </tbody>
        {failed.length > 0 && (
          <tbody>
            <tr className="border-t text-xs text-ink-faint">
              <th
                scope="rowgroup"
                colSpan={STATISTICS.length + 2}
                className="py-1.5 pl-4 text-left font-normal"
              >
                By failed devices, since the start
              </th>
            </tr>
            {failed.map((row) => (
              <PercentileRow key={row.id} row={row} formats={formats} />
            ))}
          </tbody>
        )}
      </table>
    </ScrollArea>
  );
}

function PercentileRow({
  row: { id, label, percentiles, series },
  formats,
}: {
  row: Row;
  formats: Record<Statistic, (ms: number) => string>;
}) {
  return (
    <tr className="border-t">
      <th scope="row" data-testid={`latency-${id}`} className={`${NAMES} min-w-40 font-medium`}>
        {series !== null && <Swatch series={series} />}
        {label}
      </th>
      {STATISTICS.map((key) => (
        <td key={key} data-testid={`latency-${id}-${key}`} className="px-1 py-2 text-right whitespace-nowrap">
          {percentiles[key] === null ? (
            <span
              className="text-danger-ink"
              title="Under this rule, requests at this percentile are never answered."
            >
              never
            </span>
          ) : (
            formats[key](percentiles[key])
          )}
        </td>
      ))}
      <td className="py-2 pr-4 pl-2 text-right text-ink-soft">{formatCount(percentiles.count)}</td>
    </tr>
  );
}

function failedLabel(failed: number): string {
  if (failed === 0) return 'None failed';
  return `${failed} ${failed === 1 ? 'device' : 'devices'} failed`;
}

function Swatch({ series }: { series: Series['key'] }) {
  const { color, dash } = SERIES_STYLES[series];
  return (
    <span
      aria-hidden
      className="mr-2 inline-block size-2.5 rounded-[3px] border-[1.5px]"
      style={{
        background: `color-mix(in srgb, ${color} 35%, transparent)`,
        borderColor: color,
        borderStyle: dash ? 'dashed' : 'solid',
      }}
    />
  );
}
