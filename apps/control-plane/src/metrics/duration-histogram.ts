import type { DataPlaneMetrics } from '@sparewheel/data-plane-client';

/**
 * Returns a histogram in the form of prom-client's `getMetricsAsJSON`. The values are counted in the data plane's
 * thread, and prom-client's own Histogram only counts what it observes.
 */
export function durationHistogram(name: string, durations: DataPlaneMetrics['durations']) {
  const values = durations.flatMap(({ deployment, buckets, count, sumSeconds }) => [
    ...buckets.map(({ leSeconds, count }) => ({
      metricName: `${name}_bucket`,
      labels: { le: leSeconds, deployment },
      value: count,
    })),
    { metricName: `${name}_bucket`, labels: { le: '+Inf', deployment }, value: count },
    { metricName: `${name}_sum`, labels: { deployment }, value: sumSeconds },
    { metricName: `${name}_count`, labels: { deployment }, value: count },
  ]);
  return {
    name,
    help: 'Time from the acceptance of a request to its answer',
    type: 'histogram',
    aggregator: 'sum',
    values,
  };
}
