import type { DeploymentView, LatencyView, LoadView } from '@sparewheel/protocol';
import { formatCount } from '../ui/format.ts';

export type CounterKey = 'requests' | 'recovered' | 'rescued' | 'failed' | 'lost';

export interface Counter {
  readonly key: CounterKey;
  readonly label: string;
  readonly value: string;
  /** One line that explains the number. */
  readonly note: string;
  readonly tone: 'plain' | 'quiet' | 'parity' | 'ok' | 'warning' | 'danger';
}

/**
 * Returns the counters of one deployment. A request counts as lost if the data plane or the load generator reports
 * it.
 */
export function counters(
  latency: LatencyView | null,
  load: LoadView | null,
  state: DeploymentView['state'] = 'ready',
  objective: DeploymentView['objective'] = 'latency',
): Counter[] {
  const counts = latency?.counts;
  const lost = Math.max(counts?.lost ?? 0, load?.lost ?? 0);
  const recovered = counts?.recovered ?? 0;
  const rescued = counts?.rescued ?? 0;
  const failed = counts?.failed ?? 0;
  const stalled = stalledNote(latency, load, state);
  return [
    {
      key: 'lost',
      label: 'Lost',
      value: formatCount(lost),
      note:
        lost > 0
          ? 'accepted but never answered'
          : (stalled ?? (failed > 0 ? 'all others were answered' : 'all requests were answered')),
      tone: lost > 0 ? 'danger' : stalled === null ? 'ok' : 'warning',
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
      note: objective === 'devices-only' ? 'the data plane computes no shards' : 'computed by the data plane',
      tone: rescued === 0 ? 'quiet' : 'plain',
    },
    {
      key: 'failed',
      label: 'Failed',
      value: formatCount(failed),
      note: failed === 0 ? 'no errors' : 'answered with an error',
      tone: failed === 0 ? 'quiet' : 'danger',
    },
  ];
}

/** Seconds without an answer after which requests in flight count as waiting. */
const STALL_SECONDS = 3;

/** Says that requests are not answered at the moment; null if they are. */
function stalledNote(
  latency: LatencyView | null,
  load: LoadView | null,
  state: DeploymentView['state'],
): string | null {
  const waiting = Math.max(latency?.counts.inFlight ?? 0, load?.inFlight ?? 0);
  const last = latency?.throughput.slice(-STALL_SECONDS) ?? [];
  const silent = waiting > 0 && last.length === STALL_SECONDS && last.every((answers) => answers === 0);
  if (state !== 'unavailable' && !silent) return null;
  if (waiting === 0) return 'requests are not answered at the moment';
  const requests = `${formatCount(waiting)} ${waiting === 1 ? 'request waits' : 'requests wait'}`;
  return state === 'unavailable' ? `${requests} for devices` : `${requests} for an answer`;
}

/**
 * Explains recovered requests. Under "any k", a healthy fleet recovers nearly every request, because the slowest device
 * is not needed. The note tells this case from a missing device: no answer is missing since the last fault.
 */
function recoveredNote(latency: LatencyView | null): string {
  const shards = latency?.counts.recoveredShards ?? 0;
  if (shards === 0) return 'parity was not needed';
  const { requests = 0, unanswered = 0 } = latency?.comparison ?? {};
  return requests > 0 && unanswered === 0
    ? 'the slowest answer was not needed'
    : `${formatCount(shards)} ${shards === 1 ? 'shard' : 'shards'} from parity`;
}

/** Returns the requests answered in the last complete second. */
export function throughputNow(latency: LatencyView | null): number {
  return latency?.throughput.at(-1) ?? 0;
}
