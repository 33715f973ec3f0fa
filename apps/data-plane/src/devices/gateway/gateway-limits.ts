import { LIMITS } from '@sparewheel/protocol';

/**
 * Bounds on what agents may send to the data plane, in addition to the limits of the wire protocol. Times in
 * ms.
 */
export const GATEWAY_LIMITS = {
  /** A text message. The longest is a hello with 10 000 held blobs of 100 bytes each. */
  textBytes: 2 * 1024 * 1024,
  /** All connections: two per device, supervisors, and some that will be rejected. */
  connections: 4 * LIMITS.devices,
  /** Connections of one address that have not shown a token yet. They end after 5 s. */
  anonymousPerAddress: 64,
  /** Devices that join for the first time, per address: sustained, and at once, as when an audience joins. */
  newDevicesPerSecond: 1,
  newDevicesAtOnce: 120,
  /** Addresses whose new devices are counted. */
  newDeviceAddresses: 1_000,
  /** Device sessions. A restarted device may connect before the loss of its old session is noticed. */
  sessions: 2 * LIMITS.devices,
  supervisors: LIMITS.devices,
  /** For a device's connections and hello. Two tensor sockets may time out before the device uses Socket.IO. */
  completionMs: 10_000,
  controlMessagesPerSecond: 100,
  /** Answers: many times what one device can compute. */
  tensorMessagesPerSecond: 20_000,
  /** How long a device that violated the protocol is rejected. */
  penaltyMs: 10_000,
  /**
   * The same rejection is reported once in this time. An agent with a wrong token retries every two seconds.
   */
  refusalEveryMs: 60_000,
  refusalsRemembered: 1_000,
  /** Incarnations per device that may not come back because a newer one replaced them. */
  retiredIncarnations: 8,
  /** Reusable frame groups of shard chunks, 1 MB each: what six concurrent transfers use. */
  blobFrameGroupsKept: 12,
  /** Timeout for the acknowledgement of a small control message. */
  acknowledgeMs: 5_000,
} as const;

/** A token bucket: a sustained rate of messages per second, and bursts, by default of twice that number. */
export class RateLimit {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #filledAt: number;

  /** @param nowMs  any monotonic clock, the same in every call */
  constructor(perSecond: number, nowMs: number, burst = 2 * perSecond) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#filledAt = nowMs;
  }

  /** Takes one token. Returns false if the sender exceeds its rate. */
  take(nowMs: number): boolean {
    const refill = ((nowMs - this.#filledAt) / 1000) * this.#perSecond;
    this.#tokens = Math.min(this.#burst, this.#tokens + refill);
    this.#filledAt = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
