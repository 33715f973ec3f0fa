import { bytePlanes, type Generator, type Partition, planeCount } from '@sparewheel/cdc';
import type { LoadedModel } from './cut.ts';
import { constantsOf, type LinearLayer } from './linear.ts';
import { type ConstantTensor, DATA_TYPE, type Node } from './model.ts';
import { tensorBytes } from './tensor-data.ts';

/** Nodes and constants that compute the rows of one shard. */
export interface ShardCore {
  readonly nodes: Node[];
  readonly initializers: ConstantTensor[];
}

type Bytes = Int8Array | Uint8Array;

/** The weights and zero points of a layer with integer weights. They are read when the first shard is written. */
export class IntegerConstants {
  readonly #loaded: LoadedModel;
  readonly #layer: LinearLayer;
  #read: { readonly weights: Bytes; readonly zeroPoint: Bytes | null } | undefined;

  constructor(loaded: LoadedModel, layer: LinearLayer) {
    this.#loaded = loaded;
    this.#layer = layer;
  }

  /**
   * Creates the part of a shard's graph that multiplies. A data shard has 8-bit weights. A parity shard has the
   * weighted sums of weights minus zero points, in planes of 8 bits whose products are added in int32.
   * @param rows  at least the shard's own rows
   * @param output  name of the int32 result
   */
  core(partition: Partition, generator: Generator, shard: number, rows: number, output: string): ShardCore {
    const { model } = this.#loaded;
    const layer = this.#layer;
    const constants = constantsOf(model.graph);
    const { feedZeroPoint, weightsZeroPoint } = layer.integers!;
    const node = model.graph.nodes[layer.node]!;
    const dims = layer.weightsDims.map((dim, i) =>
      i === layer.weightsRowAxis ? layer.weightsRowGroups * rows : dim,
    );
    const initializers: ConstantTensor[] = [];
    if (feedZeroPoint !== undefined) initializers.push(constants.get(feedZeroPoint)!);
    const inputsWith = (weights: string, zeroPoint = '') => {
      const inputs = ['', '', '', ''];
      inputs[layer.feedIndex] = layer.feed;
      inputs[layer.weightsIndex] = weights;
      inputs[2 + layer.feedIndex] = feedZeroPoint ?? '';
      inputs[2 + layer.weightsIndex] = zeroPoint;
      while (inputs.at(-1) === '') inputs.pop();
      return inputs;
    };

    const parity = shard - generator.dataShards;
    if (parity < 0) {
      const weights = constants.get(layer.weights)!;
      initializers.unshift(
        constant(layer.weights, dims, weights.dataType, this.#block(partition, shard, rows)),
      );
      let zeroPoint = '';
      if (weightsZeroPoint !== undefined) {
        const tensor = constants.get(weightsZeroPoint)!;
        const own = this.#zeroPoints(partition, shard, rows);
        // The weights, the zero point of the feed and this zero point may be one constant.
        zeroPoint = `${layer.weights}/zero-point`;
        initializers.push(
          constant(zeroPoint, own.length === 1 ? tensor.dims : [own.length], tensor.dataType, own),
        );
      }
      return {
        nodes: [{ ...node, inputs: inputsWith(layer.weights, zeroPoint), outputs: [output] }],
        initializers,
      };
    }

    const sums = this.#sums(partition, generator, parity, rows);
    const planes = bytePlanes(sums, parityPlanes(generator, parity));
    const nodes: Node[] = [];
    let total = '';
    // ConvInteger is slow with int8 weights on x86.
    const unsigned = node.opType === 'ConvInteger';
    const zeroPoint = unsigned ? `${layer.weights}/planes-zero-point` : '';
    if (unsigned) initializers.push(constant(zeroPoint, [], DATA_TYPE.uint8, Uint8Array.of(128)));
    for (const [plane, bytes] of planes.entries()) {
      const weights = `${layer.weights}/plane-${plane}`;
      const [type, data] = unsigned
        ? [DATA_TYPE.uint8, Uint8Array.from(bytes, (byte) => byte + 128)]
        : [DATA_TYPE.int8, bytes];
      initializers.push(constant(weights, dims, type, data));
      const product = planes.length === 1 ? output : `${output}/plane-${plane}`;
      nodes.push({ ...node, name: product, inputs: inputsWith(weights, zeroPoint), outputs: [product] });
      if (plane === 0) {
        total = product;
        continue;
      }
      const factor = constant(`${product}/factor`, [], DATA_TYPE.int32, Int32Array.of(256 ** plane));
      initializers.push(factor);
      const sum = plane === planes.length - 1 ? output : `${output}/sum-${plane}`;
      nodes.push(binary('Mul', product, factor.name, `${product}/scaled`));
      nodes.push(binary('Add', total, `${product}/scaled`, sum));
      total = sum;
    }
    return { nodes, initializers };
  }

  get #values() {
    if (this.#read) return this.#read;
    const constants = constantsOf(this.#loaded.model.graph);
    const read = (name: string) => byteData(constants.get(name)!, this.#loaded);
    const { weightsZeroPoint } = this.#layer.integers!;
    this.#read = {
      weights: read(this.#layer.weights),
      zeroPoint: weightsZeroPoint === undefined ? null : read(weightsZeroPoint),
    };
    return this.#read;
  }

  /** Returns the rows of one data shard. Padding equals the zero point, so that its products are zero. */
  #block(partition: Partition, shard: number, height: number): Bytes {
    const { outer, rows, inner } = this.#layer.layout;
    const { weights, zeroPoint } = this.#values;
    const { start, rows: own } = partition.blocks[shard]!;
    if (outer === 1 && own === height) return weights.subarray(start * inner, (start + own) * inner);
    const padding = zeroPoint?.length === 1 ? zeroPoint[0]! : 0;
    const length = outer * height * inner;
    const block = weights instanceof Int8Array ? new Int8Array(length) : new Uint8Array(length);
    if (own < height) block.fill(padding);
    for (let o = 0; o < outer; o++) {
      const from = (o * rows + start) * inner;
      block.set(weights.subarray(from, from + own * inner), o * height * inner);
    }
    return block;
  }

  #zeroPoints(partition: Partition, shard: number, height: number): Bytes {
    const zeroPoint = this.#values.zeroPoint!;
    if (zeroPoint.length === 1) return zeroPoint;
    const { start, rows } = partition.blocks[shard]!;
    const own = zeroPoint instanceof Int8Array ? new Int8Array(height) : new Uint8Array(height);
    own.set(zeroPoint.subarray(start, start + rows));
    return own;
  }

  #sums({ blocks }: Partition, generator: Generator, parity: number, height: number): Int32Array {
    const { outer, rows, inner } = this.#layer.layout;
    const { weights, zeroPoint } = this.#values;
    const k = generator.dataShards;
    const sums = new Int32Array(outer * height * inner);
    for (const [shard, { start, rows: own }] of blocks.entries()) {
      const coefficient = generator.parity[parity * k + shard]!;
      for (let o = 0; o < outer; o++) {
        for (let row = 0; row < own; row++) {
          const zero = zeroPoint?.[zeroPoint.length === 1 ? 0 : start + row] ?? 0;
          const from = (o * rows + start + row) * inner;
          const to = (o * height + row) * inner;
          for (let i = 0; i < inner; i++) sums[to + i]! += coefficient * (weights[from + i]! - zero);
        }
      }
    }
    return sums;
  }
}

/** Returns the number of int8 planes of a parity shard of a layer with integer weights. */
export function parityPlanes(generator: Generator, parity: number): number {
  const k = generator.dataShards;
  return planeCount(generator.parity.subarray(parity * k, (parity + 1) * k));
}

/**
 * Returns the elements of an 8-bit constant.
 * @throws {TypeError} it is not int8 or uint8
 */
export function byteData(tensor: ConstantTensor, { external }: Pick<LoadedModel, 'external'>): Bytes {
  const bytes = tensorBytes(tensor, external);
  if (tensor.dataType === DATA_TYPE.uint8) return bytes;
  if (tensor.dataType === DATA_TYPE.int8) {
    return new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  throw new TypeError(`constant "${tensor.name}" is not int8 or uint8`);
}

function constant(
  name: string,
  dims: readonly number[],
  dataType: number,
  data: Bytes | Int32Array,
): ConstantTensor {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { name, dims, dataType, storage: { kind: 'raw', bytes } };
}

function binary(opType: 'Add' | 'Mul', first: string, second: string, output: string): Node {
  return { name: output, opType, domain: '', inputs: [first, second], outputs: [output], attributes: [] };
}
