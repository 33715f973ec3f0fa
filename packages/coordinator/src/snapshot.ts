import type { Device, DeviceStatisticsView } from './devices/device.ts';
import type { DeploymentState } from './events.ts';
import type { SeatSnapshot } from './placement/seat.ts';
import type { Policy, WaitPrediction } from './policy.ts';
import type { DeviceId } from './ports.ts';
import type { Deployment, DeploymentCounters } from './requests/deployment.ts';
import type { Generation } from './requests/generation.ts';

/** A seat, as the device that has it sees it. */
export interface HeldSeat {
  readonly deployment: string;
  readonly seat: number;
  readonly role: SeatSnapshot['role'];
  readonly state: SeatSnapshot['state'];
}

export interface DeviceSnapshot {
  readonly id: DeviceId;
  readonly state: 'up' | 'silent' | 'down' | 'quarantined';
  /** Why it is quarantined or down. */
  readonly reason: string | null;
  readonly inFlight: number;
  readonly seats: readonly HeldSeat[];
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
  const held = seatsByDevice(seen);
  return {
    deployments: seen,
    devices: Array.from(devices, (device) => deviceSnapshot(device, held.get(device.id) ?? [])),
  };
}

/** In one pass: a fleet of a hundred is looked at several times a second. */
function seatsByDevice(deployments: readonly DeploymentSnapshot[]): Map<DeviceId, HeldSeat[]> {
  const held = new Map<DeviceId, HeldSeat[]>();
  for (const { name, seats } of deployments) {
    for (const { device, seat, role, state } of seats) {
      if (device === null) continue;
      const of = held.get(device);
      const one = { deployment: name, seat, role, state };
      if (of) of.push(one);
      else held.set(device, [one]);
    }
  }
  return held;
}

function deviceSnapshot(device: Device, seats: readonly HeldSeat[]): DeviceSnapshot {
  const { id, availability, inFlight, statistics } = device;
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
