import {
  encodeViews,
  encodeWeights,
  type Generator,
  LengthMismatchError,
  type Partition,
  totalShards,
} from '@sparewheel/cdc';
import { type LoadedModel, typesByName } from './cut.ts';
import { constantsOf, dividedDims, type LinearLayer, type RowLayout } from './linear.ts';
import { type ConstantTensor, DATA_TYPE, type Model, type Node, type ValueInfo } from './model.ts';
import { reshapeNode } from './reshape.ts';
import { float32Data } from './tensor-data.ts';

/** The numbers of a linear layer; what is added is already broadcast along the divided axis. */
export interface LayerConstants {
  /** Row-major [outer, rows, inner] of the layer's layout. */
  readonly weights: Float32Array;
  readonly addend?: Float32Array;
}

/** Reads a layer's constants, once for all of its shards. */
export function loadLayerConstants({ model, external }: LoadedModel, layer: LinearLayer): LayerConstants {
  const constants = constantsOf(model.graph);
  const weights = float32Data(constants.get(layer.weights)!, external);
  if (!layer.addend) return { weights };
  const tensor = constants.get(layer.addend.name)!;
  return { weights, addend: broadcast(tensor.dims, float32Data(tensor, external), layer.addend.dims) };
}

/** A block so much shorter than the tallest is worth a node that pads its answer; others are padded with zero rows. */
const WORTH_PADDING = { rows: 8, factor: 1.15 };

/**
 * Rows that a shard computes. All answers have `height` rows, so that they simply add; a block that is much shorter is
 * computed as it is and its answer padded.
 */
export function computedRows(
  { blocks, height }: Pick<Partition, 'blocks' | 'height'>,
  shard: number,
): number {
  const own = blocks[shard]?.rows ?? height;
  const worth = height - own >= WORTH_PADDING.rows && height >= WORTH_PADDING.factor * own;
  return worth ? own : height;
}

/**
 * Makes the model of one shard of a layer: the layer's own node over its block of rows (data shard) or over the
 * generator's combination of all blocks (parity shard). Blocks and what is added to them are padded with zero rows
 * to the tallest, or their answers are where that spares much work, so that all shards have outputs of one shape, which
 * simply add. [paper §5.2]
 * @param shard  in [0, k + r): the data shards, then the parity shards
 * @returns a model with one input, `layer.feed`, and one output, `layer.fetch`, whose axis `layer.axis` has
 *          `partition.height` rows; its shape is `dividedDims`
 */
export function shardModel(
  { model }: LoadedModel,
  layer: LinearLayer,
  constants: LayerConstants,
  partition: Partition,
  generator: Generator,
  shard: number,
): Model {
  if (partition.rows !== layer.layout.rows) {
    throw new LengthMismatchError('partition.rows', layer.layout.rows, partition.rows);
  }
  const node = model.graph.nodes[layer.node]!;
  const types = typesByName(model.graph);
  const wholeDims = staticDims(types.get(layer.fetch));
  const dims = wholeDims && dividedDims(layer, wholeDims, partition.height);
  // Only a known shape can be padded to.
  const rows = dims ? computedRows(partition, shard) : partition.height;
  const initializers = [
    constantTensor(
      layer.weights,
      withRows(layer.weightsDims, layer.weightsRowAxis, layer.weightsRowGroups * rows),
      shardRows(constants.weights, layer.layout, partition, generator, shard, rows),
    ),
  ];
  if (layer.addend && constants.addend) {
    const { name, dims, rowAxis, layout } = layer.addend;
    initializers.push(
      constantTensor(
        // A name of its own: the layer's weights and addend may be one constant.
        `${name}/addend`,
        withRows(dims, rowAxis, layer.groups * rows),
        shardRows(constants.addend, layout, partition, generator, shard, rows),
      ),
    );
  }
  const inputs = ['', ''];
  inputs[layer.feedIndex] = layer.feed;
  inputs[layer.weightsIndex] = layer.weights;
  if (initializers[1]) inputs.push(initializers[1].name);
  const padded = rows < partition.height;
  const own = padded ? `${layer.fetch}/own` : layer.fetch;
  const nodes: Node[] = [{ ...node, inputs, outputs: [own] }];
  if (layer.groups > 1) {
    // analyseLinear has made sure that the shape of a grouped layer is known.
    const channels = `${layer.fetch}/channels`;
    nodes[0] = { ...node, inputs, outputs: [channels] };
    const reshape = reshapeNode(channels, own, dividedDims(layer, wholeDims!, rows));
    nodes.push(reshape.node);
    initializers.push(reshape.shape);
  }
  if (padded) {
    const axis = layer.axis < 0 ? dims!.length + layer.axis : layer.axis;
    const padding = zeroRows(`${layer.fetch}/padding`, withRows(dims!, axis, partition.height - rows));
    initializers.push(padding);
    nodes.push(concatNode(own, padding.name, layer.fetch, axis));
  }
  return {
    irVersion: model.irVersion,
    producer: model.producer,
    opsetImports: model.opsetImports.filter(({ domain }) => domain === ''),
    functions: [],
    graph: {
      name: 'shard',
      nodes,
      initializers,
      sparseInitializers: [],
      inputs: [types.get(layer.feed) ?? { name: layer.feed }],
      outputs: [
        {
          name: layer.fetch,
          type: { kind: 'tensor', dataType: DATA_TYPE.float32, ...(dims ? { dims } : {}) },
        },
      ],
      valueInfos: [],
    },
  };
}

