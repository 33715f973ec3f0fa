import type { DeviceId } from './ports.ts';

/**
 * The base of all errors that end a request or an operator's call. A dead device, a device timeout or a late answer
 * is not an error but an event. `code` is stable and part of the API.
 */
export abstract class CoordinatorError extends Error {
  abstract readonly code: string;
}

export class UnknownDeploymentError extends CoordinatorError {
  override readonly name = 'UnknownDeploymentError';
  override readonly code = 'unknown-deployment';
  constructor(readonly deployment: string) {
    super(`no deployment is named ${JSON.stringify(deployment)}; deploy it first or check the name`);
  }
}

/** A feed or fetch does not match the model's inputs and outputs. */
export class InvalidFeedsError extends CoordinatorError {
  override readonly name = 'InvalidFeedsError';
  override readonly code = 'invalid-feeds';
  constructor(
    readonly tensor: string,
    /** What is wrong and what was expected. */
    readonly problem: string,
  ) {
    super(`tensor ${JSON.stringify(tensor)}: ${problem}`);
  }
}

/** The deployment's limits of requests in flight and of queued requests are both reached. */
export class OverloadedError extends CoordinatorError {
  override readonly name = 'OverloadedError';
  override readonly code = 'overloaded';
  constructor(
    readonly deployment: string,
    readonly inFlight: number,
    readonly queued: number,
    readonly retryAfterMs: number,
  ) {
    super(
      `deployment ${JSON.stringify(deployment)} has ${inFlight} requests in flight and ${queued} queued; ` +
        `try again in ${Math.ceil(retryAfterMs)} ms`,
    );
  }
}

/** The deployment exists, but it cannot answer yet or the data plane is shutting down. */
export class UnavailableError extends CoordinatorError {
  override readonly name = 'UnavailableError';
  override readonly code = 'unavailable';
  constructor(
    readonly deployment: string,
    readonly reason: string,
  ) {
    super(`deployment ${JSON.stringify(deployment)} cannot answer: ${reason}`);
  }
}

export class DeadlineError extends CoordinatorError {
  override readonly name = 'DeadlineError';
  override readonly code = 'deadline-exceeded';
  constructor(
    readonly request: number,
    readonly deadlineMs: number,
    /** Ids of the steps in progress. Empty if the request was still queued. */
    readonly pendingSteps: readonly string[],
  ) {
    super(
      `request ${request} was not answered within ${deadlineMs} ms; ` +
        (pendingSteps.length > 0 ? `it was waiting for ${pendingSteps.join(', ')}` : 'it was still queued') +
        '. Raise deadlineMs, add devices or send fewer requests at once',
    );
  }
}

export class CanceledError extends CoordinatorError {
  override readonly name = 'CanceledError';
  override readonly code = 'canceled';
  constructor(readonly request: number) {
    super(`the caller canceled request ${request}`);
  }
}

/** The deployment was deleted while the request waited. */
export class DeletedError extends CoordinatorError {
  override readonly name = 'DeletedError';
  override readonly code = 'deployment-deleted';
  constructor(readonly deployment: string) {
    super(`deployment ${JSON.stringify(deployment)} was deleted before the request was answered`);
  }
}

/** The data plane's engine failed to compute a local step or to rescue a shard. */
export class LocalComputeError extends CoordinatorError {
  override readonly name = 'LocalComputeError';
  override readonly code = 'local-compute-failed';
  constructor(
    readonly step: string,
    /** Shard index; null if the whole step failed. */
    readonly shard: number | null,
    override readonly cause: unknown,
  ) {
    super(
      `the data plane could not compute ${shard === null ? `step ${step}` : `shard ${shard} of step ${step}`}: ` +
        (cause instanceof Error ? cause.message : String(cause)),
    );
  }
}

/** The model's true output contains NaN or infinity for this input. The data plane computed it to make sure. */
export class NonFiniteOutputError extends CoordinatorError {
  override readonly name = 'NonFiniteOutputError';
  override readonly code = 'non-finite-output';
  constructor(readonly step: string) {
    super(
      `step ${step} of the model produces NaN or infinity for this input; check the input's scale and values`,
    );
  }
}

/**
 * The answers to a step contradict each other, and the parity checks cannot name the faulty device. Only under the
 * objective `devices-only`; otherwise the data plane computes the step.
 */
export class ContradictoryAnswersError extends CoordinatorError {
  override readonly name = 'ContradictoryAnswersError';
  override readonly code = 'contradictory-answers';
  constructor(readonly step: string) {
    super(
      `the answers to step ${step} contradict each other, and the checks cannot name the faulty device; ` +
        'add a parity device, or use the objective "latency", under which the data plane computes the step',
    );
  }
}

/** A deploy request whose plan, artifacts and seats do not fit together. */
export class InvalidDeploymentError extends CoordinatorError {
  override readonly name = 'InvalidDeploymentError';
  override readonly code = 'invalid-deployment';
  constructor(
    readonly deployment: string,
    readonly problem: string,
  ) {
    super(`deployment ${JSON.stringify(deployment)}: ${problem}`);
  }
}

export class UnknownDeviceError extends CoordinatorError {
  override readonly name = 'UnknownDeviceError';
  override readonly code = 'unknown-device';
  constructor(readonly device: DeviceId) {
    super(`device ${device} has never joined; check its id`);
  }
}
