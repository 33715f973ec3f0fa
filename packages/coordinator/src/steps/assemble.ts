import type { Tensor } from '@sparewheel/protocol';

/** Where in a layer's output a block of rows belongs. */
export interface BlockRange {
  readonly start: number;
  readonly rows: number;
}

/**
 * Puts the k data shards' outputs together along the divided axis, leaving out the rows that only pad a block to
 * the common height. One allocation; where nothing lies outside the axis (a batch of one convolution, one row of
 * a matrix product) each block is one copy.
 * @param parts   k arrays of shape `dims`; not mutated, not kept
 * @param dims    the shape of every part; `dims[axis]` is the common height
 * @param axis    from the front where ≥ 0, from the end where < 0
 * @param blocks  blocks[i] says which rows of the output part i holds; contiguous and in order
 * @returns the layer's output; its axis is the blocks' rows together
 */
export function assemble(
  parts: readonly Float32Array[],
  dims: readonly number[],
  axis: number,
  blocks: readonly BlockRange[],
): Tensor<'float32'> {
  const divided = axis < 0 ? dims.length + axis : axis;
  let outer = 1;
  for (let i = 0; i < divided; i++) outer *= dims[i]!;
  let inner = 1;
  for (let i = divided + 1; i < dims.length; i++) inner *= dims[i]!;
  const height = dims[divided]!;
  let rows = 0;
  for (let i = 0; i < blocks.length; i++) rows += blocks[i]!.rows;

  const data = new Float32Array(outer * rows * inner);
  let offset = 0;
  for (let o = 0; o < outer; o++) {
    const from = o * height * inner;
    for (let i = 0; i < blocks.length; i++) {
      const length = blocks[i]!.rows * inner;
      copy(data, offset, parts[i]!, from, length);
      offset += length;
    }
  }
  const shape = dims.slice();
  shape[divided] = rows;
  return { type: 'float32', dims: shape, data };
}

/** Below this a loop is faster than making a view for `set`. */
const SHORT = 32;

function copy(target: Float32Array, at: number, source: Float32Array, from: number, length: number): void {
  if (length <= SHORT) {
    for (let i = 0; i < length; i++) target[at + i] = source[from + i]!;
  } else {
    const whole = from === 0 && length === source.length;
    target.set(whole ? source : source.subarray(from, from + length), at);
  }
}
