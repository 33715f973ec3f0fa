import type { Deployment, DeploymentCounters } from './deployment.ts';
import type { Device, DeviceStatisticsView } from './device.ts';
import type { DeploymentState } from './events.ts';
import type { Generation } from './generation.ts';
import type { Policy, WaitPrediction } from './policy.ts';
import type { DeviceId } from './ports.ts';
import type { SeatSnapshot } from './seat.ts';

export interface DeviceSnapshot {
  readonly id: DeviceId;
  readonly state: 'up' | 'silent' | 'down' | 'quarantined';
  /** Why it is quarantined or down. */
  readonly reason: string | null;
  readonly inFlight: number;
  readonly seats: readonly {
    readonly deployment: string;
    readonly seat: number;
    readonly role: SeatSnapshot['role'];
    readonly state: SeatSnapshot['state'];
  }[];
  readonly statistics: DeviceStatisticsView;
}

export interface DeploymentSnapshot {
  readonly name: string;
  readonly state: DeploymentState;
  readonly reason: string | null;
  readonly policy: Policy;
  readonly seats: readonly SeatSnapshot[];
  /** The seats of the plan that will take over, during a rolling change. */
  readonly nextSeats: readonly SeatSnapshot[] | null;
  readonly counters: Readonly<DeploymentCounters>;
  /** Under `waitMs: "adaptive"`: what was learned of each coded step. */
  readonly waiting?: readonly WaitPrediction[];
  readonly inFlight: number;
  readonly queued: number;
}

export interface CoordinatorSnapshot {
  readonly devices: readonly DeviceSnapshot[];
  readonly deployments: readonly DeploymentSnapshot[];
}

/** How everything is now, as plain data that stays as it is. */
export function takeSnapshot(
  deployments: Iterable<Deployment>,
  devices: Iterable<Device>,
): CoordinatorSnapshot {
  const seen = Array.from(deployments, deploymentSnapshot);
  return { deployments: seen, devices: Array.from(devices, (device) => deviceSnapshot(device, seen)) };
}

function deviceSnapshot(device: Device, deployments: readonly DeploymentSnapshot[]): DeviceSnapshot {
  const { id, availability, inFlight, statistics } = device;
  const seats = deployments.flatMap(({ name, seats }) =>
    seats
      .filter((seat) => seat.device === id)
      .map(({ seat, role, state }) => ({ deployment: name, seat, role, state })),
  );
  return {
    id,
    state: availability === 'ready' || availability === 'busy' ? 'up' : availability,
    reason: device.quarantineReason ?? device.downReason,
    inFlight,
    seats,
    statistics,
  };
}

function deploymentSnapshot(deployment: Deployment): DeploymentSnapshot {
  const { name, state, reason, policy, active, next, counters, inFlight, queued } = deployment;
  return {
    name,
    state,
    reason,
    policy,
    seats: active.placement.snapshot(),
    nextSeats: next?.placement.snapshot() ?? null,
    counters: { ...counters },
    ...(policy.waitMs === 'adaptive' ? { waiting: predictWaiting(active) } : {}),
    inFlight,
    queued,
  };
}

function predictWaiting({ program }: Generation): WaitPrediction[] {
  return program.steps.flatMap((step) =>
    step.kind === 'coded' ? (step.wait.prediction(step.id) ?? []) : [],
  );
}
