/** Combines the stored record of a deployment with the data plane's report, for the API and the dashboard. Pure. */

import { rescueRule } from '@sparewheel/coordinator';
import type { DeploymentRuntime, PreloadProgress } from '@sparewheel/data-plane-client';
import type { Plan } from '@sparewheel/planner';
import type { DeploymentView, NetworkView, SeatView } from '@sparewheel/protocol';
import type { DeploymentRecord } from '../database/store.ts';

/** Encoding is the first half of the progress, distributing the second. */
const ENCODING_SHARE = 0.5;

/** The transfers of a deployment before its devices install their seats. */
export interface Preloads {
  readonly sent: ReadonlyMap<string, Pick<PreloadProgress, 'sentBytes' | 'totalBytes'>>;
  /** The device that will probably get each seat, while the deployment is prepared. */
  readonly expected: readonly ({ readonly id: string; readonly name: string | null } | null)[];
}

/**
 * @param runtime   null if the data plane does not have the deployment (yet)
 * @param twin      the uncoded twin of this deployment
 * @param deleting  whether the deployment is being deleted
 * @param encoding  progress of encoding, from 0 to 1; used during the preparation
 */
export function deploymentView(
  record: DeploymentRecord,
  runtime: DeploymentRuntime | null,
  {
    encoding,
    preloads,
    dataPlaneListens,
    deleting = false,
    twin = null,
    network = null,
  }: {
    readonly encoding: number;
    readonly preloads: Preloads;
    readonly dataPlaneListens: boolean;
    readonly deleting?: boolean;
    readonly twin?: string | null;
    readonly network?: NetworkView | null;
  },
): DeploymentView {
  const { plan } = record;
  return {
    name: record.name,
    model: record.model,
    ...(deleting ? DELETING : stateOf(record, runtime, dataPlaneListens)),
    strategy: record.choice.strategy,
    k: record.choice.k,
    r: record.choice.r,
    planned: { k: plan.k, r: plan.r },
    layers: record.choice.layers,
    policy: {
      ...record.policy,
      rescue: rescueRule(record.policy, plan),
      detectMs: record.policy.detectMs ?? null,
    },
    inputs: plan.inputs,
    outputs: plan.outputs,
    coverage: plan.seats.length === 0 ? null : plan.coverage,
    objective: plan.objective ?? 'latency',
    runsWhole: plan.runsWhole ?? null,
    predictions: predictionsOf(plan),
    ...(runtime?.waiting ? { waiting: runtime.waiting } : {}),
    progress: {
      ...progressOf(record, runtime, encoding, preloads),
      ...(deleting ? { fraction: 1, phase: 'done' as const } : {}),
    },
    load: runtime?.load ?? null,
    outage: runtime?.outage ?? null,
    mirrorOf: record.choice.mirrorOf ?? null,
    mirror: runtime?.mirror ?? null,
    twin,
    network,
    createdAt: record.createdAt,
  };
}

const DELETING = {
  state: 'deleting',
  reason: 'It is being deleted. Accepted requests finish first.',
} as const;

function stateOf(
  { status, reason, plan }: DeploymentRecord,
  runtime: DeploymentRuntime | null,
  dataPlaneListens: boolean,
): Pick<DeploymentView, 'state' | 'reason'> {
  if (status !== 'live') return { state: status, reason };
  if (runtime !== null) {
    return { state: runtime.state, reason: runtime.reason ?? plan.runsWhole ?? null };
  }
  return dataPlaneListens
    ? { state: 'distributing', reason: null }
    : { state: 'unavailable', reason: 'The data plane is starting.' };
}

function progressOf(
  { status, plan, artifacts }: DeploymentRecord,
  runtime: DeploymentRuntime | null,
  encoding: number,
  preloads: Preloads,
): DeploymentView['progress'] {
  const weightsOf = (index: number) => plan.seats[index]?.weightsBytes ?? 0;
  const seats = (runtime?.seats ?? plan.seats.map(emptySeat)).map((seat, index) =>
    seat.state === 'ready' ? seat : beforeInstall(seat, weightsOf(index), preloads, index),
  );
  if (status === 'live' && runtime !== null && runtime.state !== 'distributing') {
    return { fraction: 1, phase: 'done', seats };
  }
  const encoded = status === 'live' || artifacts !== null ? 1 : encoding;
  let sent = 0;
  let total = 0;
  for (const [index, { state, sentBytes, totalBytes }] of seats.entries()) {
    // A ready seat no longer reports bytes.
    const bytes = Math.max(totalBytes, weightsOf(index));
    total += bytes;
    sent += state === 'ready' ? bytes : Math.min(sentBytes, bytes);
  }
  const distributed = total === 0 ? 0 : sent / total;
  return {
    fraction: ENCODING_SHARE * encoded + (1 - ENCODING_SHARE) * distributed,
    phase: status === 'live' ? 'distributing' : 'encoding',
    seats,
  };
}

/** Adds what was sent ahead to a seat whose install has not reported bytes yet. */
function beforeInstall(
  seat: SeatView,
  weightsBytes: number,
  { sent, expected }: Preloads,
  index: number,
): SeatView {
  if (seat.totalBytes > 0 && seat.sentBytes > 0) return seat;
  const coming = seat.device === null ? (expected[index] ?? null) : null;
  const progress = sent.get(seat.device ?? coming?.id ?? '');
  return {
    ...seat,
    // Not its device: the coordinator assigns the seat later, perhaps to another device.
    deviceName: seat.deviceName ?? coming?.name ?? null,
    sentBytes: progress?.sentBytes ?? seat.sentBytes,
    totalBytes: Math.max(seat.totalBytes, weightsBytes, progress?.totalBytes ?? 0),
  };
}

function emptySeat({ seat, role, weightsBytes }: DeploymentRecord['plan']['seats'][number]): SeatView {
  return {
    seat,
    role,
    device: null,
    deviceName: null,
    state: 'empty',
    sentBytes: 0,
    totalBytes: weightsBytes,
  };
}

/** Leaves the times of the steps out, which only the coordinator needs. */
function predictionsOf({ predictions }: Plan): DeploymentView['predictions'] {
  if (predictions === undefined) return null;
  const { ms, megabytes } = predictions.plan;
  return { ...predictions, plan: { ms, megabytes } };
}