function zeroRows(name: string, dims: readonly number[]): ConstantTensor {
  return constantTensor(name, dims, new Float32Array(dims.reduce((product, dim) => product * dim, 1)));
}

/** With zeros, in every opset alike; Pad has changed its form. */
function concatNode(first: string, second: string, output: string, axis: number): Node {
  return {
    name: `${output}/pad`,
    opType: 'Concat',
    domain: '',
    inputs: [first, second],
    outputs: [output],
    attributes: [{ name: 'axis', kind: 'int', value: BigInt(axis) }],
  };
}

/**
 * The rows that one shard holds, zero-padded to `height`; a view where they lie together.
 * @param height  a data shard's own rows at least; of a parity shard, the tallest block's
 */
function shardRows(
  source: Float32Array,
  layout: RowLayout,
  partition: Partition,
  generator: Generator,
  shard: number,
  height: number,
): Float32Array {
  const { outer, rows, inner } = layout;
  const { blocks } = partition;
  if (!Number.isInteger(shard) || shard < 0 || shard >= totalShards(generator)) {
    throw new RangeError(`shard ${shard} is not in [0, ${totalShards(generator)})`);
  }
  const line = rows * inner;
  const shardLine = height * inner;
  if (shard < generator.dataShards) {
    const { start, rows: own } = blocks[shard]!;
    if (outer === 1 && own === height) return source.subarray(start * inner, (start + own) * inner);
    const out = new Float32Array(outer * shardLine);
    for (let o = 0; o < outer; o++) {
      const from = o * line + start * inner;
      out.set(source.subarray(from, from + own * inner), o * shardLine);
    }
    return out;
  }
  const parity = shard - generator.dataShards;
  if (outer === 1) return encodeWeights(generator, parity, source, partition, inner);
  if (inner === 1) {
    return encodeWeights(generator, parity, source, partition, outer, { layout: 'columns-major' });
  }
  const out = new Float32Array(outer * shardLine);
  for (let o = 0; o < outer; o++) {
    const views = blocks.map(({ start, rows: own }) => {
      const from = o * line + start * inner;
      return source.subarray(from, from + own * inner);
    });
    encodeViews(generator, parity, views, out.subarray(o * shardLine, (o + 1) * shardLine));
  }
  return out;
}

function withRows(dims: readonly number[], axis: number, rows: number): number[] {
  return dims.map((dim, i) => (i === axis ? rows : dim));
}

function constantTensor(name: string, dims: readonly number[], data: Float32Array): ConstantTensor {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { name, dims, dataType: DATA_TYPE.float32, storage: { kind: 'raw', bytes } };
}

/** Repeats a tensor of at most two dimensions to the given shape; a view where nothing is to be repeated. */
function broadcast(from: readonly number[], data: Float32Array, to: readonly number[]): Float32Array {
  const width = to.at(-1) ?? 1;
  const height = to.length === 2 ? to[0]! : 1;
  if (data.length === width * height) return data;
  const fromWidth = from.at(-1) ?? 1;
  const fromHeight = from.length === 2 ? from[0]! : 1;
  const out = new Float32Array(width * height);
  for (let i = 0; i < height; i++) {
    for (let j = 0; j < width; j++) {
      out[i * width + j] = data[(fromHeight === 1 ? 0 : i) * fromWidth + (fromWidth === 1 ? 0 : j)]!;
    }
  }
  return out;
}

function staticDims(value: ValueInfo | undefined): readonly number[] | undefined {
  const dims = value?.type?.kind === 'tensor' ? value.type.dims : undefined;
  return dims?.every((dim) => typeof dim === 'number') ? (dims as readonly number[]) : undefined;
}
