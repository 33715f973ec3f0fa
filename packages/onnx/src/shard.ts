import { type Generator, LengthMismatchError, type Partition } from '@sparewheel/cdc';
import { type LoadedModel, typesByName } from './cut.ts';
import { constantsOf, dividedDims, type LinearLayer } from './linear.ts';
import {
  type ConstantTensor,
  DATA_TYPE,
  type Model,
  type Node,
  type TensorStorage,
  type ValueInfo,
} from './model.ts';
import { reshapeNode } from './reshape.ts';
import { LayerConstant } from './shard-rows.ts';

/** The numbers of a linear layer; what is added is already broadcast along the divided axis. */
export interface LayerConstants {
  readonly weights: LayerConstant;
  readonly addend?: LayerConstant;
}

/** Finds a layer's constants, once for all of its shards. They are read as shards are made and written. */
export function loadLayerConstants(loaded: LoadedModel, layer: LinearLayer): LayerConstants {
  const constants = constantsOf(loaded.model.graph);
  const weights = new LayerConstant(constants.get(layer.weights)!, loaded, layer.layout);
  if (!layer.addend) return { weights };
  const { name, dims, layout } = layer.addend;
  const tensor = constants.get(name)!;
  const addend = new LayerConstant(tensor, loaded, layout, (data) => broadcast(tensor.dims, data, dims));
  return { weights, addend };
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
      constants.weights.shard(partition, generator, shard, rows),
    ),
  ];
  if (layer.addend && constants.addend) {
    const { name, dims, rowAxis } = layer.addend;
    initializers.push(
      constantTensor(
        // A name of its own: the layer's weights and addend may be one constant.
        `${name}/addend`,
        withRows(dims, rowAxis, layer.groups * rows),
        constants.addend.shard(partition, generator, shard, rows),
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
  const bytes = new Uint8Array(4 * dims.reduce((product, dim) => product * dim, 1));
  return constantTensor(name, dims, { kind: 'raw', bytes });
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

function withRows(dims: readonly number[], axis: number, rows: number): number[] {
  return dims.map((dim, i) => (i === axis ? rows : dim));
}

function constantTensor(name: string, dims: readonly number[], storage: TensorStorage): ConstantTensor {
  return { name, dims, dataType: DATA_TYPE.float32, storage };
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
