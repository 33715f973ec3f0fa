import type { DeviceId } from './ports.ts';

/**
 * The errors that a request or an operator's call ends with. A dead device, a timeout of one or a late answer is
 * none of these: those are events in the normal course. `code` is stable and goes on the wire.
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

/** A feed or fetch does not fit what the model declares. */
export class InvalidFeedsError extends CoordinatorError {
  override readonly name = 'InvalidFeedsError';
  override readonly code = 'invalid-feeds';
  constructor(
    readonly tensor: string,
    /** What is wrong, and what was expected. */
    readonly problem: string,
  ) {
    super(`tensor ${JSON.stringify(tensor)}: ${problem}`);
  }
}

/** Every place is taken and so is every place in the queue. */
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
      `deployment ${JSON.stringify(deployment)} has ${inFlight} requests in flight and ${queued} waiting; ` +
        `try again in ${Math.ceil(retryAfterMs)} ms`,
    );
  }
}

/** The deployment exists and cannot answer (yet, or any more). */
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
    /** Steps that had not finished, or none while the request was still waiting for a place. */
    readonly pendingSteps: readonly string[],
  ) {
    super(
      `request ${request} was not answered within ${deadlineMs} ms; ` +
        (pendingSteps.length > 0
          ? `it was waiting for ${pendingSteps.join(', ')}`
          : 'it was still waiting for a place') +
        '. Raise deadlineMs, add devices or send fewer requests at once',
    );
  }
}

export class CancelledError extends CoordinatorError {
  override readonly name = 'CancelledError';
  override readonly code = 'cancelled';
  constructor(readonly request: number) {
    super(`request ${request} was cancelled by its caller`);
  }
}

/** The data plane's own engine could not compute a local step, or a shard that no device will answer. */
export class LocalComputeError extends CoordinatorError {
  override readonly name = 'LocalComputeError';
  override readonly code = 'local-compute-failed';
  constructor(
    readonly step: string,
    /** null for a local step. */
    readonly shard: number | null,
    override readonly cause: unknown,
  ) {
    super(
      `the data plane could not compute ${shard === null ? `step ${step}` : `shard ${shard} of step ${step}`}: ` +
        (cause instanceof Error ? cause.message : String(cause)),
    );
  }
}

/** The layer's true output overflows float32 or is not a number: computed by the data plane itself. */
export class NonFiniteOutputError extends CoordinatorError {
  override readonly name = 'NonFiniteOutputError';
  override readonly code = 'non-finite-output';
  constructor(readonly step: string) {
    super(
      `step ${step} of the model gives NaN or an infinity for this input; check the input's scale and values`,
    );
  }
}

/** A deployment that cannot be set up as asked: an operator's mistake. */
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
    super(`no device ${device} has ever joined`);
  }
}
