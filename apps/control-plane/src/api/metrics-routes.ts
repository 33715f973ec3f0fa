import type { FastifyInstance } from 'fastify';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { ApiParts } from './api-parts.ts';

const COUNTS = [
  'requests',
  'answered',
  'recovered',
  'outran',
  'survived',
  'rescued',
  'failed',
  'canceled',
  'lost',
  'late',
  'corrupt',
] as const;
const QUANTILES = { '0.5': 'p50', '0.9': 'p90', '0.95': 'p95', '0.99': 'p99', '0.999': 'p999' } as const;

/** `GET /api/metrics`: the latest views in Prometheus' text format. */
export function metricsRoutes(app: FastifyInstance, { live, deployments }: ApiParts): void {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'sparewheel_' });
  const gauge = <Label extends string>(
    name: string,
    help: string,
    labelNames: Label[],
    fill: (gauge: Gauge<Label>) => void,
  ) =>
    new Gauge({
      name: `sparewheel_${name}`,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        fill(this);
      },
    });

  gauge('devices', 'Devices by state', ['state'], (devices) => {
    for (const { state } of live.devices) devices.inc({ state });
  });
  gauge('device_round_trip_ms', 'Network round trip to a device in milliseconds', ['device'], (roundTrip) => {
    for (const { name, roundTripMs } of live.devices) {
      if (roundTripMs !== null) roundTrip.set({ device: name }, roundTripMs);
    }
  });
  gauge(
    'deployment_state',
    '1 for the current state of each deployment',
    ['deployment', 'state'],
    (states) => {
      for (const { name, state } of deployments.views()) states.set({ deployment: name, state }, 1);
    },
  );
  gauge(
    'requests',
    'Requests of a deployment since the start of the data plane, by outcome',
    ['deployment', 'outcome'],
    (requests) => {
      for (const { deployment, counts } of live.latency) {
        for (const outcome of COUNTS) requests.set({ deployment, outcome }, counts[outcome]);
      }
    },
  );
  gauge('latency_ms', 'Latency of a deployment in milliseconds', ['deployment', 'quantile'], (latency) => {
    for (const { deployment, percentiles } of live.latency) {
      for (const [quantile, field] of Object.entries(QUANTILES)) {
        latency.set({ deployment, quantile }, percentiles[field]);
      }
    }
  });

  app.get('/api/metrics', async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  );
}
