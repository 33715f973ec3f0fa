import type {
  DeploymentView,
  DeploymentViewState,
  DeviceView,
  PredictionView,
  SeatView,
} from '@sparewheel/protocol';
import type { Tone } from '../fleet/fleet-view.ts';
import { formatIn, formatPercent, msColumn } from '../ui/format.ts';

export interface DeploymentStatus {
  readonly label: string;
  readonly tone: Tone;
  /** The deployment is being set up and has progress to show. */
  readonly busy: boolean;
  readonly sentence: string;
}

const STATES: Record<DeploymentViewState, { label: string; tone: Tone; sentence: string }> = {
  preparing: { label: 'Preparing', tone: 'muted', sentence: 'The parity shards are being encoded.' },
  distributing: { label: 'Distributing', tone: 'muted', sentence: 'Shards are being sent to the devices.' },
  ready: { label: 'Ready', tone: 'ok', sentence: 'All seats answer.' },
  degraded: {
    label: 'Degraded',
    tone: 'warning',
    sentence: 'Devices are missing. Parity recovers their shards.',
  },
  rescuing: {
    label: 'Rescuing',
    tone: 'danger',
    sentence: 'Too many devices are missing. The data plane computes their shards.',
  },
  unavailable: { label: 'Unavailable', tone: 'danger', sentence: 'It cannot answer requests.' },
  failed: { label: 'Failed', tone: 'danger', sentence: 'It could not be set up.' },
  deleting: {
    label: 'Deleting',
    tone: 'muted',
    sentence: 'It is being deleted. Accepted requests finish first.',
  },
};

/** @param standbys  the number of devices that can take a seat over; null if unknown */
export function deploymentStatus(
  deployment: DeploymentView,
  standbys: number | null = null,
): DeploymentStatus {
  const { label, tone, sentence: usual } = STATES[deployment.state];
  const { state, planned } = deployment;
  const sentence =
    state === 'ready' && standbys === 0
      ? 'All seats answer; no standby is left.'
      : state === 'degraded' && planned.r === 0
        ? 'Devices are missing. Others compute their shards as a second task.'
        : usual;
  return {
    label,
    tone,
    busy: state === 'preparing' || state === 'distributing',
    sentence: deployment.reason ?? deployment.runsWhole ?? sentence,
  };
}

/** Counts the devices that can take a seat of the deployment over: ready, and without a seat of it. */
export function standbyCount(devices: readonly DeviceView[], { progress }: DeploymentView): number {
  const seated = new Set(progress.seats.map(({ device }) => device));
  return devices.filter(({ id, state }) => state === 'ready' && !seated.has(id)).length;
}

/** How a plan divides the work. */
export type PlanKind = 'local' | 'whole' | 'replicated' | 'coded' | 'uncoded';

export function planKind({ coverage, runsWhole, strategy, planned }: DeploymentView): PlanKind {
  if (coverage === null) return 'local';
  if (runsWhole !== null) return 'whole';
  if (strategy === 'replicated') return 'replicated';
  return planned.r === 0 ? 'uncoded' : 'coded';
}

/** Returns whether a wrong answer of a device would be found. Without devices, none can be wrong. */
export function checksAnswers(deployment: DeploymentView): boolean {
  if (planKind(deployment) === 'local') return true;
  return deployment.policy.verify !== 'off' && deployment.planned.r > 0;
}

/** Returns "4 + 1 coded · lowest latency · coverage 100 %". The numbers are those of the present plan. */
export function deploymentShape(deployment: DeploymentView, standbys: number | null = null): string {
  const { k, r, planned, strategy, objective, runsWhole } = deployment;
  const aim = objective === 'devices-only' ? 'devices only' : 'lowest latency';
  const coverage = presentCoverage(deployment, standbys);
  if (coverage === null) return `Nothing is distributed · ${aim}`;
  if (runsWhole !== null) return `1 + ${planned.r} replicas · ${aim} · ${coverage}`;
  const changed = planned.k !== k || planned.r !== r;
  const requested = changed ? ` (requested ${k} + ${r})` : '';
  return `${planned.k} + ${planned.r} ${strategy}${requested} · ${aim} · ${coverage}`;
}

/**
 * Returns the prediction that the form showed before the deployment: "predicted 12.3 ms · one device 14.0 ms · data plane
 * 1.2 ms"; null without one.
 */
export function deploymentForecast({ predictions }: DeploymentView): string | null {
  if (predictions === null) return null;
  const { plan, device, dataPlane } = predictions;
  const format = msColumn([plan.ms, device?.ms ?? null, dataPlane?.ms ?? null]);
  const alone = (what: string, prediction: PredictionView | null) =>
    prediction === null ? [] : [`${what} alone ${formatIn(format, prediction.ms)}`];
  return [
    `predicted ${formatIn(format, plan.ms)}`,
    ...alone('one device', device),
    ...alone('data plane', dataPlane),
  ].join(' · ');
}

/** Says which share of single failures is survived with the seats that answer now; null without devices. */
function presentCoverage(deployment: DeploymentView, standbys: number | null): string | null {
  const { coverage, planned, strategy, state, progress } = deployment;
  if (coverage === null) return null;
  const whole = `coverage ${formatPercent(coverage, 0)}`;
  const missing = progress.seats.filter((seat) => seat.state !== 'ready').length;
  const serves = state === 'ready' || state === 'degraded' || state === 'rescuing' || state === 'unavailable';
  if (missing === 0 || planned.r === 0 || !serves) return whole;
  const kind = planKind(deployment);
  // Each stage has its own replicas, so the number of missing seats does not tell which failures are covered.
  if (strategy === 'paper' || kind === 'replicated') return `${whole} when all seats answer`;
  if (missing < planned.r) return whole;
  // More have failed than the plan survives. The state of the deployment says what happens to requests.
  if (missing > planned.r) return 'coverage 0 %';
  const healing = standbys === null || standbys > 0 || progress.seats.some((s) => s.state === 'installing');
  return healing
    ? 'coverage 0 % until a standby has taken over'
    : 'coverage 0 %: the next failure is not covered';
}

/** Returns the progress of a seat's shard, 0 to 1. A seat without bytes to send is done when it is ready. */
export function seatFraction(seat: SeatView): number {
  if (seat.state === 'ready') return 1;
  return seat.totalBytes === 0 ? 0 : Math.min(1, seat.sentBytes / seat.totalBytes);
}

/** Returns the deployment to show: the chosen one if it exists, else the first that did not fail, else the first. */
export function selectedDeployment(
  deployments: readonly DeploymentView[],
  chosen: string | null,
): DeploymentView | null {
  return (
    deployments.find((deployment) => deployment.name === chosen) ??
    deployments.find((deployment) => deployment.state !== 'failed') ??
    deployments[0] ??
    null
  );
}
