import { type Partition, partitionHeights, partitionRows } from '@sparewheel/cdc';
import { type Costs, type DeviceCapacity, layerMs } from '../costs/costs.ts';
import type { LayerProfile, ModelProfile } from '../profile.ts';

/** Divides a layer's rows over k shards, as evenly as possible. */
export function partition(layer: LayerProfile, k: number): Partition {
  return partitionRows(layer.coding!.rows, k, { align: layer.coding!.align });
}

/**
 * Divides a layer's rows over k shards so that devices of different speeds finish at the same time.
 *
 * This does not minimize the mean time until any k of k + r answers are in. That optimum gives the slowest
 * device the largest block and never waits for it; it is the worst choice when another device fails, and it
 * needs the most memory on the slowest device.
 * @param seated  devices by seat; the first k hold the data shards
 * @param room  by seat, the largest share of the layer that its memory can hold; unlimited if absent
 * @returns null if the devices together have too little room
 */
export function unevenPartition(
  profile: ModelProfile,
  layer: LayerProfile,
  k: number,
  seated: readonly DeviceCapacity[],
  costs: Costs,
  room?: readonly number[],
): Partition | null {
  const { rows } = layer.coding!;
  const unit = unitOf(layer, k);
  const units = Math.ceil(rows / unit);
  if (units < 2 * k && !room) return partition(layer, k);
  // A parity shard is as tall as the tallest block.
  const parityRoom = Math.min(1, ...(room ?? []).slice(k));
  const devices = seated.slice(0, k).map(({ speed }, seat) => ({
    hopMs: speed?.hopMs ?? costs.hopMs,
    msPerUnit: Math.max((unit * layerMs(profile, layer, speed, costs)) / rows, Number.EPSILON),
    maxUnits: room ? Math.floor((Math.min(room[seat]!, parityRoom) * rows) / unit) : units,
  }));
  const counts = distributeUnits(units, devices);
  if (counts === null) return null;
  const heights = counts.map((count) => count * unit);
  // The last unit may be incomplete. Shortening a tallest block makes no device slower.
  heights[heights.indexOf(Math.max(...heights))]! -= units * unit - rows;
  return partitionHeights(rows, heights);
}

/**
 * Returns the height of the smallest block: the preferred multiple of the layer's kernel, which only pays if
 * the blocks have several units, or else one row.
 */
export function unitOf(layer: LayerProfile, k: number): number {
  const { rows, align } = layer.coding!;
  return rows / k >= 2 * align ? align : 1;
}

interface UnitCost {
  readonly hopMs: number;
  readonly msPerUnit: number;
  readonly maxUnits: number;
}

/**
 * Distributes whole units, at least one per device. Each unit goes to the device that would finish it first.
 * @returns null if the limits do not allow it
 */
function distributeUnits(units: number, devices: readonly UnitCost[]): number[] | null {
  const counts = devices.map(() => 1);
  if (devices.some(({ maxUnits }) => maxUnits < 1)) return null;
  for (let left = units - devices.length; left > 0; left--) {
    let soonest = -1;
    let soonestMs = Number.POSITIVE_INFINITY;
    for (const [i, { hopMs, msPerUnit, maxUnits }] of devices.entries()) {
      const ms = hopMs + (counts[i]! + 1) * msPerUnit;
      if (ms < soonestMs && counts[i]! < maxUnits) [soonest, soonestMs] = [i, ms];
    }
    if (soonest < 0) return null;
    counts[soonest]!++;
  }
  return counts;
}
