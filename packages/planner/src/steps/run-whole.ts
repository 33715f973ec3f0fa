import { type Costs, DEFAULT_COSTS, type DeviceCapacity } from '../costs/costs.ts';
import { predictStepsMs, predictWholeOn, type Undivided } from '../costs/predict.ts';
import { orderSteps } from '../layers/order-steps.ts';
import type { LayerDecision, PlanOptions, Step } from '../plan.ts';
import { isLinear, type ModelProfile } from '../profile.ts';
import { allSendable, requireSendable } from '../seats/replica-seats.ts';
import type { Attempt } from '../seats/seat-layout.ts';
import { memoryOf } from '../seats/seating.ts';
import { summarizeSeats } from '../seats/seats.ts';
import { type Layout, range, stepId } from './divide.ts';
import { partOf } from './parts.ts';
import { localStep, replicatedStep } from './steps.ts';

/**
 * Compares a divided plan with the fastest single participant whose memory holds the model: a device, or the
 * data plane if the objective is `latency`. A device gets r replicas, so that the plan survives r failures.
 * @returns the undivided layout, and the sentence that says why; null if the divided plan is to be used
 */
export function runWhole(
  profile: ModelProfile,
  options: PlanOptions,
  divided: Attempt,
  undivided: Undivided,
): (Attempt & { readonly runsWhole: string }) | null {
  const { devices, r } = options;
  const costs = options.costs ?? DEFAULT_COSTS;
  const dividedMs = dividedTime(profile, divided, costs);
  if (options.layers !== 'auto' && dividedMs !== null) return null;
  const [draft] = orderSteps(profile, new Set());
  const devicesOnly = options.objective === 'devices-only';
  const hosts = devices ? wholeHosts(profile, devices, r, costs) : [];
  const copies = replicatedStep(profile, draft!, stepId(0), range(0, 1 + r));
  const replicatedMs = hosts ? predictStepsMs(profile, [copies], hosts, costs) : Number.POSITIVE_INFINITY;
  const dataPlaneMs = devicesOnly
    ? Number.POSITIVE_INFINITY
    : (undivided.dataPlane?.ms ?? Number.POSITIVE_INFINITY);
  const onDevice = replicatedMs < dataPlaneMs && (devicesOnly || allSendable(profile, draft!));
  if (!onDevice && !Number.isFinite(dataPlaneMs)) return null;
  const singleMs = Math.min(
    dataPlaneMs,
    hosts ? (undivided.device?.ms ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY,
  );
  if (dividedMs !== null && dividedMs < singleMs) return null;
  if (onDevice) requireSendable(profile, draft!, (profile.layers.find(isLinear) ?? profile.layers[0]!).name);
  const steps: Step[] = onDevice ? [copies] : [localStep(profile, draft!, stepId(0))];
  const where = onDevice ? `one device, with ${r} ${r === 1 ? 'replica' : 'replicas'}` : 'the data plane';
  const seated = onDevice ? hosts! : [];
  return {
    layout: { steps, decisions: divided.layout.decisions.map(wholeDecision) },
    summaries: summarizeSeats(profile, steps),
    seated,
    pinned: seated.length > 0,
    shortage: null,
    runsWhole: `Runs whole on ${where}: ${dividedMs === null ? whyUndivided(profile, options) : comparison(dividedMs, singleMs)}`,
  };
}

/** Returns whether a layout divides any layer, into shards, tiles or slices. */
export function divides({ steps }: Layout): boolean {
  return steps.some((step) => step.kind === 'coded' || partOf(step) !== null);
}

/** Predictions that differ by less than this share count as equal. */
const NO_GAIN = 0.05;

/** Returns the predicted time of a divided plan; null if it divides nothing, infinity if it does not fit. */
function dividedTime(
  profile: ModelProfile,
  { layout, seated, shortage }: Attempt,
  costs: Costs,
): number | null {
  if (!divides(layout)) return null;
  return shortage ? Number.POSITIVE_INFINITY : predictStepsMs(profile, layout.steps, seated, costs);
}

/** Returns why no layer is divided. The decisions of the plan have a reason for each layer. */
function whyUndivided(profile: ModelProfile, { k }: PlanOptions): string {
  const linear = profile.layers.some(({ coding, notCodable }) => coding || notCodable !== null);
  return linear
    ? `no linear layer can be divided over ${k} devices`
    : 'the model has no linear layer with constant weights';
}

function comparison(dividedMs: number, wholeMs: number): string {
  if (!Number.isFinite(dividedMs)) return 'distributed it would not fit the memory of the devices';
  if (dividedMs / wholeMs < 1 + NO_GAIN) return 'distributing it gains nothing';
  return `distributed it would be ${times(dividedMs / wholeMs)} × slower`;
}

/** Returns the 1 + r devices that are fastest with the whole model and have room for it; null if too few have. */
function wholeHosts(
  profile: ModelProfile,
  devices: readonly DeviceCapacity[],
  r: number,
  costs: Costs,
): readonly DeviceCapacity[] | null {
  const hosts = devices
    .filter((device) => memoryOf(device) >= profile.weightsBytes)
    .map((device) => ({ device, ms: predictWholeOn(profile, device, costs).ms }))
    .sort((a, b) => a.ms - b.ms)
    .slice(0, 1 + r);
  return hosts.length > r ? hosts.map(({ device }) => device) : null;
}

function wholeDecision(decision: LayerDecision): LayerDecision {
  if (!decision.distributed) return decision;
  const { layer, op, reason } = decision;
  // Some reasons give the predicted times after a colon.
  const figures = /: (.*)/.exec(reason)?.[1];
  const than = figures === undefined ? ` than one with this layer ${reason}` : `: ${figures}`;
  return { layer, op, distributed: false, reason: `the undivided model is faster${than}` };
}

/** Formats a ratio with two significant digits or more: 1.2, 14, 130. */
function times(ratio: number): string {
  return ratio < 10 ? ratio.toFixed(1) : ratio.toFixed(0);
}
