import type { Tensor } from '@sparewheel/protocol';
import type { Fleet } from './devices/fleet.ts';
import type { CoordinatorError } from './errors.ts';
import type { CoordinatorEvent } from './events.ts';
import type { CoordinatorOptions } from './options.ts';
import type { Policy } from './policy.ts';
import type { Clock, LocalCompute, Transport } from './ports.ts';
import type { Generation } from './requests/generation.ts';
import type { StepQueue } from './requests/step-queue.ts';
import type { RequestTrace } from './requests/trace.ts';
import type { PendingVerifications } from './steps/pending-verifications.ts';

/** The parts of a coordinator that all its requests and steps share. */
export interface CoordinatorContext {
  readonly clock: Clock;
  readonly transport: Transport;
  readonly compute: LocalCompute;
  readonly options: CoordinatorOptions;
  readonly emit: (event: CoordinatorEvent) => void;
  readonly fleet: Fleet;
  readonly stepQueue: StepQueue;
  readonly verifications: PendingVerifications;
  /** Ids of the accepted requests that have not ended. Request ids wrap around and must skip these. */
  readonly liveRequests: Set<number>;
}

/** The view that a step has of its request. */
export interface StepHost {
  readonly id: number;
  readonly generation: Generation;
  /** The deployment's policy at acceptance; later policy changes do not affect the request. */
  readonly policy: Policy;
  readonly trace: RequestTrace;
  /** When the request fails, on the coordinator's clock. */
  readonly deadlineAt: number;
  /** Late answers are awaited and not canceled, for the comparison with an uncoded system. Must not delay the request. */
  readonly sampled: boolean;
  recovered: number;
  rescued: number;
  corrupt: boolean;
  stepFinished(index: number, outputs: readonly Tensor[]): void;
  fail(error: CoordinatorError): void;
  /**
   * Returns the longest time in milliseconds that a decodable step may wait for better answers, so that waiting
   * never makes the request miss its deadline.
   */
  waitBudgetMs(index: number): number;
  /** Called once per coded step, when none of its answers is still pending. */
  stepSettled(): void;
}
