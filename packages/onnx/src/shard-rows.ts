import {
  encodeViews,
  encodeWeights,
  type Generator as GeneratorMatrix,
  type Partition,
  totalShards,
} from '@sparewheel/cdc';
import type { LoadedModel } from './cut.ts';
import { isHalf } from './half.ts';
import type { RowLayout } from './linear.ts';
import { type ConstantTensor, DATA_TYPE, type TensorStorage } from './model.ts';
import {
  type ExternalData,
  type ExternalStorage,
  externalBytes,
  float32Data,
  halfData,
  tensorPieces,
} from './tensor-data.ts';

/**
 * Elements read from each block at a time: half a megabyte, so that the ranges of all blocks fit in a cache.
 */
const RANGE = 128 * 1024;
/** Size of a float32. */
const ELEMENT_BYTES = 4;

type Elements = Float32Array | Uint16Array;

/**
 * The elements of a layer's weights or addend. Data shards keep half-precision weights; parity shards and addends are
 * float32. The elements are read range by range if they are contiguous in a file,
 * otherwise as a whole.
 */
export class LayerConstant {
  readonly #tensor: ConstantTensor;
  readonly #external: ExternalData;
  readonly #layout: RowLayout;
  readonly #broadcast: (data: Float32Array) => Float32Array;
  /** Type of the elements of a data shard. */
  readonly #dataType: number;
  #values: Float32Array | undefined;

  /**
   * @param layout  of the elements after broadcasting: row-major [outer, rows, inner]
   * @param broadcast  repeats elements along the divided axis; may return its argument. Without it, data shards keep
   *   a half-precision type
   */
  constructor(
    tensor: ConstantTensor,
    { external }: LoadedModel,
    layout: RowLayout,
    broadcast?: (data: Float32Array) => Float32Array,
  ) {
    this.#tensor = tensor;
    this.#external = external;
    this.#layout = layout;
    this.#broadcast = broadcast ?? ((data) => data);
    this.#dataType = broadcast ? DATA_TYPE.float32 : tensor.dataType;
  }

  /**
   * Returns the rows of one shard, zero-padded to `height`. If the rows are contiguous in a file, it returns
   * their range, or pieces computed on demand.
   * @param shard  in [0, k + r)
   * @param height  for a data shard, at least its own rows; for a parity shard, the rows of the tallest block
   * @throws {RangeError} no such shard
   */
  shard(partition: Partition, generator: GeneratorMatrix, shard: number, height: number): TensorStorage {
    if (!Number.isInteger(shard) || shard < 0 || shard >= totalShards(generator)) {
      throw new RangeError(`shard ${shard} is not in [0, ${totalShards(generator)})`);
    }
    const { inner } = this.#layout;
    const file = this.#file();
    const parity = shard - generator.dataShards;
    if (parity >= 0) {
      if (!file) return raw(this.#combine(partition, generator, parity, height));
      const pieces = () => this.#combineRanges(file, partition, generator, parity);
      return { kind: 'computed', byteLength: partition.height * inner * ELEMENT_BYTES, pieces };
    }
    const { start, rows } = partition.blocks[shard]!;
    if (!file) return raw(this.#block(start, rows, height));
    const size = this.#elementBytes;
    const own = range(file, start * inner, rows * inner, size);
    if (rows === height) return own;
    const padding = (height - rows) * inner * size;
    const pieces = () => this.#padded(own, padding);
    return { kind: 'computed', byteLength: rows * inner * size + padding, pieces };
  }

  /** Returns the type of a shard's elements: a TensorProto.DataType. */
  typeOf(generator: GeneratorMatrix, shard: number): number {
    return shard < generator.dataShards ? this.#dataType : DATA_TYPE.float32;
  }

  get #elementBytes(): number {
    return isHalf(this.#dataType) ? 2 : ELEMENT_BYTES;
  }

  /** Returns the file if the rows are contiguous in it and need no broadcasting. */
  #file(): ExternalStorage | null {
    const { outer, rows, inner } = this.#layout;
    const { storage } = this.#tensor;
    if (this.#tensor.dataType !== this.#dataType) return null;
    const whole = outer * rows * inner * this.#elementBytes;
    return outer === 1 && storage.kind === 'external' && storage.length === whole ? storage : null;
  }

  get #all(): Float32Array {
    this.#values ??= this.#broadcast(float32Data(this.#tensor, this.#external));
    return this.#values;
  }

  /** Returns a view if the rows are contiguous and need no padding. */
  #block(start: number, own: number, height: number): Elements {
    const { outer, rows, inner } = this.#layout;
    const half = isHalf(this.#dataType);
    const source = half ? halfData(this.#tensor, this.#external) : this.#all;
    if (outer === 1 && own === height) return source.subarray(start * inner, (start + own) * inner);
    const length = outer * height * inner;
    const out = half ? new Uint16Array(length) : new Float32Array(length);
    for (let o = 0; o < outer; o++) {
      const from = (o * rows + start) * inner;
      out.set(source.subarray(from, from + own * inner), o * height * inner);
    }
    return out;
  }

  #combine(partition: Partition, generator: GeneratorMatrix, parity: number, height: number): Float32Array {
    const { outer, rows, inner } = this.#layout;
    const source = this.#all;
    if (outer === 1) return encodeWeights(generator, parity, source, partition, inner);
    if (inner === 1) {
      return encodeWeights(generator, parity, source, partition, outer, { layout: 'columns-major' });
    }
    const shardLine = height * inner;
    const out = new Float32Array(outer * shardLine);
    for (let o = 0; o < outer; o++) {
      const views = partition.blocks.map(({ start, rows: own }) => {
        const from = (o * rows + start) * inner;
        return source.subarray(from, from + own * inner);
      });
      encodeViews(generator, parity, views, out.subarray(o * shardLine, (o + 1) * shardLine));
    }
    return out;
  }

  *#padded(own: ExternalStorage, zeros: number): Generator<Uint8Array> {
    yield* tensorPieces({ ...this.#tensor, storage: own }, this.#external);
    yield new Uint8Array(zeros);
  }

  /** As `#combine`, but reads the file range by range, so that no block or shard is in memory as a whole. */
  *#combineRanges(
    file: ExternalStorage,
    partition: Partition,
    generator: GeneratorMatrix,
    parity: number,
  ): Generator<Uint8Array> {
    const { inner } = this.#layout;
    const elements = partition.height * inner;
    const out = new Float32Array(Math.min(RANGE, elements));
    const buffers = partition.blocks.map(() => new Uint8Array(out.byteLength));
    for (let from = 0; from < elements; from += RANGE) {
      const to = Math.min(from + RANGE, elements);
      const views = partition.blocks.map(({ start, rows }, block) => {
        const end = Math.min(to, rows * inner);
        if (end <= from) return new Float32Array(0);
        const at = range(file, start * inner + from, end - from, this.#elementBytes);
        const bytes = externalBytes(this.#tensor.name, at, this.#external, buffers[block]!);
        return float32Data({ ...this.#tensor, storage: { kind: 'raw', bytes } }, this.#external);
      });
      encodeViews(generator, parity, views, out.subarray(0, to - from));
      yield new Uint8Array(out.buffer, 0, (to - from) * ELEMENT_BYTES);
    }
  }
}

/** Returns a subrange. @param first  its first element, relative to the range of `file` */
function range(file: ExternalStorage, first: number, elements: number, size: number): ExternalStorage {
  return { ...file, offset: file.offset + first * size, length: elements * size };
}

function raw(data: Elements): TensorStorage {
  return { kind: 'raw', bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}
