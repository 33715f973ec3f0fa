import { type ArrivalDistribution, delayed } from './arrival-distribution.ts';
import { InvalidArgumentError, LengthMismatchError, TooManyShardsError } from './errors.ts';
import { kthArrival } from './order-statistics.ts';
import { type Partition, partitionHeights, requireCount } from './partition.ts';

/** What is known of a device when a layer is divided over devices that are not alike. */
export interface UnevenDevice {
  /** Milliseconds per output row of this layer. */
  readonly msPerRow: number;
  /** Everything that does not depend on the rows: network, queueing. */
  readonly network: ArrivalDistribution;
}

export interface UnevenPlan {
  readonly partition: Partition;
  /** Expected time until any k answers are in: the k-th order statistic of k + r. */
  readonly expectedMs: number;
  /** The same for blocks of equal height. */
  readonly expectedMsEven: number;
}

/**
 * Chooses the heights of the data blocks so that the k-th of the k + r answers is expected soonest. A parity shard is
 * as tall as the tallest block, so that one huge block for one fast device is not the answer either.
 * Starts from heights in proportion to speed and from equal ones, and moves ever fewer rows between blocks while
 * that helps: a local optimum.
 * @param devices  the k data devices, then the r parity devices
 * @param align    heights are multiples of this, but for one
 */
export function chooseHeights(
  rows: number,
  k: number,
  devices: readonly UnevenDevice[],
  align = 1,
): UnevenPlan {
  requireCount('rows', rows, 1);
  requireCount('k', k, 1);
  requireCount('align', align, 1);
  if (devices.length < k) throw new LengthMismatchError('devices', k, devices.length);
  for (const [d, { msPerRow }] of devices.entries()) {
    if (!(msPerRow > 0) || !Number.isFinite(msPerRow)) {
      throw new InvalidArgumentError(`devices[${d}].msPerRow`, msPerRow, 'a finite number above 0');
    }
  }
  const units = Math.ceil(rows / align);
  if (k > units) throw new TooManyShardsError(units, k);

  const toHeights = (blocks: readonly number[]) => {
    const heights = blocks.map((block) => block * align);
    // The last unit may be a part of one; taken from a tallest block it makes nothing slower.
    heights[heights.indexOf(Math.max(...heights))]! -= units * align - rows;
    return heights;
  };
  const expected = (blocks: readonly number[]) => {
    const heights = toHeights(blocks);
    const tallest = Math.max(...heights);
    const arrivals = devices.map(({ msPerRow, network }, d) =>
      delayed(network, msPerRow * (heights[d] ?? tallest)),
    );
    return kthArrival(k, arrivals).meanMs;
  };

  const even = apportion(units, new Array<number>(k).fill(1));
  const bySpeed = apportion(
    units,
    devices.slice(0, k).map(({ msPerRow }) => 1 / msPerRow),
  );
  const expectedMsEven = expected(even);
  const candidates = [even, bySpeed].map((start) => descend(start, expected));
  const best = candidates.reduce((a, b) => (b.cost < a.cost ? b : a));
  return {
    partition: partitionHeights(rows, toHeights(best.blocks)),
    expectedMs: best.cost,
    expectedMsEven,
  };
}

/** Moves units between pairs of blocks, fewer and fewer at a time, while the cost falls. */
function descend(
  start: readonly number[],
  cost: (blocks: readonly number[]) => number,
): { blocks: readonly number[]; cost: number } {
  let blocks = start;
  let best = cost(start);
  for (let step = 2 ** Math.floor(Math.log2(Math.max(...start))); step >= 1; step /= 2) {
    for (let improved = true; improved; ) {
      improved = false;
      for (let from = 0; from < blocks.length; from++) {
        for (let to = 0; to < blocks.length; to++) {
          if (from === to || blocks[from]! <= step) continue;
          const moved = blocks.with(from, blocks[from]! - step).with(to, blocks[to]! + step);
          const value = cost(moved);
          // A gain that rounding could have made would let this go round in circles.
          if (value < best * (1 - 1e-9)) {
            [blocks, best, improved] = [moved, value, true];
          }
        }
      }
    }
  }
  return { blocks, cost: best };
}

/** Divides whole units in proportion to weights, at least one each, by largest remainders. */
function apportion(units: number, weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const spare = units - weights.length;
  const exact = weights.map((weight) => (spare * weight) / total);
  const blocks = exact.map((value) => 1 + Math.floor(value));
  const order = exact.map((value, i) => [value - Math.floor(value), i] as const).sort((a, b) => b[0] - a[0]);
  const left = units - blocks.reduce((sum, block) => sum + block, 0);
  for (let i = 0; i < left; i++) blocks[order[i]![1]]!++;
  return blocks;
}
