import { LIMITS } from '@sparewheel/protocol';

/** Bounds on what agents may do to the data plane, beyond those of the wire. Times in ms. */
export const GATEWAY_LIMITS = {
  /** A text message; the longest is a hello with 10 000 blobs held, 100 bytes each. */
  textBytes: 2 * 1024 * 1024,
  /** Connections of all kinds: two of each device, supervisors, and some that are about to be refused. */
  connections: 4 * LIMITS.devices,
  /** Lives of devices: a new one may come up before the old one is noticed to be gone. */
  sessions: 2 * LIMITS.devices,
  supervisors: LIMITS.devices,
  controlMessagesPerSecond: 100,
  /** Answers: many times what one device can compute. */
  tensorMessagesPerSecond: 20_000,
  /** How long a device that broke the protocol is kept out. */
  penaltyMs: 10_000,
  /** The same refusal is told once in this time: an agent with a wrong token tries every two seconds. */
  refusalEveryMs: 60_000,
  refusalsRemembered: 1_000,
  /** Earlier lives of a device that may not come back, remembered per device. */
  retiredLives: 8,
  /** Frames of shard chunks that are kept to be used again, in groups of a megabyte: what six devices use at once. */
  blobFrameGroupsKept: 12,
  /** An acknowledgement of a small control message. */
  acknowledgeMs: 5_000,
} as const;
