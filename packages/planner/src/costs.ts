import type { Speed } from '@sparewheel/onnx';
import { BYTES_PER_ELEMENT, type ElementType, elementCount } from '@sparewheel/protocol';
import type { LayerProfile, ModelProfile } from './profile.ts';

/** What is taken for granted where nothing was measured. */
export interface Costs {
  /** Milliseconds from sending a small tensor to having a small answer, besides the computing. */
  readonly hopMs: number;
  /** Bytes per millisecond that the data plane's link carries, to or from all devices together. */
  readonly bytesPerMs: number;
  /** Multiply-adds per millisecond, for layers that were not timed. */
  readonly multiplyAddsPerMs: number;
  /** How much longer a device takes than the machine on which layers were timed. */
  readonly deviceSlowdown: number;
  /** Milliseconds to hand a computation to an engine's thread and to get the result back, besides computing. */
  readonly engineCallMs: number;
}

/**
 * A local network of machines like the data plane's: 1 ms for a hop (Socket.IO over one switch), 1 Gbit/s,
 * 5 G multiply-adds per second, which one thread of ONNX Runtime reaches on a small core, and 0.15 ms for the way to
 * an engine's thread and back, as local steps that compute next to nothing take on a small server.
 */
export const DEFAULT_COSTS: Costs = {
  hopMs: 1,
  bytesPerMs: 125_000,
  multiplyAddsPerMs: 5_000_000,
  deviceSlowdown: 1,
  engineCallMs: 0.15,
};

/** A device as it was measured when it joined. */
export interface DeviceSpeed extends Speed {
  /** Processor cores of its machine, shared by all devices on it. */
  readonly cores: number;
  /** Equal for devices that run on one machine. */
  readonly machine: string;
  /** What ONNX Runtime runs as: WebAssembly beside native code takes seven times as long for convolutions. */
  readonly engine: 'native' | 'wasm';
  /** It runs on the data plane's machine: a hop to it is no waiting for a network, but work for that machine's cores. */
  readonly besideDataPlane?: boolean;
  /** Milliseconds from sending a small tensor to having a small answer. */
  readonly hopMs?: number;
  /** Bytes per millisecond between the data plane and this device alone. */
  readonly bytesPerMs?: number;
}

/** Bytes of a value on the wire; 0 where its shape is not known, a dimension that hangs on the data taken as 1. */
export function tensorBytes(profile: ModelProfile, name: string): number {
  const tensor = profile.tensors[name];
  if (!tensor) return 0;
  return elementCount(tensor.dims.map(Math.abs)) * (BYTES_PER_ELEMENT[tensor.type as ElementType] ?? 0);
}

/** Milliseconds that a layer takes on the data plane, not divided. */
export function localMs(profile: ModelProfile, layer: LayerProfile, costs: Costs): number {
  return layerMs(profile, layer, profile.speed?.served, costs);
}

/**
 * Milliseconds that a layer takes on one thread of a machine.
 *
 * The time that was measured when the model was brought is scaled by how much faster the machine does what bounds
 * the layer: arithmetic, or going through its weights and values in memory.
 * @param speed  of the machine; undefined where it was not measured, then it is like the one that timed the layer
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

/** Whether going through a layer's weights takes a device longer than its arithmetic does. */
export function isMemoryBound({ multiplyAdds, weightsBytes }: LayerProfile, speed: Speed): boolean {
  return weightsBytes / speed.memoryBytesPerSecond > multiplyAdds / speed.multiplyAddsPerSecond;
}
