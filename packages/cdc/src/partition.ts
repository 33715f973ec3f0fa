import { InvalidArgumentError, LengthMismatchError, TooManyShardsError } from './errors.ts';

/** The output rows of one data shard: `[start, start + rows)`. */
export interface Block {
  readonly start: number;
  readonly rows: number;
}

/**
 * A division of a layer's output rows (neurons or filters) over k data shards.
 * Blocks are contiguous, in order and not empty. They cover every row once.
 */
export interface Partition {
  /** Rows of the whole layer. */
  readonly rows: number;
  /** Rows of the tallest block, of every parity shard and of every zero-padded answer. */
  readonly height: number;
  readonly blocks: readonly Block[];
}

export interface PartitionOptions {
  /**
   * Aligns block heights to multiples of this, if every block is at least that tall. Use 16 for convolutions:
   * their kernels process 16 channels at a time, so 22 filters cost as much as 32.
   */
  readonly align?: number;
}

/**
 * Divides rows over k blocks as evenly as possible. Taller blocks come first.
 * @throws {TooManyShardsError} more shards than rows
 * @throws {InvalidArgumentError} a count below 1
 * @example
 * const { blocks, height } = partitionRows(10, 4);
 * console.log(blocks.map(({ rows }) => rows), height);
 * // → [ 3, 3, 2, 2 ] 3
 */
export function partitionRows(rows: number, k: number, options: PartitionOptions = {}): Partition {
  requireCount('rows', rows, 1);
  requireCount('k', k, 1);
  const align = options.align ?? 1;
  requireCount('align', align, 1);
  if (k > rows) throw new TooManyShardsError(rows, k);

  // In a layer with less than one unit per block, balance saves more than alignment.
  const unit = rows / k >= align ? align : 1;
  const units = Math.ceil(rows / unit);
  const each = Math.floor(units / k);
  const taller = units % k;
  const heights: number[] = [];
  let left = rows;
  for (let block = 0; block < k; block++) {
    const height = Math.min((block < taller ? each + 1 : each) * unit, left);
    heights.push(height);
    left -= height;
  }
  return partitionHeights(rows, heights);
}

/**
 * Divides rows into blocks of the given heights, for devices of different speed or memory.
 * @throws {LengthMismatchError} the heights do not add up to `rows`
 * @throws {TooManyShardsError} more heights than rows
 * @throws {InvalidArgumentError} no heights, or a height below 1
 * @example
 * const { blocks, height } = partitionHeights(10, [6, 1, 3]);
 * console.log(blocks.map(({ start }) => start), height);
 * // → [ 0, 6, 7 ] 6
 */
export function partitionHeights(rows: number, heights: readonly number[]): Partition {
  requireCount('rows', rows, 1);
  if (heights.length === 0) throw new InvalidArgumentError('heights', '[]', 'at least one height');
  if (heights.length > rows) throw new TooManyShardsError(rows, heights.length);
  const blocks: Block[] = [];
  let start = 0;
  for (const [index, height] of heights.entries()) {
    requireCount(`heights[${index}]`, height, 1);
    blocks.push({ start, rows: height });
    start += height;
  }
  if (start !== rows) throw new LengthMismatchError('the sum of the heights', rows, start);
  return { rows, height: Math.max(...heights), blocks };
}

/** @throws {InvalidArgumentError} `value` is not an integer of at least `minimum` */
export function requireCount(argument: string, value: number, minimum: number): void {
  if (!Number.isSafeInteger(value) || value < minimum) {
    throw new InvalidArgumentError(argument, value, `an integer of at least ${minimum}`);
  }
}
