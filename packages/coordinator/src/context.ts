import type { Tensor } from '@sparewheel/protocol';
import type { Fleet } from './devices/fleet.ts';
import type { CoordinatorError } from './errors.ts';
import type { CoordinatorEvent } from './events.ts';
import type { CoordinatorOptions } from './options.ts';
import type { Policy } from './policy.ts';
import type { Clock, LocalCompute, Transport } from './ports.ts';
import type { Generation } from './requests/generation.ts';
import type { Parking } from './requests/parking.ts';
import type { RequestTrace } from './requests/trace.ts';
import type { PendingVerifications } from './steps/pending-verifications.ts';

/** What every request and step of a coordinator shares. */
export interface Runtime {
  readonly clock: Clock;
  readonly transport: Transport;
  readonly compute: LocalCompute;
  readonly options: CoordinatorOptions;
  readonly emit: (event: CoordinatorEvent) => void;
  readonly fleet: Fleet;
  readonly parking: Parking;
  readonly verifications: PendingVerifications;
  /** Ids of accepted requests that have not ended: numbers wrap around, and skip these. */
  readonly liveRequests: Set<number>;
}

/** The request that a step belongs to, as its steps see it. */
export interface StepHost {
  readonly id: number;
  readonly generation: Generation;
  /** As it was when the request was accepted: a change of policy does not disturb it. */
  readonly policy: Policy;
  readonly trace: RequestTrace;
  recovered: number;
  rescued: number;
  corrupt: boolean;
  stepFinished(index: number, outputs: readonly Tensor[]): void;
  fail(error: CoordinatorError): void;
  /** How long a step that could be decoded may wait for better answers: they must not cost the request its own. */
  patienceMs(index: number): number;
  /** Nothing of a coded step is awaited any more; once for each. */
  stepSettled(): void;
}
