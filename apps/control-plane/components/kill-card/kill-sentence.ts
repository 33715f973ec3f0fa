import {
  type FaultImpactView,
  type FaultReportView,
  faultSentence,
  faultWords,
  isEmulated,
} from '@sparewheel/protocol';
import { formatCount, formatMs } from '../ui/format.ts';

/** The sentences of a kill card. */
export interface KillSentence {
  /** "local-4 killed at 14:03:21." */
  readonly headline: string;
  /** "37 requests in flight: 37 answered, slowest 41 ms." */
  readonly coded: string;
  /** "Uncoded: 12 failed, answering again after 2.8 s."; null without a twin. */
  readonly uncoded: string | null;
  readonly codedTone: KillTone;
  readonly uncodedTone: KillTone;
}

/**
 * `ok`: every request in flight was answered, and no answer is known to be wrong. `unchecked`: the same, but the answers
 * are not checked.
 */
export type KillTone = 'ok' | 'unchecked' | 'danger' | 'waiting';

/** A lane of the duel. `checked`: whether a wrong answer would be found. */
export interface KillLane {
  readonly name: string;
  readonly checked: boolean;
}

/** A shorter silence is not mentioned, because a person does not notice it. */
const NOTICEABLE_MS = 250;
/** A longer silence interrupts a person. */
export const STALL_MS = 1_000;

/**
 * Describes a fault with the measured numbers of both deployments.
 * @param timeOf  formats the time of the fault, without the date
 * @returns null if the report is about other deployments
 */
export function killSentence(
  report: FaultReportView,
  lanes: { readonly coded: KillLane; readonly uncoded: KillLane | null },
  timeOf: (at: string) => string,
): KillSentence | null {
  const of = (lane: KillLane | null) =>
    report.deployments.find(({ deployment }) => deployment === lane?.name);
  const coded = of(lanes.coded);
  if (coded === undefined) return null;
  const uncoded = of(lanes.uncoded);
  const { checked } = lanes.coded;
  const uncodedChecked = lanes.uncoded?.checked ?? true;
  return {
    headline: `${faultText(report)} at ${timeOf(report.at)}.${coded.seated ? '' : ` It had no shard of ${lanes.coded.name}.`}`,
    coded: `${impactText(coded, checked)}.`,
    uncoded: uncoded === undefined ? null : `Uncoded: ${impactText(uncoded, uncodedChecked)}.`,
    codedTone: toneOf(coded, checked),
    uncodedTone: uncoded === undefined ? 'ok' : toneOf(uncoded, uncodedChecked),
  };
}

/** "local-4 killed"; a fault that the device emulates is marked. */
function faultText({ fault, deviceName }: FaultReportView): string {
  return isEmulated(fault)
    ? `${faultSentence(deviceName, fault)} (emulated)`
    : `${deviceName} ${faultWords(fault)}`;
}

/** "37 requests in flight: 36 answered, 1 failed, slowest 41 ms, answering again after 2.8 s" */
function impactText(impact: FaultImpactView, checked: boolean): string {
  const { inFlight, answered, wrong, failed, canceled, waiting, slowestMs, failedAfter, wrongAfter } = impact;
  const parts = [
    [answered, 'answered'],
    [wrong, 'wrong'],
    [failed, 'failed'],
    [canceled, 'canceled'],
    [waiting, impact.measuring ? 'still waiting' : 'never answered'],
  ] as const;
  const ends = parts.flatMap(([count, word]) => (count > 0 ? [`${count} ${word}`] : []));
  if (slowestMs !== null) ends.push(`slowest ${formatMs(slowestMs)}`);
  if (failedAfter > 0) ends.push(`${failedAfter} more failed`);
  if (wrongAfter > 0) ends.push(`${wrongAfter} more wrong`);
  const again = againText(impact);
  if (again !== null) ends.push(again);
  if (!checked) ends.push('answers not checked');
  const requests = inFlight === 1 ? 'request' : 'requests';
  if (inFlight === 0) return ['no requests in flight', ...ends].join(', ');
  return `${inFlight} ${requests} in flight: ${ends.join(', ')}`;
}

/** null if the deployment answered throughout, and for a device without a seat: nothing stopped because of it. */
function againText(impact: FaultImpactView): string | null {
  const { seated, answeringAgainMs, longestSilenceMs, measuring, skipped } = impact;
  if (!seated || longestSilenceMs === null || longestSilenceMs < NOTICEABLE_MS) return null;
  if (answeringAgainMs === null) {
    return measuring ? 'not answering again yet' : `no answer for ${formatMs(longestSilenceMs)}`;
  }
  const copies = skipped === 1 ? '1 copy' : `${formatCount(skipped)} copies`;
  return `answering again after ${formatMs(answeringAgainMs)}${skipped > 0 ? `, ${copies} skipped until then` : ''}`;
}

function toneOf(impact: FaultImpactView, checked: boolean): KillTone {
  const { seated, wrong, failed, failedAfter, wrongAfter, waiting, measuring, longestSilenceMs } = impact;
  const stalled = seated && (longestSilenceMs ?? 0) >= STALL_MS;
  if (wrong + failed + failedAfter + wrongAfter > 0 || stalled) return 'danger';
  if (waiting > 0) return measuring ? 'waiting' : 'danger';
  return checked ? 'ok' : 'unchecked';
}
