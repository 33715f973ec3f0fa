import type { DeviceId, InstallProgress } from './ports.ts';
import type { SettledRequest } from './requests/arrivals.ts';

/** What the coordinator tells whoever listens: the database, the dashboard, the log. In the order it happened. */
export type CoordinatorEvent =
  | { kind: 'device-joined'; device: DeviceId }
  | { kind: 'device-returned'; device: DeviceId }
  | { kind: 'device-lost'; device: DeviceId; reason: string }
  /** Connected, but it does not answer: an erasure until it does. */
  | { kind: 'device-silent'; device: DeviceId }
  | { kind: 'device-answering'; device: DeviceId }
  | { kind: 'device-quarantined'; device: DeviceId; reason: string }
  /** An operator lifted its quarantine. */
  | { kind: 'device-released'; device: DeviceId }
  | { kind: 'deployment-state'; deployment: string; state: DeploymentState; reason: string | null }
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
  /** A seat changed hands; `seats` is the whole assignment of the plan deployed last, to be stored. */
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
      /** Those proven wrong, by the spare equations or by computing the layer again; empty where nobody was. */
      faultyDevices: readonly DeviceId[];
      residual: number;
      threshold: number;
      /** A wrong value went into the request's answer (only under `verify: "after"`). */
      answeredWrong: boolean;
    }
  /** One for each request that ended: what the latency recorder counts. */
  | { kind: 'request-finished'; deployment: string; outcome: RequestOutcome }
  /**
   * After that, for one that was answered: everything that will come of it has come, so that its arrivals can be
   * judged (`judgeArrivals`) whenever there is time for it.
   */
  | { kind: 'request-settled'; deployment: string; settled: SettledRequest };

/**
 * `distributing` first time, shards on their way; `ready` every seat answers; `degraded` seats are missing but within
 * what the code repairs; `rescuing` more are missing, the data plane fills in; `unavailable` cannot answer.
 */
export type DeploymentState = 'distributing' | 'ready' | 'degraded' | 'rescuing' | 'unavailable';

export interface RequestOutcome {
  readonly request: number;
  readonly status: 'answered' | 'failed' | 'cancelled';
  readonly latencyMs: number;
  /** Data shards decoded from parity, and shards computed by the data plane. */
  readonly recovered: number;
  readonly rescued: number;
  /** Noticed after the answer was given (`verify: "after"`). */
  readonly corrupt: boolean;
  readonly error: { readonly code: string; readonly message: string } | null;
}
