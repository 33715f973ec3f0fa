import type { LatencyPeriod, LatencyView, OpenPercentiles, RuleComparisonView } from '@sparewheel/protocol';
import { formatCount } from '../ui/format.ts';
import { type PeriodChoice, periodLabel } from './latency-periods.ts';
import { type LatencyBars, shareBins } from './share-bins.ts';

export type Statistic = Exclude<keyof OpenPercentiles, 'count'>;
export const STATISTICS: readonly Statistic[] = ['p50', 'p90', 'p95', 'p99', 'p999', 'max', 'mean', 'sd'];

/** Coded and uncoded latency of the same requests on the same axes, from the arrival times of their answers. */
export interface RuleComparison extends LatencyBars {
  /** How much faster coded is, as a fraction of uncoded; null without an uncoded value. */
  readonly gain: Readonly<Record<Statistic, number | null>> | null;
  /** Says in words which requests are compared and which are left out. */
  readonly note: string;
  /** The periods that can be shown, newest first, and the shown one. */
  readonly choices: readonly PeriodChoice[];
  readonly shown: number | null;
}

/**
 * Compares both rules. Shares refer to all compared requests: those that an uncoded system never answers are `never`.
 * @param k       number of data shards
 * @param r       number of parity shards
 * @param chosen  id of the period; null for the newest one with requests that an uncoded system never
 *   answers, or else the current one
 * @param timeOf  formats a time of day
 */
export function ruleComparison(
  view: LatencyView | null,
  k: number,
  r: number,
  chosen: number | null,
  timeOf: (at: string) => string,
): RuleComparison {
  const periods = view?.periods ?? [];
  const period = choosePeriod(periods, chosen);
  const comparison = period?.comparison;
  const common = {
    choices: periods.map((each) => ({ id: each.id, label: periodLabel(each, timeOf) })),
    shown: period?.id ?? null,
  };
  if (comparison === undefined || comparison.requests === 0) {
    const note = emptyNote(comparison?.calledOff ?? 0);
    return { ...shareBins([], []), ...common, gain: null, note };
  }
  const { coded, uncoded, requests } = comparison;
  const drawn = shareBins(coded.histogram, [
    { key: 'uncoded', label: `Uncoded, all ${k}`, ...uncoded, total: requests },
    { key: 'coded', label: `Coded, any ${k} of ${k + r}`, ...coded },
  ]);
  const gain = Object.fromEntries(
    STATISTICS.map((key) => [key, gainOf(coded.percentiles[key], uncoded.percentiles[key])]),
  ) as Record<Statistic, number | null>;
  return { ...drawn, ...common, gain, note: note(comparison, k) };
}

function choosePeriod(periods: readonly LatencyPeriod[], chosen: number | null): LatencyPeriod | undefined {
  return (
    periods.find(({ id }) => id === chosen) ??
    periods.find(({ comparison }) => comparison.unanswered > 0) ??
    periods[0]
  );
}

function gainOf(coded: number, uncoded: number | null): number | null {
  return uncoded === null || uncoded <= 0 ? null : 1 - coded / uncoded;
}

function note({ requests, unanswered, calledOff, sampleOf }: RuleComparisonView, k: number): string {
  const which =
    sampleOf === null
      ? `The same ${formatCount(requests)} requests by two rules`
      : `A sample of ${formatCount(requests)} of ${formatCount(sampleOf)} requests by two rules`;
  const parts = [
    `${which}, from the arrival times of their answers.`,
    unanswered === 0
      ? `In each of them, all ${k} data shards answered.`
      : `An uncoded system that only waits never answers ${formatCount(unanswered)} of these ${formatCount(requests)} requests: the answer of a data shard never came. The uncoded twin answers such requests after another device has loaded the shard.`,
  ];
  if (sampleOf !== null) parts.push('“By period” counts all requests, so its values can differ.');
  if (calledOff > 0) {
    parts.push(`Left out: ${formatCount(calledOff)} requests with a canceled answer or a busy device.`);
  }
  return parts.join(' ');
}

function emptyNote(calledOff: number): string {
  return calledOff === 0
    ? 'Nothing to compare: no request in this period.'
    : `Nothing to compare yet: ${formatCount(calledOff)} requests had a canceled answer or a busy device.`;
}
