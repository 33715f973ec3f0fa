import { LIMITS } from '@sparewheel/protocol';
import type { DeviceId } from './ports.ts';

/** The coordinator's limits, except those of the wire protocol. Times are in milliseconds. */
export interface CoordinatorOptions {
  /** First task number. A restarted data plane passes the stored `nextTask` here, so that no number is reused. */
  readonly firstTask: number;
  readonly firstRequest: number;

  /** Maximum computations in flight per device. A device at this cap counts as an erasure for the next step. */
  readonly inFlightPerDevice: number;
  /** Maximum computations of mirrors in flight per device. They do not count toward the cap of the others. */
  readonly mirroredPerDevice: number;
  /** Maximum requests in flight per deployment. */
  readonly requestsInFlight: number;
  /** Maximum requests queued per deployment. */
  readonly requestsQueued: number;

  /**
   * Timeout after which a device counts as silent. A device is silent when its oldest computation is older than this
   * or than four times its smoothed arrival time, whichever is longer. A silent device is an erasure until it answers.
   * Choose a value well above a healthy answer time and well below a deadline.
   */
  readonly silentAfterMs: number;
  /** Interval at which a silent device is probed with a computation. */
  readonly probeEveryMs: number;
  /** Invalid answers to one deployment before a device is quarantined. A proven wrong answer quarantines it at once. */
  readonly strikesToQuarantine: number;
  /** How long an invalid answer counts toward a quarantine. */
  readonly strikeExpiresMs: number;

  /** Consecutive refusals after which the coordinator assumes that the device lost its tasks, and reloads them. */
  readonly refusalsToReload: number;

  /** How long a finished step waits for surplus answers under `verify: "after"`. */
  readonly verifyWithinMs: number;
  /** Maximum number of finished steps that wait for surplus answers. Each of them holds answers in memory. */
  readonly pendingVerifications: number;

  /** How long a seat's device may be down before a standby takes the seat over. */
  readonly takeoverAfterMs: number;
  /** How long a seat's device may be silent, although connected, before a standby takes the seat over. */
  readonly takeoverSilentAfterMs: number;
  /** How long a new deployment waits for a named device to connect. Must exceed the longest reconnect delay. */
  readonly returnGraceMs: number;
  /** Delay before a failed install is retried. It doubles with each failure. */
  readonly installRetryMs: number;
  /** Maximum delay before a failed install is retried. */
  readonly installRetryMaxMs: number;

  /**
   * One of this many requests awaits all its answers, also late ones and under load, so that an uncoded system can be
   * compared. A random subset would do; the request id needs no source of randomness.
   */
  readonly sampleEvery: number;

  /** Request traces kept per deployment. */
  readonly tracesKept: number;
  /** Returns whether a device stores a blob, so that a takeover prefers a standby that needs no transfer. */
  readonly holds: (device: DeviceId, sha256: string) => boolean;
  /** Returns whether the weights of a seat fit into the memory limit of a device. */
  readonly fits: (device: DeviceId, weightsBytes: number) => boolean;
}

/**
 * Minimum delay of a timer that waits for a due time. A shorter remainder can round to a delay that does not advance
 * the clock, and a timer that only re-arms itself would then never end.
 */
export const SHORTEST_WAIT_MS = 1;

export const DEFAULT_OPTIONS: CoordinatorOptions = {
  firstTask: 1,
  firstRequest: 1,
  inFlightPerDevice: LIMITS.inFlightPerDevice,
  mirroredPerDevice: LIMITS.mirroredPerDevice,
  requestsInFlight: LIMITS.requestsInFlight,
  requestsQueued: LIMITS.requestsQueued,
  silentAfterMs: 1_000,
  probeEveryMs: 500,
  strikesToQuarantine: 3,
  strikeExpiresMs: 60_000,
  refusalsToReload: 4,
  verifyWithinMs: 2_000,
  pendingVerifications: 128,
  takeoverAfterMs: 1_500,
  takeoverSilentAfterMs: 5_000,
  returnGraceMs: 2 * LIMITS.reconnectMaxMs,
  installRetryMs: 500,
  installRetryMaxMs: 10_000,
  sampleEvery: 8,
  tracesKept: 64,
  holds: () => false,
  fits: () => true,
};
