import type { LatencyView, LoadView } from '@sparewheel/protocol';
import { formatCount } from './format.ts';

export type CounterKey = 'requests' | 'recovered' | 'rescued' | 'failed' | 'lost';

export interface Counter {
  readonly key: CounterKey;
  readonly label: string;
  readonly value: string;
  /** One line that says what is counted, or more about it. */
  readonly note: string;
  readonly tone: 'plain' | 'quiet' | 'parity' | 'ok' | 'danger';
}

/**
 * The counters of one deployment. A request is lost when either side says so: the data plane, which accepted it, or
 * the load generator, which sent it.
 */
export function counters(latency: LatencyView | null, load: LoadView | null): Counter[] {
  const counts = latency?.counts;
  const lost = Math.max(counts?.lost ?? 0, load?.lost ?? 0);
  const recovered = counts?.recovered ?? 0;
  const rescued = counts?.rescued ?? 0;
  const failed = counts?.failed ?? 0;
  return [
    {
      key: 'lost',
      label: 'Lost',
      value: formatCount(lost),
      note:
        lost > 0
          ? 'accepted, and never answered'
          : failed > 0
            ? 'none without an answer or an error'
            : 'every request was answered',
      tone: lost === 0 ? 'ok' : 'danger',
    },
    {
      key: 'requests',
      label: 'Requests',
      value: formatCount(counts?.requests ?? 0),
      note: `${formatCount(counts?.inFlight ?? 0)} in flight`,
      tone: 'plain',
    },
    {
      key: 'recovered',
      label: 'Recovered',
      value: formatCount(recovered),
      note:
        recovered === 0
          ? 'none needed the parity'
          : `${formatCount(counts?.recoveredShards ?? 0)} shards by subtraction`,
      tone: recovered === 0 ? 'quiet' : 'parity',
    },
    {
      key: 'rescued',
      label: 'Rescued',
      value: formatCount(rescued),
      note: 'computed by the data plane',
      tone: rescued === 0 ? 'quiet' : 'plain',
    },
    {
      key: 'failed',
      label: 'Failed',
      value: formatCount(failed),
      note: failed === 0 ? 'no explicit errors' : 'answered with an error',
      tone: failed === 0 ? 'quiet' : 'danger',
    },
  ];
}

/** Requests answered in the last second that has ended. */
export function throughputNow(latency: LatencyView | null): number {
  return latency?.throughput.at(-1) ?? 0;
}
