import { LIMITS } from '@sparewheel/protocol';
import type { DeviceId } from './ports.ts';

/** Every bound of the coordinator that is not one of the wire. Times in milliseconds. */
export interface CoordinatorOptions {
  /** Task numbers count up from here, so that a restarted data plane does not use a number again. */
  readonly firstTask: number;
  readonly firstRequest: number;

  /** Computations in flight per device; one over it counts as an erasure for the next step. */
  readonly inFlightPerDevice: number;
  /** Requests in flight per deployment, and those that wait for a place. */
  readonly requestsInFlight: number;
  readonly requestsQueued: number;

  /**
   * A device whose oldest computation is older than this (or than four times its smoothed arrival, whichever is
   * more) is silent: an erasure until it answers something. Well above a healthy answer, well below a deadline.
   */
  readonly silentAfterMs: number;
  /** How often a silent device is sent a computation, so that it can come back. */
  readonly probeEveryMs: number;
  /** Invalid answers after which a device is quarantined. Answers proven wrong quarantine at once. */
  readonly strikesToQuarantine: number;

  /** Refusals in a row after which a device is taken to have lost what it had loaded, and is loaded again. */
  readonly refusalsToReload: number;

  /** How long surplus answers are awaited for `verify: "after"`, and for how many steps at once (they hold memory). */
  readonly verifyWithinMs: number;
  readonly pendingVerifications: number;

  /** A seat whose device is down for longer is taken over by a spare. */
  readonly takeoverAfterMs: number;
  /** The same for a device that is connected but silent. */
  readonly takeoverSilentAfterMs: number;
  /** How long a newly deployed seat waits for a device that is not connected: longer than it needs to reconnect. */
  readonly returnGraceMs: number;
  /** A failed install is tried again after this, doubling up to the maximum. */
  readonly installRetryMs: number;
  readonly installRetryMaxMs: number;

  /** Finished requests whose trace is kept, per deployment. */
  readonly tracesKept: number;
  /** Whether a device holds a blob already, so that a spare that needs no transfer is preferred. */
  readonly holds: (device: DeviceId, sha256: string) => boolean;
}

/**
 * The shortest wait for something that falls due. What is left until then can round to so little that the clock
 * does not move, and a timer that only arms itself again would never end.
 */
export const SHORTEST_WAIT_MS = 1;

export const DEFAULT_OPTIONS: CoordinatorOptions = {
  firstTask: 1,
  firstRequest: 1,
  inFlightPerDevice: LIMITS.inFlightPerDevice,
  requestsInFlight: LIMITS.requestsInFlight,
  requestsQueued: LIMITS.requestsQueued,
  silentAfterMs: 1_000,
  probeEveryMs: 500,
  strikesToQuarantine: 3,
  refusalsToReload: 4,
  verifyWithinMs: 2_000,
  pendingVerifications: 128,
  takeoverAfterMs: 1_500,
  takeoverSilentAfterMs: 5_000,
  returnGraceMs: 2 * LIMITS.reconnectMaxMs,
  installRetryMs: 500,
  installRetryMaxMs: 10_000,
  tracesKept: 64,
  holds: () => false,
};
