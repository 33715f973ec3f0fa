import {
  type AnswerStatistics,
  type DeploymentView,
  type DeviceView,
  type EventView,
  faultWords,
  type OutageView,
  PAPER_DETECT_MS,
  type SeatView,
} from '@sparewheel/protocol';
import { planKind } from '../control/deployment-status.ts';
import { STALL_MS } from '../kill-card/kill-sentence.ts';
import type { Connection } from '../live-connection/live-connection.ts';
import { formatCount, formatMs } from '../ui/format.ts';

/** A coded deployment and its uncoded twin. */
export interface Duel {
  readonly coded: DeploymentView;
  /** null while the twin is turned off. */
  readonly uncoded: DeploymentView | null;
}

/** Returns the duel that a deployment is part of; null if it is neither coded nor the twin of a coded deployment. */
export function duelOf(deployments: readonly DeploymentView[], selected: DeploymentView | null): Duel | null {
  if (selected === null) return null;
  const coded =
    selected.mirrorOf === null ? selected : deployments.find(({ twin }) => twin === selected.name);
  if (coded === undefined || planKind(coded) !== 'coded') return null;
  return { coded, uncoded: deployments.find(({ name }) => name === coded.twin) ?? null };
}

/** How fast the uncoded twin detects a failure: as soon as it can, or as in the paper. */
export type Detection = 'now' | 'paper';
export const DETECT_MS: Readonly<Record<Detection, number | null>> = { now: null, paper: PAPER_DETECT_MS };

/** Returns the detection of a twin; null for a time that was set through the API. */
export function detectionOf({ policy }: Pick<DeploymentView, 'policy'>): Detection | null {
  const detectMs = policy.detectMs ?? null;
  return detectMs === DETECT_MS.now ? 'now' : detectMs === DETECT_MS.paper ? 'paper' : null;
}

/** Says that the detection of a twin is emulated: it acts later than it could. null if it acts as soon as it can. */
export function emulatedDetection(twin: DeploymentView | null): string | null {
  const detectMs = twin?.policy.detectMs ?? 0;
  if (twin === null || detectMs === 0) return null;
  const paper = detectionOf(twin) === 'paper' ? ', as in the paper (“tens of seconds”)' : '';
  return `uncoded detects a failure after ${detectMs / 1_000} s${paper}`;
}

/** Describes the uncoded lane, also for an audience that sees nothing else: "5 devices, 20 s detection (emulated)". */
export function uncodedDetail({ planned, policy }: DeploymentView): string {
  const detection = policy.detectMs ? `, ${policy.detectMs / 1_000} s detection (emulated)` : '';
  return `${planned.k} devices${detection}`;
}

/** Says in one sentence why a deployment cannot have an uncoded twin; null if it can. */
export function noTwinReason(deployment: DeploymentView): string | null {
  if (deployment.mirrorOf !== null) {
    return `${deployment.name} is a mirror of ${deployment.mirrorOf}, and only the original can have an uncoded twin.`;
  }
  switch (planKind(deployment)) {
    case 'coded':
      return null;
    case 'local':
      return `No device computes a layer of ${deployment.name}, so there is nothing to compare.`;
    case 'whole':
      return `${deployment.name} runs undivided on one device, so it has no uncoded twin.`;
    case 'replicated':
      return `${deployment.name} has replicas instead of a code, so it has no uncoded twin.`;
    case 'uncoded':
      return `${deployment.name} is uncoded itself. Deploy it with parity to compare both.`;
  }
}

/** Returns whether a deployment accepts requests. */
export function serves({ state }: DeploymentView): boolean {
  return state !== 'preparing' && state !== 'distributing' && state !== 'failed' && state !== 'deleting';
}

export interface LaneStatus {
  readonly tone: 'ok' | 'warning' | 'danger' | 'muted';
  readonly text: string;
  /** Shows a running clock from this time, in ms since 1970; null without one. */
  readonly clockFrom: number | null;
}

/**
 * Says what a lane does: it answers, survives a failure, or waits for something.
 * @param loading  whether requests are sent
 */
