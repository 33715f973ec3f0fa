import type { LatencyView, OpenPercentiles, RuleComparisonView } from '@sparewheel/protocol';
import { formatCount } from '../ui/format.ts';
import { type LatencyHistogram, shareBins } from './share-bins.ts';

export type Statistic = Exclude<keyof OpenPercentiles, 'count'>;
export const STATISTICS: readonly Statistic[] = ['p50', 'p90', 'p95', 'p99', 'p999', 'max', 'mean', 'sd'];

/** Coded against uncoded on the same axes: the same requests, by when their answers came. */
export interface RuleComparison extends LatencyHistogram {
  /** By how much coded is below uncoded, as a fraction of it; null where uncoded has no such value. */
  readonly gain: Readonly<Record<Statistic, number | null>> | null;
  /** What it stands on, and what it leaves out, in words. */
  readonly note: string;
}

/**
 * Shares are of all compared requests for both rules: what an uncoded system would not have answered is missing from
 * its bars, and makes them sum to less than 100 %.
 * @param k  data shards, `r` parity shards
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
    `The same ${formatCount(requests)} requests by two rules, from when each device’s answer came.`,
    unanswered === 0
      ? `All ${k} data shards came in every one.`
      : `In ${formatCount(unanswered)} of them a data shard never came, or its device was not there to be asked: an uncoded system would have had to wait for or lose them.`,
  ];
  if (calledOff > 0) {
    parts.push(
      `Left out: ${formatCount(calledOff)}, in which an answer was called off, or a busy device not asked; nobody knows when it would have come.`,
    );
  }
  return parts.join(' ');
}

function emptyNote(calledOff: number): string {
  return calledOff === 0
    ? 'Nothing to compare yet: no request was answered since the last fault.'
    : `Nothing to compare: in all ${formatCount(calledOff)} requests an answer was called off that nobody needed, or a busy device not asked. Let the policy check answers “after” under a load that leaves room, and the surplus comes in.`;
}
