import { type Partition, partitionHeights, partitionRows } from '@sparewheel/cdc';
import { type Costs, type DeviceCapacity, layerMs } from './costs.ts';
import type { LayerProfile, ModelProfile } from './profile.ts';

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
 */
export function unevenPartition(
  profile: ModelProfile,
  layer: LayerProfile,
  k: number,
  seated: readonly DeviceCapacity[],
  costs: Costs,
): Partition {
  const { rows, align } = layer.coding!;
  // Alignment only pays if the blocks have several units.
  const unit = rows / k >= 2 * align ? align : 1;
  const units = Math.ceil(rows / unit);
  if (units < 2 * k) return partition(layer, k);
  const devices = seated.slice(0, k).map(({ speed }) => ({
    hopMs: speed?.hopMs ?? costs.hopMs,
    msPerUnit: Math.max((unit * layerMs(profile, layer, speed, costs)) / rows, Number.EPSILON),
  }));
  const heights = distributeUnits(units, devices).map((count) => count * unit);
  // The last unit may be incomplete. Shortening a tallest block makes no device slower.
  heights[heights.indexOf(Math.max(...heights))]! -= units * unit - rows;
  return partitionHeights(rows, heights);
}

/**
 * Distributes whole units, at least one per device. Each unit goes to the device that would finish it first.
 */
function distributeUnits(
  units: number,
  devices: readonly { readonly hopMs: number; readonly msPerUnit: number }[],
): number[] {
  const counts = devices.map(() => 1);
  for (let left = units - devices.length; left > 0; left--) {
    let soonest = 0;
    let soonestMs = Number.POSITIVE_INFINITY;
    for (const [i, { hopMs, msPerUnit }] of devices.entries()) {
      const ms = hopMs + (counts[i]! + 1) * msPerUnit;
      if (ms < soonestMs) [soonest, soonestMs] = [i, ms];
    }
    counts[soonest]!++;
  }
  return counts;
}
