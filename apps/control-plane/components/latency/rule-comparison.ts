import type { LatencyView, OpenPercentiles, RuleComparisonView } from '@sparewheel/protocol';
import { formatCount } from '../ui/format.ts';
import { type LatencyHistogram, shareBins } from './share-bins.ts';

export type Statistic = Exclude<keyof OpenPercentiles, 'count'>;
export const STATISTICS: readonly Statistic[] = ['p50', 'p90', 'p95', 'p99', 'p999', 'max', 'mean', 'sd'];

/** Coded and uncoded latency of the same requests on the same axes, from the arrival times of their answers. */
export interface RuleComparison extends LatencyHistogram {
  /** How much faster coded is, as a fraction of uncoded; null without an uncoded value. */
  readonly gain: Readonly<Record<Statistic, number | null>> | null;
  /** Says in words which requests are compared and which are left out. */
  readonly note: string;
}

/**
 * Compares both rules. Shares refer to all compared requests: requests that an uncoded system never answers are missing
 * from its bars, which then sum to less than 100 %.
 * @param k  number of data shards
 * @param r  number of parity shards
 */
export function ruleComparison(view: LatencyView | null, k: number, r: number): RuleComparison {
  const comparison = view?.comparison;
  if (comparison === undefined || comparison.requests === 0) {
    return { ...shareBins([], []), gain: null, note: emptyNote(comparison?.calledOff ?? 0) };
  }
  const { coded, uncoded, requests } = comparison;
  const drawn = shareBins(coded.histogram, [
    { key: 'uncoded', label: `Uncoded, all ${k}`, ...uncoded, total: requests },
    { key: 'coded', label: `Coded, any ${k} of ${k + r}`, ...coded },
  ]);
  const gain = Object.fromEntries(
    STATISTICS.map((key) => [key, gainOf(coded.percentiles[key], uncoded.percentiles[key])]),
  ) as Record<Statistic, number | null>;
  return { ...drawn, gain, note: note(comparison, k) };
}

function gainOf(coded: number, uncoded: number | null): number | null {
  return uncoded === null || uncoded <= 0 ? null : 1 - coded / uncoded;
}

function note({ requests, unanswered, calledOff }: RuleComparisonView, k: number): string {
  const parts = [
    `The same ${formatCount(requests)} requests by two rules, from the arrival times of their answers.`,
    unanswered === 0
      ? `In each of them, all ${k} data shards answered.`
      : `In ${formatCount(unanswered)} of them a data shard was missing: an uncoded system would wait for or lose them.`,
  ];
  if (calledOff > 0) {
    parts.push(`Left out: ${formatCount(calledOff)} requests with a canceled answer or a busy device.`);
  }
  return parts.join(' ');
}

function emptyNote(calledOff: number): string {
  return calledOff === 0
    ? 'Nothing to compare: no request since the last fault.'
    : `Nothing to compare: all ${formatCount(calledOff)} requests had a canceled answer or a busy device. Set the policy to check answers “after responding”, and reduce the load.`;
}
