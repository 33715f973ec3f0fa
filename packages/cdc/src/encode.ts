import { InvalidArgumentError, LengthMismatchError, NonFiniteWeightError } from './errors.ts';
import type { Generator } from './generator.ts';
import { linearCombination } from './linear-combination.ts';
import { type Partition, requireCount } from './partition.ts';

/**
 * Memory layout of a weight matrix. Rows are outputs (neurons, filters); columns are inputs. `rows-major` is
 * [rows, columns], as in Conv and in Gemm with transB = 1. A block is contiguous. `columns-major` is
 * [columns, rows], as in MatMul and in Gemm with transB = 0. A block is a range of each line.
 */
export type WeightLayout = 'rows-major' | 'columns-major';

export interface EncodeOptions {
  /** Layout of the weights and of the parity shard. Default: `rows-major`. */
  readonly layout?: WeightLayout;
  /** Output array of `height × columns` elements. Default: a new array. */
  readonly into?: Float32Array;
}

/**
 * Encodes the weights of one parity shard: the sum of the k blocks, weighted by one row of the generator.
 * Blocks are padded with zero rows to the height of the tallest. [paper §5.3, eq. 11]
 * @param parityIndex  parity shard, in [0, r)
 * @param weights  `partition.rows × columns` elements of the whole layer in the given layout; not mutated
 * @param columns  inputs per output row; for a convolution, input channels per group × kernel elements
 * @returns weights of the parity shard, [height, columns], or [columns, height] in `columns-major`
 * @throws {LengthMismatchError} `weights` or `into` has the wrong length
 * @throws {NonFiniteWeightError} a weight is NaN or infinite
 * @example
 * const weights = Float32Array.of(1, 2, 10, 20, 30, 40, 50, 60); // [4, 2]
 * const partition = partitionHeights(4, [1, 3]);
 * console.log(...encodeWeights(generatorMatrix(2, 1), 0, weights, partition, 2));
 * // → 11 22 30 40 50 60
 */
export function encodeWeights(
  generator: Generator,
  parityIndex: number,
  weights: Float32Array,
  partition: Partition,
  columns: number,
  options: EncodeOptions = {},
): Float32Array {
  requireCount('columns', columns, 1);
  const row = parityRow(generator, parityIndex, partition.blocks.length);
  requireLength('weights', weights, partition.rows * columns);
  const into = options.into ?? new Float32Array(partition.height * columns);
  requireLength('into', into, partition.height * columns);
  const { blocks, height } = partition;
  const sources = blocks.map(() => weights);
  // A non-finite weight makes its sum non-finite, so checking the sums is enough.
  let finite = true;

  if (options.layout === 'columns-major') {
    const lengths = blocks.map((block) => block.rows);
    const offsets = new Float64Array(blocks.length);
    for (let column = 0; column < columns; column++) {
      for (let b = 0; b < blocks.length; b++) offsets[b] = column * partition.rows + blocks[b]!.start;
      if (!linearCombination(into, column * height, height, row, sources, offsets, lengths)) finite = false;
    }
  } else {
    const lengths = blocks.map((block) => block.rows * columns);
    const offsets = blocks.map((block) => block.start * columns);
    finite = linearCombination(into, 0, height * columns, row, sources, offsets, lengths);
  }
  if (!finite) throw nonFiniteWeight(weights, partition, columns, options.layout ?? 'rows-major');
  return into;
}

/**
 * Encodes the bias of one parity shard. The bias is summed like one more column of weights.
 * @param bias  `partition.rows` elements; not mutated
 * @returns `partition.height` elements
 * @throws as `encodeWeights`
 * @example
 * const bias = Float32Array.of(1, 2, 3, 4, 5);
 * console.log(...encodeBias(generatorMatrix(2, 1), 0, bias, partitionRows(5, 2)));
 * // → 5 7 3
 */
export function encodeBias(
  generator: Generator,
  parityIndex: number,
  bias: Float32Array,
  partition: Partition,
): Float32Array {
  return encodeWeights(generator, parityIndex, bias, partition, 1);
}

/**
 * Encodes one parity shard from k separate views, one per data shard. For layers too large for memory, call
 * it once per range. A view shorter than `into` is padded with zeros.
 * @param parityIndex  parity shard, in [0, r)
 * @param views  k contiguous blocks; not mutated, not copied
 * @param into  output, at least as long as the longest view; must not overlap a view
 * @returns `into`
 * @throws {LengthMismatchError} the number of views is not k, or a view is longer than `into`
 * @throws {NonFiniteWeightError} an element is NaN or infinite
 * @example
 * const views = [Float32Array.of(1, 2, 3), Float32Array.of(10, 20)];
 * console.log(...encodeViews(generatorMatrix(2, 1), 0, views, new Float32Array(3)));
 * // → 11 22 3
 */
export function encodeViews(
  generator: Generator,
  parityIndex: number,
  views: readonly Float32Array[],
  into: Float32Array,
): Float32Array {
  const row = parityRow(generator, parityIndex, views.length);
  const lengths = views.map((view) => view.length);
  for (const [b, length] of lengths.entries()) {
    if (length > into.length) throw new LengthMismatchError(`view ${b}`, into.length, length);
  }
  if (!linearCombination(into, 0, into.length, row, views, new Float64Array(views.length), lengths)) {
    for (const [b, view] of views.entries()) {
      const bad = view.find((value) => !Number.isFinite(value));
      if (bad !== undefined) throw new NonFiniteWeightError(b, bad);
    }
    throw new NonFiniteWeightError(undefined, Number.NaN);
  }
  return into;
}

/** Returns the k coefficients of one parity shard. Throws if the counts do not match. */
function parityRow(generator: Generator, parityIndex: number, blocks: number): Float64Array {
  const { dataShards, parityShards, parity } = generator;
  if (!Number.isInteger(parityIndex) || parityIndex < 0 || parityIndex >= parityShards) {
    throw new InvalidArgumentError('parityIndex', parityIndex, `an integer in [0, ${parityShards})`);
  }
  if (blocks !== dataShards) throw new LengthMismatchError('the list of blocks', dataShards, blocks);
  return parity.subarray(parityIndex * dataShards, (parityIndex + 1) * dataShards);
}

function requireLength(what: string, array: Float32Array, expected: number): void {
  if (array.length !== expected) throw new LengthMismatchError(what, expected, array.length);
}

/** Finds the data shard that holds the first non-finite weight. */
function nonFiniteWeight(
  weights: Float32Array,
  partition: Partition,
  columns: number,
  layout: WeightLayout,
): NonFiniteWeightError {
  const at = weights.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return new NonFiniteWeightError(undefined, Number.NaN);
  const row = layout === 'rows-major' ? Math.floor(at / columns) : at % partition.rows;
  const shard = partition.blocks.findIndex((block) => row < block.start + block.rows);
  return new NonFiniteWeightError(shard, weights[at]!);
}
