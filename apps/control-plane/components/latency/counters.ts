import type { DeploymentView, LatencyView, LoadView, RescueRule } from '@sparewheel/protocol';
import { formatCount } from '../ui/format.ts';

export type CounterKey = 'lost' | 'wrong' | 'failed' | 'requests' | 'outran' | 'survived' | 'rescued';

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
 * it. The headline `lost` is green only if no request is lost, wrong or failed, and wrong answers would be found.
 * @param checked  whether a wrong answer would be found
 */
export function counters(
  latency: LatencyView | null,
  load: LoadView | null,
  state: DeploymentView['state'] = 'ready',
  rescue: RescueRule = 'data-plane',
  checked = true,
): Counter[] {
  const counts = latency?.counts;
  const lost = Math.max(counts?.lost ?? 0, load?.lost ?? 0);
  const wrong = counts?.corrupt ?? 0;
  const rescued = counts?.rescued ?? 0;
  const failed = counts?.failed ?? 0;
  const stalled = stalledNote(latency, load, state);
  const good = checked ? 'ok' : 'plain';
  return [
    {
      key: 'lost',
      label: 'Lost',
      value: formatCount(lost),
      note: lost > 0 ? 'accepted but never answered' : (stalled ?? headlineNote(wrong, failed, checked)),
      tone: lost > 0 ? 'danger' : stalled === null && wrong === 0 && failed === 0 ? good : 'warning',
    },
    {
      key: 'wrong',
      label: 'Wrong',
      value: wrong === 0 && !checked ? '–' : formatCount(wrong),
      note: wrongNote(wrong, checked),
      tone: wrong === 0 ? 'quiet' : 'danger',
    },
    {
      key: 'failed',
      label: 'Failed',
      value: formatCount(failed),
      note: failed === 0 ? 'no errors' : 'answered with an error',
      tone: failed === 0 ? 'quiet' : 'danger',
    },
    {
      key: 'requests',
      label: 'Requests',
      value: formatCount(counts?.requests ?? 0),
      note: `${formatCount(counts?.inFlight ?? 0)} in flight`,
      tone: 'plain',
    },
    {
      key: 'outran',
      label: 'Outran a slow device',
      value: formatCount(counts?.outran ?? 0),
      note: 'answered before its slowest device',
      tone: (counts?.outran ?? 0) === 0 ? 'quiet' : 'plain',
    },
    {
      key: 'survived',
      label: 'Survived a failed device',
      value: formatCount(counts?.survived ?? 0),
      note:
        (counts?.survived ?? 0) === 0
          ? 'no request needed parity for a failed device'
          : 'its shard came from parity',
      tone: (counts?.survived ?? 0) === 0 ? 'quiet' : 'parity',
    },
    {
      key: 'rescued',
      label: 'Rescued',
      value: formatCount(rescued),
      note: rescue === 'data-plane' ? 'computed by the data plane' : 'the data plane computes no shards',
      tone: rescued === 0 ? 'quiet' : 'plain',
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

function wrongNote(wrong: number, checked: boolean): string {
  if (wrong > 0) return 'wrong answers given to callers';
  return checked ? 'no wrong answers found' : 'answers are not checked';
}

function headlineNote(wrong: number, failed: number, checked: boolean): string {
  if (wrong === 0 && failed === 0) {
    return checked ? 'all requests were answered' : 'all requests were answered, unchecked';
  }
  const parts = [
    ...(wrong > 0 ? [`${formatCount(wrong)} wrong`] : []),
    ...(failed > 0 ? [`${formatCount(failed)} failed`] : []),
  ];
  return `but ${parts.join(', ')}`;
}

/** Returns the requests answered in the last complete second. */
export function throughputNow(latency: LatencyView | null): number {
  return latency?.throughput.at(-1) ?? 0;
}
