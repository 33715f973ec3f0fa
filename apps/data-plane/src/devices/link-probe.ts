/**
 * Measures the link to a device on its tensor connection, without a message of its own. Devices reject a
 * computation of an unknown task at once. So a small computation measures the round trip, and a large one the
 * throughput.
 */
import { type ComputeRequest, type DeviceLink, type FromDevice, PROBE_TASK } from '@sparewheel/protocol';

/** Probes per round. The median counts, because the first ones run cold code on both sides. */
const SMALL_PROBES = 8;
const LARGE_PROBES = 4;
const LARGE_ELEMENTS = 128 * 1024;
/**
 * Pauses before each round after the first. The first round measures a device that is busy starting, often
 * together with a whole fleet on the same machine. The best round counts.
 */
export const NEXT_ROUND_MS = [1_500, 4_000, 10_000] as const;

export interface ProbeSender {
  send(device: string, request: ComputeRequest): void;
  /** Monotonic milliseconds. */
  now(): number;
  /** Returns a function that cancels the callback. */
  schedule(delayMs: number, callback: () => void): () => void;
}

/** The measurement of one connected device. Exists until the last round is over. */
interface Probing {
  round: number;
  request: number;
  sentAt: number;
  smallMs: number[];
  largeMs: number[];
  cancel: () => void;
}

/** Round trips in ms, each the minimum over all rounds. */
interface Best {
  readonly smallMs: number;
  readonly largeMs: number;
}

/**
 * Measures the links of all devices, with one probe in flight per device. A device with a known link is not
 * probed again.
 */
export class LinkProbe {
  readonly #sender: ProbeSender;
  readonly #changed: () => void;
  readonly #best = new Map<string, Best>();
  /** Completed rounds, by device. */
  readonly #rounds = new Map<string, number>();
  readonly #probing = new Map<string, Probing>();
  #requests = 0;

  constructor(sender: ProbeSender, changed: () => void) {
    this.#sender = sender;
    this.#changed = changed;
  }

  /** Returns the best measurement so far. null before the end of the first round. */
  link(device: string): DeviceLink | null {
    const best = this.#best.get(device);
    if (!best) return null;
    const { smallMs: hopMs, largeMs } = best;
    // On a very fast link the extra bytes take no measurable time. The bound keeps the throughput finite.
    const bytesMs = Math.max(largeMs - hopMs, hopMs / 10);
    return { hopMs, bytesPerSecond: (1000 * 4 * LARGE_ELEMENTS) / bytesMs };
  }

  /** Starts or continues the measurement of a device. */
  connected(device: string): void {
    this.disconnected(device);
    const round = this.#rounds.get(device) ?? 0;
    if (round > NEXT_ROUND_MS.length) return;
    const probing: Probing = { round, request: 0, sentAt: 0, smallMs: [], largeMs: [], cancel: () => {} };
    this.#probing.set(device, probing);
    if (round === 0) this.#send(device, probing);
    else this.#nextRound(device, probing);
  }

  disconnected(device: string): void {
    this.#probing.get(device)?.cancel();
    this.#probing.delete(device);
  }

  /** Removes the measurements of a device. */
  forget(device: string): void {
    this.disconnected(device);
    this.#best.delete(device);
    this.#rounds.delete(device);
  }

  /** Handles a message of a device. Returns true if it answers a probe; the caller must then ignore it. */
  received(device: string, message: FromDevice): boolean {
    if (message.task !== PROBE_TASK) return false;
    const probing = this.#probing.get(device);
    if (probing?.request !== message.request) return true;
    probing.request = 0;
    const { smallMs, largeMs } = probing;
    const kind = smallMs.length < SMALL_PROBES ? smallMs : largeMs;
    kind.push(Math.max(this.#sender.now() - probing.sentAt, 0.001));
    if (largeMs.length < LARGE_PROBES) this.#send(device, probing);
    else this.#endRound(device, probing);
    return true;
  }

  #endRound(device: string, probing: Probing): void {
    const best = this.#best.get(device) ?? { smallMs: Infinity, largeMs: Infinity };
    this.#best.set(device, {
      smallMs: Math.min(best.smallMs, lowerMedian(probing.smallMs)),
      largeMs: Math.min(best.largeMs, lowerMedian(probing.largeMs)),
    });
    probing.round++;
    this.#rounds.set(device, probing.round);
    this.#changed();
    if (probing.round > NEXT_ROUND_MS.length) this.#probing.delete(device);
    else this.#nextRound(device, probing);
  }

  #nextRound(device: string, probing: Probing): void {
    probing.cancel = this.#sender.schedule(NEXT_ROUND_MS[probing.round - 1]!, () => {
      probing.smallMs = [];
      probing.largeMs = [];
      this.#send(device, probing);
    });
  }

  #send(device: string, probing: Probing): void {
    const elements = probing.smallMs.length < SMALL_PROBES ? 1 : LARGE_ELEMENTS;
    probing.request = this.#requests = (this.#requests % 0x7fff_ffff) + 1;
    probing.sentAt = this.#sender.now();
    this.#sender.send(device, {
      kind: 'compute',
      request: probing.request,
      task: PROBE_TASK,
      tensors: [{ type: 'float32', dims: [elements], data: new Float32Array(elements) }],
    });
  }
}

function lowerMedian(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[(values.length - 1) >> 1]!;
}
