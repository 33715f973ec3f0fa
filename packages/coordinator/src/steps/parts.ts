import type { LocalStep, TilePlan } from '@sparewheel/planner';
import { elementCount, type Tensor } from '@sparewheel/protocol';

/** Returns why a tile cannot be taken from an image; null if it can. */
export function tileProblem({ axis, inputRows }: TilePlan, { dims }: Tensor): string | null {
  return dims[axis] === inputRows
    ? null
    : `the plan divides ${inputRows} rows on axis ${axis}; the input is [${dims.join(', ')}]`;
}

/** Copies the rows that a tile needs out of an image. */
export function tileRows({ axis, input: { from, to } }: TilePlan, image: Tensor): Tensor {
  const { dims, data } = image;
  const inner = elementCount(dims.slice(axis + 1));
  const outer = elementCount(dims.slice(0, axis));
  const size = (to - from) * inner;
  const rows = emptyLike(image, outer * size);
  for (let o = 0; o < outer; o++) {
    const start = (o * dims[axis]! + from) * inner;
    copy(rows, data.subarray(start, start + size), o * size);
  }
  return { ...image, dims: dims.with(axis, to - from), data: rows } as Tensor;
}

/**
 * Merges the parts of a result, as a step's plan says.
 * @throws {RangeError} the parts do not fit together
 */
export function mergeParts(
  { joins, adds }: Pick<LocalStep, 'joins' | 'adds'>,
  parts: readonly Tensor[],
): Tensor {
  return adds ? addSlices(parts) : joinTiles(parts, joins!);
}

/**
 * Adds float32 tensors in their order, so that the sum does not depend on the devices that answered.
 * @throws {RangeError} the shapes differ, which the plan does not say if a dimension is free
 */
export function addSlices(slices: readonly Tensor[]): Tensor {
  const [first] = slices as [Tensor];
  for (const { type, dims } of slices) {
    if (type !== 'float32' || dims.join() !== first.dims.join())
      throw new RangeError(
        `slices of [${first.dims.join(', ')}] and ${type} [${dims.join(', ')}] cannot be added`,
      );
  }
  const total = new Float32Array(first.data as Float32Array);
  for (const { data } of slices.slice(1)) {
    const values = data as Float32Array;
    for (let i = 0; i < total.length; i++) total[i]! += values[i]!;
  }
  return { ...first, data: total } as Tensor;
}

/** Concatenates tensors along an axis. They have the same type and differ only in that dimension. */
export function joinTiles(tiles: readonly Tensor[], axis: number): Tensor {
  const { dims } = tiles[0]!;
  const outer = elementCount(dims.slice(0, axis));
  const rows = tiles.reduce((sum, tile) => sum + tile.dims[axis]!, 0);
  const inner = elementCount(dims.slice(axis + 1));
  const joined = emptyLike(tiles[0]!, outer * rows * inner);
  for (let o = 0; o < outer; o++) {
    let at = o * rows * inner;
    for (const { data } of tiles) {
      const size = data.length / outer;
      copy(joined, data.subarray(o * size, (o + 1) * size), at);
      at += size;
    }
  }
  return { ...tiles[0]!, dims: dims.with(axis, rows), data: joined } as Tensor;
}

function emptyLike({ data }: Tensor, length: number): Tensor['data'] {
  return new (data.constructor as new (length: number) => Tensor['data'])(length);
}

/** All arrays of an image have one type. */
function copy(into: Tensor['data'], from: Tensor['data'], at: number): void {
  (into as Float32Array).set(from as Float32Array, at);
}
