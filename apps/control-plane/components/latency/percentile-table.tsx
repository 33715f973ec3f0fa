import { formatCount, formatMs, formatPercent } from '../ui/format.ts';
import { ScrollArea } from '../ui/scroll-area.tsx';
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
const NAMES = 'sticky left-0 z-10 bg-surface py-2 pr-2 pl-4 text-left whitespace-nowrap';

/** The legend of the chart with its numbers. `gain` adds a row: by how much coded is faster than uncoded. */
export function PercentileTable({
  rows,
  of,
  gain = null,
}: {
  rows: readonly Series[];
  /** What a row describes: "Period". */
  of: string;
  gain?: Readonly<Record<Statistic, number | null>> | null;
}) {
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
          {rows.map(({ key: series, label, percentiles }) => (
            <tr key={series} className="border-t">
              <th scope="row" className={`${NAMES} font-medium`}>
                <Swatch series={series} />
                {label}
              </th>
              {STATISTICS.map((key) => (
                <td
                  key={key}
                  data-testid={`latency-${series}-${key}`}
                  className="px-1 py-2 text-right whitespace-nowrap"
                >
                  {percentiles[key] === null ? (
                    <span
                      className="text-danger-ink"
                      title="Under this rule, requests at this percentile are never answered."
                    >
                      never
                    </span>
                  ) : (
                    formatMs(percentiles[key])
                  )}
                </td>
              ))}
              <td className="py-2 pr-4 pl-2 text-right text-ink-soft">{formatCount(percentiles.count)}</td>
            </tr>
          ))}
          {gain !== null && (
            <tr className="border-t text-ink-soft">
              <th scope="row" className={`${NAMES} font-medium`}>
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
      </table>
    </ScrollArea>
  );
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
