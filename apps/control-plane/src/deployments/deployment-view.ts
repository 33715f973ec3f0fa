/** Combines the stored record of a deployment with the data plane's report, for the API and the dashboard. Pure. */

import type { DeploymentRuntime } from '@sparewheel/data-plane-client';
import type { DeploymentView, SeatView } from '@sparewheel/protocol';
import type { DeploymentRecord } from '../database/store.ts';

/** Encoding is the first half of the progress, distributing the second. */
const ENCODING_SHARE = 0.5;

/**
 * @param runtime   null if the data plane does not have the deployment (yet)
 * @param encoding  progress of encoding, from 0 to 1; used during the preparation
 */
export function deploymentView(
  record: DeploymentRecord,
  runtime: DeploymentRuntime | null,
  { encoding, dataPlaneListens }: { readonly encoding: number; readonly dataPlaneListens: boolean },
): DeploymentView {
  const { plan } = record;
  return {
    name: record.name,
    model: record.model,
    ...stateOf(record, runtime, dataPlaneListens),
    strategy: record.choice.strategy,
    k: record.choice.k,
    r: record.choice.r,
    planned: { k: plan.k, r: plan.r },
    layers: record.choice.layers,
    policy: record.policy,
    inputs: plan.inputs,
    outputs: plan.outputs,
    coverage: plan.seats.length === 0 ? null : plan.coverage,
    objective: plan.objective ?? 'latency',
    runsWhole: plan.runsWhole ?? null,
    predictions: plan.predictions ?? null,
    ...(runtime?.waiting ? { waiting: runtime.waiting } : {}),
    progress: progressOf(record, runtime, encoding),
    load: runtime?.load ?? null,
    outage: null,
    mirrorOf: null,
    mirror: null,
    twin: null,
    createdAt: record.createdAt,
  };
}

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
): DeploymentView['progress'] {
  const seats = runtime?.seats ?? plan.seats.map(emptySeat);
  if (status !== 'live') {
    const fraction = artifacts === null ? ENCODING_SHARE * encoding : ENCODING_SHARE;
    return { fraction, phase: 'encoding', seats };
  }
  if (runtime !== null && runtime.state !== 'distributing') return { fraction: 1, phase: 'done', seats };
  const sent = seats.reduce(
    (sum, seat) => sum + (seat.state === 'ready' ? seat.totalBytes : seat.sentBytes),
    0,
  );
  const total = seats.reduce((sum, seat) => sum + seat.totalBytes, 0);
  const distributed = total === 0 ? 0 : sent / total;
  return { fraction: ENCODING_SHARE + (1 - ENCODING_SHARE) * distributed, phase: 'distributing', seats };
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
