import { BYTES_PER_ELEMENT, type ElementType, elementCount } from '@sparewheel/protocol';
import type { LayerProfile, ModelProfile } from './profile.ts';

/** What a hop to the devices and back costs, and how fast computing is. */
export interface Costs {
  /** Milliseconds from sending a small tensor to having a small answer, besides the computing. */
  readonly hopMs: number;
  /** Bytes per millisecond that the data plane's link carries, to or from all devices together. */
  readonly bytesPerMs: number;
  /** Multiply-adds per millisecond of the data plane, for layers that were not measured. */
  readonly multiplyAddsPerMs: number;
  /** How much longer a device takes for the same work than the machine on which layers were measured. */
  readonly deviceSlowdown: number;
}

/**
 * A local network of machines like the data plane's: 1 ms for a hop (Socket.IO over one switch), 1 Gbit/s, and
 * 5 G multiply-adds per second, which one thread of ONNX Runtime reaches on a small core.
 */
export const DEFAULT_COSTS: Costs = {
  hopMs: 1,
  bytesPerMs: 125_000,
  multiplyAddsPerMs: 5_000_000,
  deviceSlowdown: 1,
};

/** Bytes of a value on the wire; 0 where its shape is not known, a dimension that hangs on the data taken as 1. */
export function tensorBytes(profile: ModelProfile, name: string): number {
  const tensor = profile.tensors[name];
  if (!tensor) return 0;
  return elementCount(tensor.dims.map(Math.abs)) * (BYTES_PER_ELEMENT[tensor.type as ElementType] ?? 0);
}

/** Milliseconds that a layer takes where it is not divided. */
export function localMs(layer: LayerProfile, costs: Costs): number {
  return layer.timeMs ?? layer.multiplyAdds / costs.multiplyAddsPerMs;
}

/**
 * Milliseconds that a layer takes when every one of `seats` devices gets its input and computes `share` of it: one
 * hop, all copies of the input out, all answers in, and the slowest device's work.
 * @param share  the tallest block's rows ÷ all rows
 */
export function distributedMs(
  profile: ModelProfile,
  layer: LayerProfile,
  seats: number,
  share: number,
  costs: Costs,
): number {
  const { coding } = layer;
  if (!coding) return Number.POSITIVE_INFINITY;
  const bytes = seats * (tensorBytes(profile, coding.feed) + share * tensorBytes(profile, coding.fetch));
  return costs.hopMs + bytes / costs.bytesPerMs + share * localMs(layer, costs) * costs.deviceSlowdown;
}
