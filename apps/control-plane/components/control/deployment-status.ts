import type { DeploymentView, DeploymentViewState, SeatView } from '@sparewheel/protocol';
import type { Tone } from '../fleet/fleet-view.ts';
import { formatPercent } from '../ui/format.ts';

export interface DeploymentStatus {
  readonly label: string;
  readonly tone: Tone;
  /** It is being set up, so progress is what matters. */
  readonly busy: boolean;
  readonly sentence: string;
}

const STATES: Record<DeploymentViewState, { label: string; tone: Tone; sentence: string }> = {
  preparing: { label: 'Preparing', tone: 'muted', sentence: 'The parity is being encoded.' },
  distributing: { label: 'Distributing', tone: 'muted', sentence: 'Shards are on their way to the devices.' },
  ready: { label: 'Ready', tone: 'ok', sentence: 'Every seat answers; redundancy is whole.' },
  degraded: {
    label: 'Degraded',
    tone: 'warning',
    sentence: 'Devices are missing; the parity carries their shares.',
  },
  rescuing: {
    label: 'Rescuing',
    tone: 'danger',
    sentence: 'More are missing than the code repairs; the data plane computes the rest.',
  },
  unavailable: { label: 'Unavailable', tone: 'danger', sentence: 'It cannot answer.' },
  failed: { label: 'Failed', tone: 'danger', sentence: 'It could not be set up.' },
};

export function deploymentStatus(deployment: DeploymentView): DeploymentStatus {
  const { label, tone, sentence } = STATES[deployment.state];
  return {
    label,
    tone,
    busy: deployment.state === 'preparing' || deployment.state === 'distributing',
    sentence: deployment.reason ?? sentence,
  };
}

/** "4 + 1 coded · coverage 100 %". */
export function deploymentShape({ k, r, strategy, coverage }: DeploymentView): string {
  return `${k} + ${r} ${strategy} · coverage ${formatPercent(coverage, 0)}`;
}

/** 0 to 1; a seat without anything to send is done when it is ready. */
export function seatFraction(seat: SeatView): number {
  if (seat.state === 'ready') return 1;
  return seat.totalBytes === 0 ? 0 : Math.min(1, seat.sentBytes / seat.totalBytes);
}

/** The one that is shown: the chosen one while it exists, or the first that serves, or the first. */
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
