import type { DataPlaneMetrics } from '@sparewheel/data-plane-client';
import { AggregatorRegistry, collectDefaultMetrics, Registry } from 'prom-client';
import { addDeploymentMetrics } from './deployment-metrics.ts';
import { addDeviceMetrics } from './device-metrics.ts';
import { durationHistogram } from './duration-histogram.ts';
import { MetricsBuilder, type MetricsSource, PREFIX } from './metrics-builder.ts';

/** prom-client has gauges with these names, although the ending `_total` is for counters. Their other forms stay. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_resources_total',
  'nodejs_active_requests_total',
];

/** Everything that `GET /api/metrics` shows, in Prometheus' text format. */
export class Exposition {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly #source: MetricsSource;
  readonly #registry: Registry;
  /** The reply to the present scrape; null if the data plane is not running. */
  #measured: DataPlaneMetrics | null = null;

  constructor(source: MetricsSource) {
    this.#source = source;
    const builder = new MetricsBuilder();
    this.#registry = builder.registry;
    collectDefaultMetrics({ register: this.#registry, prefix: PREFIX });
    for (const name of MISNAMED) this.#registry.removeSingleMetric(PREFIX + name);
    builder.gauge('data_plane_up', 'Whether the data plane runs: 1 or 0', [], (set) =>
      set({}, this.#measured === null ? 0 : 1),
    );
    addDeploymentMetrics(builder, source);
    addDeviceMetrics(builder, source, () => this.#measured);
  }

  async text(): Promise<string> {
    try {
      this.#measured = await this.#source.dataPlane.call({ kind: 'metrics' });
    } catch {
      // It is starting. Its counters are missing until it answers.
      this.#measured = null;
    }
    const durations = AggregatorRegistry.aggregate([
      [durationHistogram(`${PREFIX}request_duration_seconds`, this.#measured?.durations ?? [])],
    ]) as Registry;
    return Registry.merge([this.#registry, durations]).metrics();
  }
}