export function laneStatus(deployment: DeploymentView, loading: boolean): LaneStatus {
  const { outage, state, progress } = deployment;
  if (state === 'deleting') return { tone: 'muted', text: 'being deleted', clockFrom: null };
  if (outage !== null) return outageStatus(outage);
  if (state === 'preparing' || state === 'distributing') {
    return { tone: 'muted', text: 'being set up', clockFrom: null };
  }
  if (state === 'failed') return { tone: 'danger', text: 'could not be set up', clockFrom: null };
  const substitute = progress.seats.find(isSubstituted)?.substituteName;
  if (substitute) return { tone: 'warning', text: `slower: ${substitute} has two shards`, clockFrom: null };
  const down = progress.seats.filter((seat) => seat.state !== 'ready');
  if (down.length > 0) {
    const names = down.map((seat) => seat.deviceName ?? `seat ${seat.seat}`).join(', ');
    return { tone: 'warning', text: `answering without ${names}`, clockFrom: null };
  }
  return { tone: 'ok', text: loading ? 'answering' : 'ready', clockFrom: null };
}

/**
 * Says that the page does not know what a lane does; null while messages come.
 * @param since  when the last message came, in ms since 1970
 */
export function silentStatus(connection: Connection, since: number | null): LaneStatus | null {
  if (connection === 'live' || connection === 'connecting') return null;
  const text = connection === 'silent' ? 'unknown: no updates from the server' : 'unknown: no connection';
  return { tone: 'danger', text, clockFrom: since };
}

/**
 * Says that the next kill stops a coded deployment: it has no answer to spare, and the data plane may not compute shards.
 * @param standbys  the number of devices that can take a seat over
 * @returns null while the next kill is covered, and when the deployment is stalled already
 */
export function coverNote(
  { progress, planned, policy, state, outage }: DeploymentView,
  standbys: number,
): string | null {
  const answering = progress.seats.filter((seat) => seat.state === 'ready').length;
  // In an outage, the lane says that it is stalled.
  if (state !== 'degraded' || outage !== null) return null;
  if (answering > planned.k || policy.rescue === 'data-plane') return null;
  return standbys === 0
    ? 'No standby is left: the next kill is not covered.'
    : 'Until a standby has the missing shard, the next kill is not covered.';
}

function outageStatus(outage: OutageView): LaneStatus {
  const clockFrom = Date.parse(outage.since);
  const device = outage.deviceName ?? `seat ${outage.seat}`;
  switch (outage.phase) {
    case 'detecting':
      return { tone: 'danger', text: `stalled: detecting the failure of ${device}`, clockFrom };
    case 'redistributing':
      return {
        tone: 'danger',
        text: `stalled: redistributing shard ${outage.seat}${outage.toName === null ? '' : ` to ${outage.toName}`}`,
        clockFrom,
      };
    case 'waiting':
      return { tone: 'danger', text: `stalled: waiting for ${device} or a standby`, clockFrom };
  }
}

/** Whether another device computes the seat as a second task. */
function isSubstituted({ substituteState }: SeatView): boolean {
  return substituteState === 'computing';
}

/** A time in which a lane stalled or was slow, in ms since 1970. */
export interface Interruption {
  readonly kind: 'outage' | 'slowdown';
  readonly from: number;
  /** null while it lasts. */
  readonly to: number | null;
}

/** Returns the outages and slowdowns of a deployment from its events, and the present outage. */
export function interruptionsOf(
  deployment: DeploymentView,
  events: readonly EventView[],
): readonly Interruption[] {
  const ended = events.flatMap((event): Interruption[] => {
    if (event.deployment !== deployment.name || typeof event.durationMs !== 'number') return [];
    const to = Date.parse(event.at);
    const from = to - event.durationMs;
    if (event.kind === 'outage-ended') return [{ kind: 'outage', from, to }];
    return event.kind === 'slowdown-ended' ? [{ kind: 'slowdown', from, to }] : [];
  });
  const { outage } = deployment;
  if (outage !== null) return [...ended, { kind: 'outage', from: Date.parse(outage.since), to: null }];
  if (!deployment.progress.seats.some(isSubstituted)) return ended;
  const last = events.find(
    (event) => event.deployment === deployment.name && event.kind === 'redistribution-finished',
  );
  return last === undefined ? ended : [...ended, { kind: 'slowdown', from: Date.parse(last.at), to: null }];
}

