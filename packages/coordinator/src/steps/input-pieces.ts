import { encodePiece, type Generator, gatherRows, type RowShape } from '@sparewheel/cdc';
import type { InputPiecesPlan } from '@sparewheel/planner';
import { elementCount, type Tensor } from '@sparewheel/protocol';
import { uninitializedFloats } from '@sparewheel/runtime/memory';

/**
 * The pieces of one request's input, for a step that divides its input. Data shards get ranges of rows with zeros
 * outside the input, parity shards get weighted sums of all data pieces. Each piece is copied or encoded once. A
 * transport that sends a tensor from its own buffer copies it no further.
 */
export class InputPieces {
  readonly #generator: Generator;
  readonly #plan: InputPiecesPlan;
  readonly #input: Float32Array;
  readonly #shape: RowShape;
  readonly #dims: readonly number[];
  readonly #elements: number;
  /** False if a sum of pieces contains NaN or infinity: the input does, or the sum overflows. */
  finite = true;
  /** Why the input cannot be divided as planned; null if it can. */
  readonly problem: string | null;

  /** @param input  not mutated */
  constructor(generator: Generator, plan: InputPiecesPlan, input: Tensor) {
    const { dims } = input;
    const axis = plan.axis < 0 ? dims.length + plan.axis : plan.axis;
    this.#generator = generator;
    this.#plan = plan;
    this.#input = input.data as Float32Array;
    this.#shape = {
      outer: elementCount(dims.slice(0, axis)),
      rows: plan.inputRows,
      inner: elementCount(dims.slice(axis + 1)),
    };
    this.#dims = dims.map((dim, i) => (i === axis ? plan.rows : dim));
    this.#elements = elementCount(this.#dims);
    this.problem =
      input.type === 'float32' && dims[axis] === plan.inputRows
        ? null
        : `the plan divides ${plan.inputRows} float32 rows on axis ${plan.axis}; the input is ${input.type} [${dims.join(', ')}]`;
  }

  /**
   * Creates the pieces of several shards. Passes on each one as soon as it is made, so that a device can start while
   * the next piece is made.
   * @param shards  ascending, so that the data pieces come before the parity pieces that sum them
   * @param made  called in order, with the index in `shards`; the piece must not be mutated
   */
  each(shards: readonly number[], made: (piece: Tensor<'float32'>, index: number) => void): void {
    const { dataShards: k } = this.#generator;
    const encodes = shards.some((shard) => shard >= k);
    const data: Float32Array[] = [];
    let index = 0;
    for (let shard = 0; shard < k; shard++) {
      const asked = shards[index] === shard;
      if (!asked && !encodes) continue;
      const piece = this.#gather(shard);
      if (encodes) data.push(piece);
      if (asked) made(this.#tensor(piece), index++);
    }
    for (; index < shards.length; index++) made(this.#tensor(this.#encode(shards[index]!, data)), index);
  }

  /** Returns the piece of one shard. */
  piece(shard: number): Tensor<'float32'> {
    const { dataShards: k } = this.#generator;
    if (shard < k) return this.#tensor(this.#gather(shard));
    return this.#tensor(
      this.#encode(
        shard,
        Array.from({ length: k }, (_, j) => this.#gather(j)),
      ),
    );
  }

  #gather(shard: number): Float32Array {
    const piece = uninitializedFloats(this.#elements);
    gatherRows(this.#input, this.#shape, this.#plan.starts[shard]!, this.#plan.rows, piece);
    return piece;
  }

  #encode(shard: number, data: readonly Float32Array[]): Float32Array {
    const piece = uninitializedFloats(this.#elements);
    if (!encodePiece(this.#generator, shard - this.#generator.dataShards, data, piece)) this.finite = false;
    return piece;
  }

  #tensor(data: Float32Array): Tensor<'float32'> {
    return { type: 'float32', dims: this.#dims, data };
  }
}
