import { type Partition, partitionHeights, partitionRows } from '@sparewheel/cdc';
import { type Costs, layerMs } from './costs.ts';
import type { LayerProfile, ModelProfile } from './profile.ts';
import type { DeviceCapacity } from './seating.ts';

/** A layer's rows over k shards, as evenly as it goes. */
export function partition(layer: LayerProfile, k: number): Partition {
  return partitionRows(layer.coding!.rows, k, { align: layer.coding!.align });
}

/**
 * A layer's rows over k shards so that all of them are done at the same time on devices that are not alike.
 *
 * This is not what makes any k of k + r answers come soonest on average: that gives the slowest device the largest
 * block and never waits for it, which is the worst of all when another device dies, and fills the smallest memory.
 * @param seated  the k data devices, every one of them measured
 */
export function unevenPartition(
  profile: ModelProfile,
  layer: LayerProfile,
  k: number,
  seated: readonly DeviceCapacity[],
  costs: Costs,
): Partition {
  const { rows, align } = layer.coding!;
  // Alignment only where there is something to move in units of it.
  const unit = rows / k >= 2 * align ? align : 1;
  const units = Math.ceil(rows / unit);
  if (units < 2 * k) return partition(layer, k);
  const devices = seated.slice(0, k).map(({ speed }) => ({
    hopMs: speed?.hopMs ?? costs.hopMs,
    msPerUnit: Math.max((unit * layerMs(profile, layer, speed, costs)) / rows, Number.EPSILON),
  }));
  const heights = shareOut(units, devices).map((count) => count * unit);
  // The last unit may be a part of one; taken from a tallest block it makes nothing slower.
  heights[heights.indexOf(Math.max(...heights))]! -= units * unit - rows;
  return partitionHeights(rows, heights);
}

/** Whole units for each device, at least one, so that the last to finish finishes soonest: the next goes to whom it delays least. */
function shareOut(
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
