import type { DeploymentView, DeploymentViewState, SeatView } from '@sparewheel/protocol';
import type { Tone } from '../fleet/fleet-view.ts';
import { formatPercent } from '../ui/format.ts';

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
  ready: { label: 'Ready', tone: 'ok', sentence: 'All devices answer.' },
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
};

export function deploymentStatus(deployment: DeploymentView): DeploymentStatus {
  const { label, tone, sentence } = STATES[deployment.state];
  return {
    label,
    tone,
    busy: deployment.state === 'preparing' || deployment.state === 'distributing',
    sentence: deployment.reason ?? deployment.runsWhole ?? sentence,
  };
}

/** Returns "4 + 1 coded · coverage 100 %". */
export function deploymentShape({ k, r, strategy, coverage, runsWhole }: DeploymentView): string {
  if (coverage === null) return 'Nothing is distributed';
  if (runsWhole !== null) return `1 + ${r} replicas · coverage ${formatPercent(coverage, 0)}`;
  return `${k} + ${r} ${strategy} · coverage ${formatPercent(coverage, 0)}`;
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
