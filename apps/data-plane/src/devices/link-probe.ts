/**
 * Measures the way to a device on its tensor connection: computations of a task that no device has are refused at
 * once, so that a small one tells the hop and a large one the throughput, without a message of their own.
 */
import { type ComputeRequest, type DeviceLink, type FromDevice, PROBE_TASK } from '@sparewheel/protocol';

/** Of each round, whose middle ones count: the first pay for cold code on both sides. */
const SMALL_PROBES = 8;
const LARGE_PROBES = 4;
const LARGE_ELEMENTS = 128 * 1024;
/**
 * Pauses before the rounds after the first. A device that joins is busy with itself, and a fleet that starts on one
 * machine with each other: what is measured then is the start. The best of all rounds counts.
 */
export const NEXT_ROUND_MS = [1_500, 4_000, 10_000] as const;

export interface ProbeSender {
  send(device: string, request: ComputeRequest): void;
  /** Monotonic milliseconds. */
  now(): number;
  /** @returns calls it off */
  schedule(delayMs: number, callback: () => void): () => void;
}

/** Of one device; lasts for as long as it is connected and not all rounds are over. */
interface Probing {
  round: number;
  request: number;
  sentAt: number;
  smallMs: number[];
  largeMs: number[];
  callOff: () => void;
}

/** Milliseconds there and back, of the best rounds. */
interface Best {
  readonly smallMs: number;
  readonly largeMs: number;
}

/** One probe at a time per device; a device whose link is known is left alone, so that returning costs nothing. */
export class LinkProbe {
  readonly #sender: ProbeSender;
  readonly #changed: () => void;
  readonly #best = new Map<string, Best>();
  /** Rounds that are over. */
  readonly #rounds = new Map<string, number>();
  readonly #probing = new Map<string, Probing>();
  #requests = 0;

  constructor(sender: ProbeSender, changed: () => void) {
    this.#sender = sender;
    this.#changed = changed;
  }

  /** As the best round so far measured it; null before the first one is over. */
  link(device: string): DeviceLink | null {
    const best = this.#best.get(device);
    if (!best) return null;
    const { smallMs: hopMs, largeMs } = best;
    // A link so fast that the bytes do not show is as fast as the whole trip at least.
    const bytesMs = Math.max(largeMs - hopMs, hopMs / 10);
    return { hopMs, bytesPerSecond: (1000 * 4 * LARGE_ELEMENTS) / bytesMs };
  }

  /** A device is up. */
  connected(device: string): void {
    this.disconnected(device);
    const round = this.#rounds.get(device) ?? 0;
    if (round > NEXT_ROUND_MS.length) return;
    const probing: Probing = { round, request: 0, sentAt: 0, smallMs: [], largeMs: [], callOff: () => {} };
    this.#probing.set(device, probing);
    if (round === 0) this.#send(device, probing);
    else this.#nextRound(device, probing);
  }

  disconnected(device: string): void {
    this.#probing.get(device)?.callOff();
    this.#probing.delete(device);
  }

  /** @returns whether the message answers a probe, and nobody else should see it */
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
      smallMs: Math.min(best.smallMs, middle(probing.smallMs)),
      largeMs: Math.min(best.largeMs, middle(probing.largeMs)),
    });
    probing.round++;
    this.#rounds.set(device, probing.round);
    this.#changed();
    if (probing.round > NEXT_ROUND_MS.length) this.#probing.delete(device);
    else this.#nextRound(device, probing);
  }

  #nextRound(device: string, probing: Probing): void {
    probing.callOff = this.#sender.schedule(NEXT_ROUND_MS[probing.round - 1]!, () => {
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

/** The median; of an even number the lower one. */
function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[(values.length - 1) >> 1]!;
}
