import { InvalidArgumentError, LengthMismatchError, TooManyShardsError } from './errors.ts';

/** The rows of the weight matrix that one data shard computes: `[start, start + rows)`. */
export interface Block {
  readonly start: number;
  readonly rows: number;
}

/**
 * How the output rows (neurons or filters) of a layer are divided over k data shards.
 * Blocks are contiguous, in order, never empty, and cover every row once.
 */
export interface Partition {
  /** Rows of the whole layer. */
  readonly rows: number;
  /** Rows of the tallest block: the height of every parity shard, and of every zero-padded answer. */
  readonly height: number;
  readonly blocks: readonly Block[];
}

export interface PartitionOptions {
  /**
   * Makes block heights multiples of this where the blocks are at least so tall. 16 for convolutions:
   * their kernels work on 16 channels at a time, so that 22 filters cost as much as 32.
   */
  readonly align?: number;
}

/**
 * Divides rows over k blocks as evenly as it goes; taller blocks come first.
 * @throws {TooManyShardsError} more shards than rows
 */
export function partitionRows(rows: number, k: number, options: PartitionOptions = {}): Partition {
  requireCount('rows', rows, 1);
  requireCount('k', k, 1);
  const align = options.align ?? 1;
  requireCount('align', align, 1);
  if (k > rows) throw new TooManyShardsError(rows, k);

  // Alignment only where every block is at least one unit tall; a narrow layer is better off balanced.
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
 * Divides rows into blocks of the given heights, for devices of uneven speed or memory.
 * @throws {LengthMismatchError} the heights do not sum to `rows`
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

export function requireCount(argument: string, value: number, minimum: number): void {
  if (!Number.isSafeInteger(value) || value < minimum) {
    throw new InvalidArgumentError(argument, value, `a whole number of at least ${minimum}`);
  }
}
