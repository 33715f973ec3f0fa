import type { LatencyPeriod, LatencyView } from '@sparewheel/protocol';
import { formatCount } from '../ui/format.ts';
import { type LatencyBars, type Series, shareBins } from './share-bins.ts';

/** A period that the chart can compare the current one with. */
export interface PeriodChoice {
  readonly id: number;
  readonly label: string;
}

/** The latencies of the current period, and of an earlier one, on the same axes. */
export interface PeriodComparison extends LatencyBars {
  /** The earlier periods with requests, newest first. */
  readonly choices: readonly PeriodChoice[];
  /** The earlier period that is compared; null if there is none. */
  readonly compared: number | null;
  /** Says how many requests are not counted; null if all are. */
  readonly note: string | null;
}

/**
 * Compares the current period with an earlier one, as shares, because the periods differ in length.
 * @param chosen  id of the earlier period; null for the newest one
 * @param timeOf  formats a time of day
 */
export function periodComparison(
  view: LatencyView | null,
  chosen: number | null,
  timeOf: (at: string) => string,
): PeriodComparison {
  const [current, ...ended] = view?.periods ?? [];
  const earlier = ended.filter(({ percentiles }) => percentiles.count > 0);
  const before = earlier.find(({ id }) => id === chosen) ?? earlier[0] ?? null;
  const series: (Series & LatencyPeriod)[] = [];
  if (before !== null) series.push({ ...before, key: 'before', label: periodLabel(before, timeOf) });
  if (current !== undefined && current.percentiles.count > 0) {
    series.push({ ...current, key: 'since', label: periodLabel(current, timeOf) });
  }
  const shown = [...(before === null ? [] : [before]), ...(current === undefined ? [] : [current])];
  const warmUp = shown.reduce((sum, period) => sum + period.warmUp, 0);
  return {
    ...shareBins(view?.histogram ?? [], series),
    choices: earlier.map((period) => ({ id: period.id, label: periodLabel(period, timeOf) })),
    compared: before?.id ?? null,
    note: warmUp === 0 ? null : warmUpNote(warmUp),
  };
}

/** "healthy, 14:02:10 to 14:03:21" or "local-4 killed, since 14:03:21". */
export function periodLabel(
  { name, since, until }: Pick<LatencyPeriod, 'name' | 'since' | 'until'>,
  timeOf: (at: string) => string,
): string {
  return until === null ? `${name}, since ${timeOf(since)}` : `${name}, ${timeOf(since)} to ${timeOf(until)}`;
}

function warmUpNote(count: number): string {
  return `${formatCount(count)} warm-up ${count === 1 ? 'request' : 'requests'} not counted`;
}
