import type { LatencyView, LoadView } from '@sparewheel/protocol';
import { formatCount } from '../ui/format.ts';

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
      note: recoveredNote(latency),
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

/**
 * Under any k on a healthy fleet nearly every request is recovered: somebody is always last, and is not waited for.
 * That sounds like damage and is none, so it is said where no answer has been missing since the last fault.
 */
function recoveredNote(latency: LatencyView | null): string {
  const shards = latency?.counts.recoveredShards ?? 0;
  if (shards === 0) return 'none needed the parity';
  const { requests = 0, unanswered = 0 } = latency?.comparison ?? {};
  return requests > 0 && unanswered === 0
    ? 'an answer came too late to be needed; nothing was lost'
    : `${formatCount(shards)} shards by subtraction; nothing was lost`;
}

/** Requests answered in the last second that has ended. */
export function throughputNow(latency: LatencyView | null): number {
  return latency?.throughput.at(-1) ?? 0;
}
