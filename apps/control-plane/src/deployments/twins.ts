/** The rules for mirrors, and for the uncoded twin of a deployment. Pure. */
import { ApiError, type DeploymentRequest, LIMITS, type Policy } from '@sparewheel/protocol';
import type { DeploymentRecord } from '../database/store.ts';

/** @throws {ApiError} 400 the original cannot be mirrored by this deployment */
export function checkMirror(
  { name, model, mirrorOf }: Pick<DeploymentRequest, 'name' | 'model' | 'mirrorOf'>,
  original: DeploymentRecord | undefined,
): void {
  if (original === undefined) {
    throw refusal(`The field "mirrorOf" names "${mirrorOf}", which is not a deployment.`);
  }
  if (original.model !== model) {
    throw refusal(
      `"${name}" has the model "${model}", but "${original.name}" has the model "${original.model}". A mirror needs the same model.`,
    );
  }
  if (original.choice.mirrorOf) {
    throw refusal(
      `"${original.name}" is itself a mirror of "${original.choice.mirrorOf}". Mirror that deployment.`,
    );
  }
}

function refusal(message: string): ApiError {
  return new ApiError(400, 'invalid-request', message);
}

/** A twin's requests can be answered for at least this long after a failure is detected. */
const AFTER_DETECTION_MS = 10_000;

/**
 * Returns the part of a twin's policy that depends on its detection. Its deadline is that of the original, or longer:
 * requests that wait for the detection must be able to succeed.
 * @param original  the policy of the coded deployment
 */
export function twinDetection(
  { deadlineMs }: Pick<Policy, 'deadlineMs'>,
  detectMs: number | null,
): Required<Pick<Policy, 'deadlineMs' | 'detectMs'>> {
  const needed = detectMs === null ? 0 : detectMs + AFTER_DETECTION_MS;
  return { deadlineMs: Math.max(deadlineMs, needed), detectMs };
}

/**
 * Returns the requests for the uncoded twin of a deployment, the preferred one first: on all its devices, then on
 * fewer, because a layer may not be divisible over all of them. The twin distributes the same layers.
 * @throws {ApiError} 409 the deployment cannot have an uncoded twin
 */
export function twinRequests(record: DeploymentRecord, detectMs: number | null): DeploymentRequest[] {
  const { name, model, choice, plan, policy, seats } = record;
  if (choice.mirrorOf) throw noTwin(name, `it is itself a mirror of "${choice.mirrorOf}".`);
  if (choice.strategy !== 'coded' && choice.strategy !== 'paper') {
    throw noTwin(
      name,
      `its strategy is "${choice.strategy}", and only a coded deployment has an uncoded twin.`,
    );
  }
  if (plan.runsWhole) throw noTwin(name, 'it distributes no layer, so no device holds a shard.');
  const twin = `${name}-uncoded`;
  if (twin.length > LIMITS.nameLength) {
    throw noTwin(name, `the name "${twin}" has more than ${LIMITS.nameLength} characters.`);
  }
  const layers =
    choice.layers === 'all'
      ? choice.layers
      : plan.decisions.flatMap(({ layer, distributed }) => (distributed ? [layer] : []));
  const devices = seats.every((device) => device !== null) ? seats : choice.devices;
  const request: Omit<DeploymentRequest, 'k'> = {
    name: twin,
    model,
    r: 0,
    strategy: 'uncoded',
    layers,
    splits: plan.splits ?? 'auto',
    objective: plan.objective ?? 'latency',
    policy: { waitMs: 'all', verify: 'off', rescue: 'devices', ...twinDetection(policy, detectMs) },
    mirrorOf: name,
    ...(devices === null ? {} : { devices: [...devices] }),
  };
  const requests: DeploymentRequest[] = [];
  const most = Math.max(plan.seats.length, plan.k);
  for (let k = most; k >= Math.min(plan.k, most); k--) requests.push({ ...request, k });
  return requests;
}

export function noTwin(name: string, reason: string): ApiError {
  return new ApiError(409, 'no-twin', `"${name}" cannot have an uncoded twin: ${reason}`);
}

export function hasTwin(name: string, twin: string): ApiError {
  return new ApiError(
    409,
    'twin-exists',
    `"${name}" has the twin "${twin}" already.`,
    `Delete it first with DELETE /api/deployments/${encodeURIComponent(name)}/twin.`,
  );
}
