import type { MetricsBuilder, MetricsSource } from './metrics-builder.ts';

const OUTCOMES = ['answered', 'failed', 'canceled'] as const;

/** Adds the metrics of each deployment. */
export function addDeploymentMetrics(builder: MetricsBuilder, { live, deployments }: MetricsSource): void {
  builder.gauge(
    'deployment_state',
    '1 for the current state of each deployment',
    ['deployment', 'state'],
    (set) => {
      for (const { name, state } of deployments.views()) set({ deployment: name, state }, 1);
    },
  );
  builder.gauge('deployment_seats', 'Seats of a deployment by state', ['deployment', 'state'], (set) => {
    for (const { name, progress } of deployments.views()) {
      for (const { state } of progress.seats) set({ deployment: name, state }, 1);
    }
  });
  builder.counter(
    'requests',
    'Accepted requests that ended, by outcome',
    ['deployment', 'outcome'],
    (add) => {
      for (const { deployment, counts } of live.latency) {
        for (const outcome of OUTCOMES) add({ deployment, outcome }, counts[outcome]);
      }
    },
  );
  const count = (name: string, help: string, field: 'recovered' | 'survived' | 'rescued' | 'corrupt') =>
    builder.counter(name, help, ['deployment'], (add) => {
      for (const { deployment, counts } of live.latency) add({ deployment }, counts[field]);
    });
  count('requests_recovered', 'Answered requests with a shard decoded from parity', 'recovered');
  count(
    'requests_survived',
    'Recovered requests in which a decoded shard belonged to a failed device',
    'survived',
  );
  count('requests_rescued', 'Answered requests with a shard computed by the data plane', 'rescued');
  count('requests_corrupt', 'Requests whose answer is known to be wrong', 'corrupt');
  const gauge = (name: string, help: string, field: 'inFlight' | 'lost') =>
    builder.gauge(name, help, ['deployment'], (set) => {
      for (const { deployment, counts } of live.latency) set({ deployment }, counts[field]);
    });
  gauge('requests_in_flight', 'Requests that run or are queued', 'inFlight');
  gauge('requests_lost', 'Accepted requests that neither ended nor are in flight: a bug if not 0', 'lost');
}
