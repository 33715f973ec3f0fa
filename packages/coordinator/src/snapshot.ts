import type { Device, DeviceStatisticsView } from './devices/device.ts';
import type { DeploymentState } from './events.ts';
import type { SeatSnapshot } from './placement/seat.ts';
import type { Policy, WaitPrediction } from './policy.ts';
import type { DeviceId } from './ports.ts';
import type { Deployment, DeploymentCounters } from './requests/deployment.ts';
import type { Generation } from './requests/generation.ts';
import type { Outage } from './requests/outage.ts';

/** One seat of a device. */
export interface HeldSeat {
  readonly deployment: string;
  readonly seat: number;
  readonly role: SeatSnapshot['role'];
  readonly state: SeatSnapshot['state'];
}

export interface DeviceSnapshot {
  readonly id: DeviceId;
  readonly state: 'up' | 'silent' | 'down' | 'quarantined';
  /** Why the device is quarantined or down. */
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
  /** During a rolling change, the seats of the plan that will replace the active one. */
  readonly nextSeats: readonly SeatSnapshot[] | null;
  readonly counters: Readonly<DeploymentCounters>;
  /** Under `waitMs: "adaptive"`, one prediction per coded step that has been observed. */
  readonly waiting?: readonly WaitPrediction[];
  readonly inFlight: number;
  readonly queued: number;
  /** null while the deployment can answer, and under `rescue: "data-plane"`. */
  readonly outage: Outage | null;
  readonly mirrorOf: string | null;
  readonly mirrored: {
    readonly offered: number;
    readonly accepted: number;
    readonly refused: number;
    readonly skipped: number;
  };
}

export interface CoordinatorSnapshot {
  readonly devices: readonly DeviceSnapshot[];
  readonly deployments: readonly DeploymentSnapshot[];
}

/** Returns the current state as plain data. Later changes do not affect it. */
export function takeSnapshot(
  deployments: Iterable<Deployment>,
  devices: Iterable<Device>,
): CoordinatorSnapshot {
  const deploymentSnapshots = Array.from(deployments, deploymentSnapshot);
  const held = seatsByDevice(deploymentSnapshots);
  return {
    deployments: deploymentSnapshots,
    devices: Array.from(devices, (device) => deviceSnapshot(device, held.get(device.id) ?? [])),
  };
}

/** Groups all seats by device in one pass: the dashboard takes several snapshots of 100 devices a second. */
function seatsByDevice(deployments: readonly DeploymentSnapshot[]): Map<DeviceId, HeldSeat[]> {
  const held = new Map<DeviceId, HeldSeat[]>();
  for (const { name, seats } of deployments) {
    for (const { device, seat, role, state, substitute, substituteState } of seats) {
      if (device !== null) add(device, { deployment: name, seat, role, state });
      if (substitute === null) continue;
      add(substitute, {
        deployment: name,
        seat,
        role,
        state: substituteState === 'loading' ? 'installing' : 'ready',
      });
    }
  }
  return held;

  function add(device: DeviceId, seat: HeldSeat): void {
    const seatsOfDevice = held.get(device);
    if (seatsOfDevice) seatsOfDevice.push(seat);
    else held.set(device, [seat]);
  }
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
    outage: deployment.outages.current,
    mirrorOf: deployment.mirrorOf,
    mirrored: { ...deployment.mirrored },
  };
}

function predictWaiting({ program }: Generation): WaitPrediction[] {
  return program.steps.flatMap((step) =>
    step.kind === 'coded' ? (step.wait.prediction(step.id) ?? []) : [],
  );
}
