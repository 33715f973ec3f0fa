import type { HistogramBin, LatencyView } from '@sparewheel/protocol';
import { type LatencyHistogram, type Series, shareBins } from './share-bins.ts';

/**
 * Returns the latencies before and since the last fault on the same axes, as shares, because the periods differ in
 * length. Without a fault there is one period, `since` the start.
 */
export function latencyHistogram(
  view: LatencyView | null,
): LatencyHistogram & { readonly fault: string | null } {
  return {
    ...shareBins(view?.histogram ?? [], periods(view)),
    fault: view?.lastFault?.description ?? null,
  };
}

function periods(view: LatencyView | null): (Series & { histogram: readonly HistogramBin[] })[] {
  if (view === null || view.percentiles.count === 0) return [];
  const { percentiles, histogram, beforeFault, afterFault } = view;
  if (view.lastFault === null) return [{ key: 'since', label: 'All requests', percentiles, histogram }];
  return [
    ...(beforeFault && beforeFault.percentiles.count > 0
      ? [{ key: 'before' as const, label: 'Before the fault', ...beforeFault }]
      : []),
    ...(afterFault && afterFault.percentiles.count > 0
      ? [{ key: 'since' as const, label: 'Since the fault', ...afterFault }]
      : []),
  ];
}