/** Names the emulated faults of a deployment's devices: "local-2: delay 50 ms"; empty without any. */
export function emulatedFaults(devices: readonly DeviceView[], duel: Duel): readonly string[] {
  const seated = new Set(duel.coded.progress.seats.map(({ device }) => device));
  return devices
    .filter(({ id }) => seated.has(id))
    .map(({ name, faults, network }) => {
      // The badge of the network preset names these.
      const hidden = network != null && !network.changed ? ['delay', 'slow'] : [];
      return { name, faults: faults.filter(({ kind }) => !hidden.includes(kind)) };
    })
    .filter(({ faults }) => faults.length > 0)
    .map(({ name, faults }) => `${name}: ${faults.map(faultWords).join(', ')}`);
}

/**
 * Says in one or two sentences which requests the uncoded twin gets. A closed load waits for answers before it asks
 * again, and so would the users of the twin; an open load and other clients do not wait.
 */
export function copyRule({ load }: Pick<DeploymentView, 'load'>): string {
  const concurrency = load?.running ? load.concurrency : null;
  return concurrency === null
    ? 'The twin gets a copy of each request at once, also while its earlier ones wait.'
    : `The twin gets a copy of each request while it has fewer than ${concurrency} in flight, like the load. “Skipped” counts the others.`;
}

/** One row of the table: the same number of both lanes. */
export interface DuelRow {
  readonly key: 'p50' | 'p95' | 'p99' | 'lost' | 'failed' | 'wrong' | 'skipped';
  readonly label: string;
  readonly coded: string;
  readonly uncoded: string;
  /** The number is a loss that must be noticed. */
  readonly codedBad: boolean;
  readonly uncodedBad: boolean;
}

const NONE = '–';

/** Whether requests that still wait raise a percentile to a time that interrupts a person. On a busy machine, some raise it less. */
export function stallRaises(statistics: AnswerStatistics | null, key: 'p50' | 'p95' | 'p99'): boolean {
  if (statistics === null) return false;
  return statistics.atLeast.includes(key) && statistics[key] >= STALL_MS;
}

/** Formats a percentile: "9.00 ms"; "≥ 2.80 s" while requests wait that will raise it; "–" without any. */
export function percentileText(statistics: AnswerStatistics | null, key: 'p50' | 'p95' | 'p99'): string {
  if (statistics === null) return NONE;
  const { [key]: value, histogram, atLeast } = statistics;
  if (atLeast.includes(key)) return `≥ ${formatMs(value)}`;
  return histogram.length === 0 ? NONE : formatMs(value);
}

/**
 * Returns the numbers of both lanes.
 * @param lost     requests that neither ended nor are in flight; null if unknown
 * @param checked  whether the answers are verified; without it, no answer can be found wrong
 */
export function duelRows(
  coded: AnswerStatistics | null,
  uncoded: AnswerStatistics | null,
  lost: { readonly coded: number | null; readonly uncoded: number | null },
  checked: { readonly coded: boolean; readonly uncoded: boolean },
): readonly DuelRow[] {
  const times = (['p50', 'p95', 'p99'] as const).map((key): DuelRow => {
    return {
      key,
      label: key,
      coded: percentileText(coded, key),
      uncoded: percentileText(uncoded, key),
      codedBad: stallRaises(coded, key),
      uncodedBad: stallRaises(uncoded, key),
    };
  });
  const counts: readonly [DuelRow['key'], string, number | null, number | null][] = [
    ['lost', 'Lost', coded && lost.coded, uncoded && lost.uncoded],
    ['failed', 'Failed', coded?.failed ?? null, uncoded?.failed ?? null],
    ['wrong', 'Wrong', coded?.wrong ?? null, uncoded?.wrong ?? null],
  ];
  return [
    ...times,
    ...counts.map(([key, label, ofCoded, ofUncoded]) => ({
      key,
      label,
      coded: countText(ofCoded, key === 'wrong' && !checked.coded),
      uncoded: countText(ofUncoded, key === 'wrong' && !checked.uncoded),
      codedBad: (ofCoded ?? 0) > 0,
      uncodedBad: (ofUncoded ?? 0) > 0,
    })),
    {
      key: 'skipped',
      label: 'Skipped',
      coded: NONE,
      uncoded: countText(uncoded?.skipped ?? null, false),
      codedBad: false,
      uncodedBad: false,
    },
  ];
}

function countText(count: number | null, unchecked: boolean): string {
  if (count === null) return NONE;
  return count === 0 && unchecked ? 'not checked' : formatCount(count);
}
