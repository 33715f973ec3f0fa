import { InvalidArgumentError, LengthMismatchError } from '../errors.ts';
import type { Generator } from '../generator.ts';
import { linearCombination } from '../linear-combination.ts';
import { type Partition, partitionRows, requireCount } from '../partition.ts';

/**
 * Coded inputs: every device has all weights, and the *input* is divided and encoded at run time. Each of the
 * k data devices computes a band of output rows from a piece of the input. The pieces have equal size, and a
 * parity piece is their weighted sum. A layer is linear in its input, so its output for the parity piece is
 * the same sum of the data devices' outputs: any k of the k + r answers determine the layer. [CoCoI, arXiv
 * 2501.06856]
 *
 * The bias is part of the layer on data devices. A parity device adds the bias times the sum of its
 * coefficients: see `parityBiasFactor`.
 */
export interface InputWindow {
  /** Rows of the input along the divided axis. */
  readonly inputRows: number;
  /** Rows of the output along the divided axis. */
  readonly outputRows: number;
  /** Output row i reads the input rows `[i · stride − padBefore, i · stride − padBefore + window)`. */
  readonly window: number;
  readonly stride: number;
  /** Zero rows in front of the input. */
  readonly padBefore: number;
}

/** The division of an input into k pieces of equal size. */
export interface InputPieces {
  /** The output rows of each data shard. Every answer has `partition.height` rows; a shorter block is its start. */
  readonly partition: Partition;
  /** Input rows of every piece, halo and padding included. */
  readonly rows: number;
  /** First input row of each piece. Rows outside the input are zeros, so it may be negative. */
  readonly starts: readonly number[];
  /** Input rows that two neighboring pieces of full height share. 0 if the window is at most as large as the stride. */
  readonly halo: number;
  /** Input rows from one piece of full height to the next. */
  readonly band: number;
}

/**
 * Divides an input into k pieces. A block shorter than the tallest computes surplus rows, which the assembly
 * drops.
 * @throws {TooManyShardsError} more pieces than output rows
 * @throws {InvalidArgumentError} a count out of range
 * @example
 * const pieces = inputPieces({ inputRows: 5, outputRows: 5, window: 3, stride: 1, padBefore: 1 }, 2);
 * console.log(pieces.rows, pieces.starts, pieces.partition.blocks.map(({ rows }) => rows));
 * // → 5 [ -1, 2 ] [ 3, 2 ]
 */
export function inputPieces(layer: InputWindow, k: number): InputPieces {
  const { outputRows, window, stride, padBefore } = layer;
  requireCount('inputRows', layer.inputRows, 1);
  requireCount('window', window, 1);
  requireCount('stride', stride, 1);
  requireCount('padBefore', padBefore, 0);
  const partition = partitionRows(outputRows, k);
  return {
    partition,
    rows: (partition.height - 1) * stride + window,
    starts: partition.blocks.map(({ start }) => start * stride - padBefore),
    halo: Math.max(0, window - stride),
    band: partition.height * stride,
  };
}

/** A tensor as [outer, rows, inner] around its divided axis. */
export interface RowShape {
  readonly outer: number;
  readonly rows: number;
  readonly inner: number;
}

/**
 * Copies the rows `[start, start + rows)` of a tensor, with zeros for rows outside it.
 * @param input  `outer × rows × inner` elements; not mutated
 * @param into  `outer × rows × inner` elements with the rows of the piece; overwritten completely
 * @throws {LengthMismatchError} an array has the wrong length
 * @example
 * const into = new Float32Array(4);
 * gatherRows(Float32Array.of(1, 2, 3, 4, 5, 6), { outer: 2, rows: 3, inner: 1 }, 2, 2, into);
 * console.log(...into);
 * // → 3 0 6 0
 */
export function gatherRows(
  input: Float32Array,
  shape: RowShape,
  start: number,
  rows: number,
  into: Float32Array,
): void {
  const { outer, inner } = shape;
  const line = shape.rows * inner;
  const piece = rows * inner;
  if (input.length !== outer * line) throw new LengthMismatchError('the input', outer * line, input.length);
  if (into.length !== outer * piece) throw new LengthMismatchError('the piece', outer * piece, into.length);
  const from = Math.min(Math.max(start, 0), shape.rows) * inner;
  const to = Math.min(Math.max(start + rows, 0), shape.rows) * inner;
  const before = Math.min(Math.max(0, -start) * inner, piece);
  for (let o = 0; o < outer; o++) {
    const at = o * piece;
    const first = at + before;
    const end = first + Math.max(0, to - from);
    if (first > at) into.fill(0, at, first);
    copyRange(into, first, input, o * line + from, end - first);
    if (end < at + piece) into.fill(0, end, at + piece);
  }
}

/** Length up to which a loop is faster than `set` with a new view. */
const SHORT = 48;

function copyRange(
  target: Float32Array,
  at: number,
  source: Float32Array,
  from: number,
  length: number,
): void {
  if (length > SHORT) {
    target.set(source.subarray(from, from + length), at);
    return;
  }
  for (let i = 0; i < length; i++) target[at + i] = source[from + i]!;
}

/**
 * Encodes the piece of one parity device: the sum of the k pieces, weighted by one row of the generator.
 * @param parityIndex  parity shard, in [0, r)
 * @param pieces  k arrays of equal length; not mutated
 * @param into  the parity piece, of the same length; must not overlap a piece
 * @returns whether every sum is finite. NaN and infinity are allowed, because activations may contain them; a
 *          device then answers with them.
 * @throws {LengthMismatchError} the number of pieces is not k, or a piece has another length
 * @throws {InvalidArgumentError} no such parity shard
 * @example
 * const into = new Float32Array(2);
 * encodePiece(generatorMatrix(2, 1), 0, [Float32Array.of(1, 2), Float32Array.of(10, 20)], into);
 * console.log(...into);
 * // → 11 22
 */
export function encodePiece(
  generator: Generator,
  parityIndex: number,
  pieces: readonly Float32Array[],
  into: Float32Array,
): boolean {
  const { dataShards: k } = generator;
  if (pieces.length !== k) throw new LengthMismatchError('the list of pieces', k, pieces.length);
  for (const [j, piece] of pieces.entries()) {
    if (piece.length !== into.length) throw new LengthMismatchError(`piece ${j}`, into.length, piece.length);
  }
  const lengths = new Float64Array(k).fill(into.length);
  const row = coefficients(generator, parityIndex);
  return linearCombination(into, 0, into.length, row, pieces, new Float64Array(k), lengths);
}

/**
 * Returns the factor of the bias on one parity device: the sum of its coefficients.
 * @throws {InvalidArgumentError} no such parity shard
 * @example
 * console.log(parityBiasFactor(generatorMatrix(4, 1), 0));
 * // → 4
 */
export function parityBiasFactor(generator: Generator, parityIndex: number): number {
  return coefficients(generator, parityIndex).reduce((sum, coefficient) => sum + coefficient, 0);
}

function coefficients({ dataShards: k, parityShards, parity }: Generator, parityIndex: number): Float64Array {
  if (!Number.isInteger(parityIndex) || parityIndex < 0 || parityIndex >= parityShards) {
    throw new InvalidArgumentError('parityIndex', parityIndex, `an integer in [0, ${parityShards})`);
  }
  return parity.subarray(parityIndex * k, (parityIndex + 1) * k);
}
