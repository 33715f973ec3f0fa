/**
 * Measures the way to a device on its tensor connection: computations of a task that no device has are refused at
 * once, so that a small one tells the hop and a large one the throughput, without a message of their own.
 */
import { type ComputeRequest, type DeviceLink, type FromDevice, PROBE_TASK } from '@sparewheel/protocol';

/** The best of each counts; the first pays for cold code on both sides. */
const SMALL_PROBES = 4;
const LARGE_PROBES = 3;
const LARGE_ELEMENTS = 128 * 1024;

export interface ProbeSender {
  send(device: string, request: ComputeRequest): void;
  /** Monotonic milliseconds. */
  now(): number;
}

interface Probing {
  request: number;
  sentAt: number;
  readonly smallMs: number[];
  readonly largeMs: number[];
}

/** One probe at a time per device; a device whose link is known is left alone, so that returning costs nothing. */
export class LinkProbe {
  readonly #sender: ProbeSender;
  readonly #changed: () => void;
  readonly #links = new Map<string, DeviceLink>();
  readonly #probing = new Map<string, Probing>();
  #requests = 0;

  constructor(sender: ProbeSender, changed: () => void) {
    this.#sender = sender;
    this.#changed = changed;
  }

  link(device: string): DeviceLink | null {
    return this.#links.get(device) ?? null;
  }

  /** A device is up. */
  connected(device: string): void {
    if (this.#links.has(device)) return;
    const probing: Probing = { request: 0, sentAt: 0, smallMs: [], largeMs: [] };
    this.#probing.set(device, probing);
    this.#send(device, probing);
  }

  disconnected(device: string): void {
    this.#probing.delete(device);
  }

  /** @returns whether the message answers a probe, and nobody else should see it */
  received(device: string, message: FromDevice): boolean {
    if (message.task !== PROBE_TASK) return false;
    const probing = this.#probing.get(device);
    if (probing?.request !== message.request) return true;
    const ms = Math.max(this.#sender.now() - probing.sentAt, 0.001);
    if (probing.smallMs.length < SMALL_PROBES) probing.smallMs.push(ms);
    else probing.largeMs.push(ms);
    if (probing.largeMs.length < LARGE_PROBES) {
      this.#send(device, probing);
      return true;
    }
    this.#probing.delete(device);
    const hopMs = Math.min(...probing.smallMs);
    // A link so fast that the bytes do not show is as fast as the whole trip at least.
    const bytesMs = Math.max(Math.min(...probing.largeMs) - hopMs, hopMs / 10);
    this.#links.set(device, { hopMs, bytesPerSecond: (1000 * 4 * LARGE_ELEMENTS) / bytesMs });
    this.#changed();
    return true;
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
