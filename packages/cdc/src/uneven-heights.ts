import { type ArrivalDistribution, delayed } from './arrival-distribution.ts';
import { InvalidArgumentError, LengthMismatchError, TooManyShardsError } from './errors.ts';
import { kthArrival } from './order-statistics.ts';
import { type Partition, partitionHeights, requireCount } from './partition.ts';

/** A device of a layer that is divided over different devices. */
export interface UnevenDevice {
  /** Milliseconds per output row of this layer. */
  readonly msPerRow: number;
  /** Time that does not depend on the rows: network and queueing. */
  readonly network: ArrivalDistribution;
}

export interface UnevenPlan {
  readonly partition: Partition;
  /** Expected arrival of the k-th of k + r answers. */
  readonly expectedMs: number;
  /** As `expectedMs`, for blocks of equal height. */
  readonly expectedMsEven: number;
}

/**
 * Chooses block heights that minimize the expected arrival of the k-th of k + r answers. A parity shard is as
 * tall as the tallest block, so giving one fast device a huge block delays the parity. The search is local:
 * it starts from equal heights and from heights proportional to speed, and moves rows between blocks in ever
 * smaller steps while the expectation improves.
 * @param devices  the k data devices, then the r parity devices
 * @param align  all heights but one are multiples of this
 * @throws {LengthMismatchError} fewer than k devices
 * @throws {TooManyShardsError} more blocks than units of `align` rows
 * @throws {InvalidArgumentError} a count below 1, or a speed that is not positive
 * @example
 * const network = exponential(0.01);
 * const devices = [{ msPerRow: 0.1, network }, { msPerRow: 0.2, network }];
 * const { partition } = chooseHeights(300, 2, devices);
 * console.log(partition.blocks.map(({ rows }) => rows));
 * // → [ 200, 100 ]
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
    // The last unit may be partial. Shortening a tallest block slows no device.
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

/** Moves units between pairs of blocks, in ever smaller steps, while the cost falls. */
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
          // Ignores gains within rounding, which could cycle forever.
          if (value < best * (1 - 1e-9)) {
            [blocks, best, improved] = [moved, value, true];
          }
        }
      }
    }
  }
  return { blocks, cost: best };
}

/** Divides units in proportion to weights by largest remainders, at least one each. */
function apportion(units: number, weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const rest = units - weights.length;
  const exact = weights.map((weight) => (rest * weight) / total);
  const blocks = exact.map((value) => 1 + Math.floor(value));
  const order = exact.map((value, i) => [value - Math.floor(value), i] as const).sort((a, b) => b[0] - a[0]);
  const left = units - blocks.reduce((sum, block) => sum + block, 0);
  for (let i = 0; i < left; i++) blocks[order[i]![1]]!++;
  return blocks;
}
