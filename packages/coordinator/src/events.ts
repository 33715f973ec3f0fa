import type { DeviceId, InstallProgress } from './ports.ts';
import type { SettledRequest } from './requests/arrivals.ts';

/** An event for the database, the dashboard and the log. Events are emitted in the order in which they happen. */
export type CoordinatorEvent =
  | { kind: 'device-joined'; device: DeviceId }
  | { kind: 'device-returned'; device: DeviceId }
  | { kind: 'device-lost'; device: DeviceId; reason: string }
  /** The device is connected but does not answer. It counts as an erasure until it answers. */
  | { kind: 'device-silent'; device: DeviceId }
  | { kind: 'device-answering'; device: DeviceId }
  | { kind: 'device-quarantined'; device: DeviceId; reason: string }
  /** An operator ended the quarantine. */
  | { kind: 'device-released'; device: DeviceId }
  | { kind: 'deployment-state'; deployment: string; state: DeploymentState; reason: string | null }
  /** More shards are missing than the code recovers, and the data plane may not compute them. Requests wait. */
  | { kind: 'outage-began'; deployment: string; seat: number; device: DeviceId | null; inFlight: number }
  /** `afterMs` since the failure: from now on, the coordinator acts on it. */
  | { kind: 'failure-detected'; deployment: string; seat: number; device: DeviceId | null; afterMs: number }
  /** A surviving device begins to load a seat as a second task. */
  | {
      kind: 'redistribution-began';
      deployment: string;
      seat: number;
      device: DeviceId;
      from: DeviceId | null;
    }
  | {
      kind: 'redistribution-finished';
      deployment: string;
      seat: number;
      device: DeviceId;
      afterMs: number;
      transferredBytes: number;
    }
  | { kind: 'redistribution-failed'; deployment: string; seat: number; device: DeviceId; reason: string }
  /** The deployment can answer again, `afterMs` since the failure. */
  | {
      kind: 'outage-ended';
      deployment: string;
      seat: number;
      device: DeviceId | null;
      afterMs: number;
      inFlight: number;
    }
  /** The seat has a device of its own again, `afterMs` since the end of its redistribution. */
  | {
      kind: 'slowdown-ended';
      deployment: string;
      seat: number;
      device: DeviceId;
      substitute: DeviceId;
      afterMs: number;
    }
  /** A mirror gets a copy of a request that its original accepted. */
  | { kind: 'request-copied'; deployment: string }
  /** A mirror did not get a copy, because it has as many requests in flight as the caller keeps. */
  | { kind: 'copy-skipped'; deployment: string }
  /** The mirror's own limits refused that copy. An error that is not a `CoordinatorError` is a defect of the program. */
  | { kind: 'copy-refused'; deployment: string; error: unknown }
  | { kind: 'install-started'; deployment: string; seat: number; device: DeviceId }
  | {
      kind: 'install-progress';
      deployment: string;
      seat: number;
      device: DeviceId;
      progress: InstallProgress;
    }
  | { kind: 'install-finished'; deployment: string; seat: number; device: DeviceId; transferredBytes: number }
  | { kind: 'install-failed'; deployment: string; seat: number; device: DeviceId; reason: string }
  /** A seat moved to another device. `seats` is the full assignment of the most recently deployed plan, for storage. */
  | {
      kind: 'seat-reassigned';
      deployment: string;
      seat: number;
      from: DeviceId | null;
      to: DeviceId;
      seats: readonly (DeviceId | null)[];
    }
  | {
      kind: 'corruption';
      deployment: string;
      step: string;
      request: number;
      /** Devices proven wrong by the parity checks or by computing the layer again. Empty if none could be named. */
      faultyDevices: readonly DeviceId[];
      residual: number;
      threshold: number;
      /** Whether a wrong value entered the request's answer. Possible only under `verify: "after"`. */
      answeredWrong: boolean;
    }
  /**
   * Answers differ, but that does not prove a device wrong. `plan`: they agree with each other, or with the data plane,
   * and the plan expects another shape. `rounding`: correct devices can differ so much in this step. No device is blamed.
   */
  | {
      kind: 'disagreement';
      deployment: string;
      step: string;
      request: number;
      cause: 'plan' | 'rounding';
      devices: readonly DeviceId[];
      /** The largest difference, relative to the largest value; null if shapes or integers differ. */
      residual: number | null;
    }
  /** Emitted once for every request that ended. The latency recorder counts these. */
  | { kind: 'request-finished'; deployment: string; outcome: RequestOutcome }
  /** Emitted later, for an answered request: no answer is pending, so `replayArrivals` can evaluate its trace. */
  | { kind: 'request-settled'; deployment: string; settled: SettledRequest };

/**
 * - `distributing`: shards are being sent for the first time.
 * - `ready`: every seat answers.
 * - `degraded`: seats are missing, but the code recovers them or another device computes them.
 * - `rescuing`: more seats are missing than the code can recover; the data plane computes their shards.
 * - `unavailable`: cannot answer. Unless the data plane may rescue, requests wait for other devices.
 */
export type DeploymentState = 'distributing' | 'ready' | 'degraded' | 'rescuing' | 'unavailable';

export interface RequestOutcome {
  readonly request: number;
  readonly status: 'answered' | 'failed' | 'canceled';
  readonly latencyMs: number;
  /** Data shards decoded from parity, and shards computed by the data plane. */
  readonly recovered: number;
  readonly rescued: number;
  /** Whether parity replaced a data shard of a failed device; see `survivedFailure`. */
  readonly survivedFailure: boolean;
  /** Whether a step is known to have used a wrong answer (only under `verify: "after"`). */
  readonly corrupt: boolean;
  readonly error: { readonly code: string; readonly message: string } | null;
}
