import type { Speed } from '@sparewheel/onnx';
import { BYTES_PER_ELEMENT, type ElementType, elementCount } from '@sparewheel/protocol';
import type { LayerProfile, ModelProfile } from '../profile.ts';

/** Default figures for everything that was not measured. */
export interface Costs {
  /** Round trip of a small tensor to a device and back, without the computing. */
  readonly hopMs: number;
  /** Bandwidth of the data plane's link, shared by all devices. */
  readonly bytesPerMs: number;
  /**
   * Bandwidth of the data plane's link when the links of the devices are measured. If absent, it equals the
   * fastest device's link, as on a shared medium such as Wi-Fi.
   */
  readonly dataPlaneBytesPerMs?: number;
  /**
   * Work of the data plane's thread for one task on another machine: sending the task and reading the answer, without
   * the work for each byte. The thread serves one device after the other.
   */
  readonly messageMs: number;
  /** Bytes of tasks and answers that the data plane's thread sends, reads and checks in a millisecond. */
  readonly messageBytesPerMs: number;
  /** For layers that were not timed. */
  readonly multiplyAddsPerMs: number;
  /** Compute time on a device ÷ compute time on the machine that timed the layers. */
  readonly deviceSlowdown: number;
  /** Overhead of one call to an engine's thread, without the computing. */
  readonly engineCallMs: number;
}

/**
 * A local network of machines like the data plane's. 1 ms: Socket.IO over one switch. 125 000 bytes/ms: 1
 * Gbit/s. 0.08 ms and 2.5 million bytes/ms: measured with five devices on a small server, in Node, without the
 * engine. 5 million multiply-adds/ms: one thread of ONNX Runtime on a small core. 0.15 ms: measured with local
 * steps that compute almost nothing on a small server.
 */
export const DEFAULT_COSTS: Costs = {
  hopMs: 1,
  bytesPerMs: 125_000,
  messageMs: 0.08,
  messageBytesPerMs: 2_500_000,
  multiplyAddsPerMs: 5_000_000,
  deviceSlowdown: 1,
  engineCallMs: 0.15,
};

/** Bytes per millisecond that the data plane copies or encodes: measured with inputs of 0.1 to 13 MB. */
export const COPY_BYTES_PER_MS = 4_000_000;

/** Memory bandwidth of the server on which the overheads were measured. */
const REFERENCE_BYTES_PER_SECOND = 20e9;

/**
 * Returns the costs with the overheads on the data plane's own machine, which also stand for those on its devices. A
 * Raspberry Pi needs more than ten times as long for a message as a server. The memory bandwidth stands for the speed: messages are copied and checked.
 */
export function onDataPlane(costs: Costs, speed: Speed | undefined): Costs {
  if (!speed) return costs;
  const slowdown = Math.max(1, REFERENCE_BYTES_PER_SECOND / speed.memoryBytesPerSecond);
  return {
    ...costs,
    messageMs: costs.messageMs * slowdown,
    messageBytesPerMs: costs.messageBytesPerMs / slowdown,
    engineCallMs: costs.engineCallMs * slowdown,
  };
}

/** A device's speed, measured when it joined, with as many threads as its engine uses. */
export interface DeviceSpeed extends Speed {
  /** Threads of the device's engine; the default is 1. */
  readonly threads?: number;
  /** True if the device is not measured: the figures are the medians of the measured devices. */
  readonly assumed?: boolean;
  /** Processor cores of its machine, shared by all devices on that machine. */
  readonly cores: number;
  /** Machine id, equal for all devices on one machine. */
  readonly machine: string;
  /** Backend of ONNX Runtime. Convolutions take seven times as long in WebAssembly as in native code. */
  readonly engine: 'native' | 'wasm';
  /**
   * True on the data plane's machine, where a hop uses that machine's cores instead of waiting for a network.
   */
  readonly besideDataPlane?: boolean;
  /** Round trip of a small tensor. */
  readonly hopMs?: number;
  /** Bandwidth between the data plane and this device alone. */
  readonly bytesPerMs?: number;
}

/** A device as the planner sees it. The planner does not check absent fields. */
export interface DeviceCapacity {
  readonly id: string;
  /** To display; the default is the id. */
  readonly name?: string;
  /** Memory for weights. No seat of the device may hold more. */
  readonly memoryBytes?: number;
  /** Weights of other deployments, which `memoryBytes` leaves out. Explains a refusal. */
  readonly heldBytes?: number;
  readonly speed?: DeviceSpeed;
}

/**
 * Returns the bytes of a value on the wire; 0 for an unknown shape. A free dimension has its usual size, and a
 * data-dependent one counts as 1.
 */
export function tensorBytes(profile: ModelProfile, name: string): number {
  const tensor = profile.tensors[name];
  if (!tensor) return 0;
  const { dims, usual = dims } = tensor;
  return elementCount(usual.map(Math.abs)) * (BYTES_PER_ELEMENT[tensor.type as ElementType] ?? 0);
}

/** Returns the milliseconds of an undivided layer on the data plane. */
export function localMs(profile: ModelProfile, layer: LayerProfile, costs: Costs): number {
  return layerMs(profile, layer, profile.speed?.served, costs);
}

/**
 * Returns the milliseconds of a layer on a machine, with the threads that its speed was measured with.
 *
 * Scales the time measured at upload by the ratio of the two machines' speeds in the resource that bounds the
 * layer: arithmetic or memory bandwidth.
 * @param speed  of the machine; undefined means as fast as the machine that timed the layer
 */
export function layerMs(
  profile: ModelProfile,
  layer: LayerProfile,
  speed: Speed | undefined,
  costs: Costs,
): number {
  const { timeMs, multiplyAdds, weightsBytes } = layer;
  const reference = profile.speed?.trial;
  if (!speed) return timeMs ?? multiplyAdds / costs.multiplyAddsPerMs;
  const of = (machine: Speed) => ({
    arithmeticMs: (1000 * multiplyAdds) / machine.multiplyAddsPerSecond,
    memoryMs: (1000 * weightsBytes) / machine.memoryBytesPerSecond,
  });
  const here = of(speed);
  if (timeMs === null || !reference) return timeMs ?? Math.max(here.arithmeticMs, here.memoryMs);
  const there = of(reference);
  const bound =
    there.arithmeticMs > there.memoryMs
      ? reference.multiplyAddsPerSecond / speed.multiplyAddsPerSecond
      : reference.memoryBytesPerSecond / speed.memoryBytesPerSecond;
  return timeMs * bound;
}

/** Returns whether a device needs longer to read a layer's weights from memory than for the arithmetic. */
export function isMemoryBound({ multiplyAdds, weightsBytes }: LayerProfile, speed: Speed): boolean {
  return weightsBytes / speed.memoryBytesPerSecond > multiplyAdds / speed.multiplyAddsPerSecond;
}

/** Memory bandwidth of a device that was not measured. */
const MEMORY_BYTES_PER_MS = 8_000_000;

/** Returns the milliseconds for reading all weights of a layer: the least time for any share of its work. */
export function readWeightsMs(
  { weightsBytes }: LayerProfile,
  speed: Speed | undefined,
  { deviceSlowdown }: Costs,
): number {
  return speed
    ? (1000 * weightsBytes) / speed.memoryBytesPerSecond
    : (deviceSlowdown * weightsBytes) / MEMORY_BYTES_PER_MS;
}
