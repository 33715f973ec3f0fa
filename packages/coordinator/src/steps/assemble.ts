import type { Tensor } from '@sparewheel/protocol';
import { uninitializedFloats } from '@sparewheel/runtime/memory';
import type { ShardValues } from './shard-code.ts';

/** The position of a block of rows in a layer's output. */
export interface BlockRange {
  readonly start: number;
  readonly rows: number;
}

/**
 * Concatenates the outputs of the k data shards along the divided axis, without the rows that only pad a block to the
 * common height. Allocates once. If the axes before the divided axis have size 1 (a batch of one convolution, one row
 * of a matrix product), each block is one copy.
 * @param parts   k arrays of shape `dims`; not mutated, not kept
 * @param dims    the shape of every part; `dims[axis]` is the common height
 * @param axis    counted from the front if ≥ 0, from the end if < 0
 * @param blocks  blocks[i] gives the output rows that part i holds; contiguous and in order
 * @returns the layer's output; its divided axis has the total number of rows of all blocks
 */
export function assemble(
  parts: readonly ShardValues[],
  dims: readonly number[],
  axis: number,
  blocks: readonly BlockRange[],
): Tensor<'float32' | 'int32'> {
  const divided = axis < 0 ? dims.length + axis : axis;
  let outer = 1;
  for (let i = 0; i < divided; i++) outer *= dims[i]!;
  let inner = 1;
  for (let i = divided + 1; i < dims.length; i++) inner *= dims[i]!;
  const height = dims[divided]!;
  let rows = 0;
  for (let i = 0; i < blocks.length; i++) rows += blocks[i]!.rows;

  const length = outer * rows * inner;
  const integers = parts[0] instanceof Int32Array;
  const data: ShardValues = integers ? new Int32Array(length) : uninitializedFloats(length);
  let offset = 0;
  for (let o = 0; o < outer; o++) {
    const from = o * height * inner;
    for (let i = 0; i < blocks.length; i++) {
      const own = blocks[i]!.rows * inner;
      copy(data, offset, parts[i]!, from, own);
      offset += own;
    }
  }
  const shape = dims.slice();
  shape[divided] = rows;
  return integers
    ? { type: 'int32', dims: shape, data: data as Int32Array }
    : { type: 'float32', dims: shape, data: data as Float32Array };
}

/** Length in values up to which a loop is faster than `set` with a new view. */
const SHORT = 32;

function copy(target: ShardValues, at: number, source: ShardValues, from: number, length: number): void {
  if (length <= SHORT) {
    for (let i = 0; i < length; i++) target[at + i] = source[from + i]!;
  } else {
    const whole = from === 0 && length === source.length;
    target.set(whole ? source : source.subarray(from, from + length), at);
  }
}
