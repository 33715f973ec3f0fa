import { InvalidArgumentError, LengthMismatchError, NonFiniteWeightError } from './errors.ts';
import type { Generator } from './generator.ts';
import { linearCombination } from './linear-combination.ts';
import { type Partition, requireCount } from './partition.ts';

/**
 * How a weight matrix lies in memory. Rows are outputs (neurons, filters), columns inputs.
 * `rows-major` is [rows, columns]: Conv, Gemm with transB = 1; a block is contiguous.
 * `columns-major` is [columns, rows]: MatMul, Gemm with transB = 0; a block is a range of every line.
 */
export type WeightLayout = 'rows-major' | 'columns-major';

export interface EncodeOptions {
  /** Layout of the weights and of the parity shard; the default is `rows-major`. */
  readonly layout?: WeightLayout;
  /** Where the parity shard is written, `height × columns` elements; made new where it is not given. */
  readonly into?: Float32Array;
}

/**
 * Encodes the weights of one parity shard: the sum, weighted by the generator's row, of the k blocks, each padded
 * with zero rows to the tallest. [paper §5.3, eq. 11]
 * @param weights  the whole layer's weights, `partition.rows × columns` elements in the given layout; not mutated
 * @param columns  inputs per output row; of a convolution: input channels per group × kernel elements
 * @returns the parity shard's weights, [height, columns] or, in `columns-major`, [columns, height]
 * @throws {LengthMismatchError} `weights` or `into` does not fit
 * @throws {NonFiniteWeightError} NaN or an infinity among the weights
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
  // A weight that is not finite makes its sum not finite, so that nothing but the sums has to be looked at.
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
 * Encodes the bias of one parity shard; a bias takes part in the sum like one more column of weights.
 * @param bias  `partition.rows` elements; not mutated
 * @returns `partition.height` elements
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
 * Encodes one parity shard from k separate views, one per data shard, for blocks that never lie in memory
 * together: call it once per range of a large layer. A view shorter than `into` counts as padded with zeros.
 * @param views  k contiguous blocks; not mutated, not copied
 * @param into   the longest view's length or more; must not overlap a view
 * @returns `into`
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

/** The r weights of parity shard `parityIndex` for the k blocks, after checking that the counts fit. */
function parityRow(generator: Generator, parityIndex: number, blocks: number): Float64Array {
  const { dataShards, parityShards, parity } = generator;
  if (!Number.isInteger(parityIndex) || parityIndex < 0 || parityIndex >= parityShards) {
    throw new InvalidArgumentError('parityIndex', parityIndex, `a whole number in [0, ${parityShards})`);
  }
  if (blocks !== dataShards) throw new LengthMismatchError('the list of blocks', dataShards, blocks);
  return parity.subarray(parityIndex * dataShards, (parityIndex + 1) * dataShards);
}

function requireLength(what: string, array: Float32Array, expected: number): void {
  if (array.length !== expected) throw new LengthMismatchError(what, expected, array.length);
}

/** Finds whose weight it was; only runs on the way to an error. */
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
