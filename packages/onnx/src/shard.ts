import { type Generator, LengthMismatchError, type Partition } from '@sparewheel/cdc';
import { type LoadedModel, typesByName } from './cut.ts';
import { isHalf } from './half.ts';
import { IntegerConstants, type ShardCore } from './integer-shard.ts';
import { constantsOf, dividedDims, type LinearLayer } from './linear.ts';
import {
  type ConstantTensor,
  DATA_TYPE,
  type Model,
  type Node,
  type TensorStorage,
  type ValueInfo,
} from './model.ts';
import { openDims, reshapeNode, sizesOf } from './reshape.ts';
import { LayerConstant } from './shard-rows.ts';

/** The constants of a float32 layer. The addend is broadcast along the divided axis. */
interface FloatConstants {
  readonly weights: LayerConstant;
  readonly addend?: LayerConstant;
}

/** The constants of a linear layer. */
export type LayerConstants = FloatConstants | IntegerConstants;

/** Finds a layer's constants, for all of its shards. Their elements are read when a shard is written. */
export function loadLayerConstants(loaded: LoadedModel, layer: LinearLayer): LayerConstants {
  if (layer.integers) return new IntegerConstants(loaded, layer);
  const constants = constantsOf(loaded.model.graph);
  const weights = new LayerConstant(constants.get(layer.weights)!, loaded, layer.layout);
  if (!layer.addend) return { weights };
  const { name, dims, layout } = layer.addend;
  const tensor = constants.get(name)!;
  const addend = new LayerConstant(tensor, loaded, layout, (data) => broadcast(tensor.dims, data, dims));
  return { weights, addend };
}

/**
 * A block this much shorter than the tallest gets a node that pads its answer. Other blocks get zero rows.
 */
const WORTH_PADDING = { rows: 8, factor: 1.15 };

/**
 * Returns the rows that a shard computes. All answers have `height` rows. A much shorter block computes only
 * its own rows, and its answer is padded.
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
 * Creates the model of one shard of a layer: the layer's node over one block of rows (data shard) or over the
 * generator's combination of all blocks (parity shard). All shards have outputs of one shape, so that answers
 * can be added: shorter blocks and their addends are padded with zero rows, or their answers are padded if
 * that saves much work. [paper §5.2]
 * @param shard  in [0, k + r): the data shards, then the parity shards
 * @returns a model with the input `layer.feed` and the output `layer.fetch`, which has `partition.height`
 *          rows on the axis `layer.axis` and the shape `dividedDims`
 * @throws {LengthMismatchError} the partition is for another number of rows
 * @throws {RangeError} no such shard
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
  const wholeDims = knownDims(types.get(layer.fetch));
  const dims = wholeDims && dividedDims(layer, wholeDims, partition.height);
  // Padding an answer needs its rank.
  const rows = dims ? computedRows(partition, shard) : partition.height;
  const dataType = layer.integers ? DATA_TYPE.int32 : DATA_TYPE.float32;
  const padded = rows < partition.height;
  const own = padded ? `${layer.fetch}/own` : layer.fetch;
  // `analyzeLinear` accepts grouped layers only with a known rank.
  const channels = layer.groups > 1 ? `${layer.fetch}/channels` : own;
  const { nodes, initializers } =
    constants instanceof IntegerConstants
      ? constants.core(partition, generator, shard, rows, channels)
      : floatCore(node, layer, constants, partition, generator, shard, rows, channels);
  if (layer.groups > 1) {
    const reshape = reshapeNode(channels, own, dividedDims(layer, wholeDims!, rows));
    nodes.push(reshape.node);
    initializers.push(reshape.shape);
  }
  if (padded) {
    const axis = layer.axis < 0 ? dims!.length + layer.axis : layer.axis;
    const missing = partition.height - rows;
    if (dims!.includes(-1)) {
      const opset = model.opsetImports.find(({ domain }) => domain === '')?.version ?? 0;
      const padding = padNode(own, layer.fetch, dims!.length, axis, missing, opset);
      nodes.push(padding.node);
      initializers.push(...padding.constants);
    } else {
      const padding = zeroRows(`${layer.fetch}/padding`, withRows(dims!, axis, missing), dataType);
      initializers.push(padding);
      nodes.push(concatNode(own, padding.name, layer.fetch, axis));
    }
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
          type: { kind: 'tensor', dataType, ...(dims ? { dims: openDims(dims) } : {}) },
        },
      ],
      valueInfos: [],
    },
  };
}

/** Creates the part of a shard's graph that multiplies and adds, in float32. */
function floatCore(
  node: Node,
  layer: LinearLayer,
  constants: FloatConstants,
  partition: Partition,
  generator: Generator,
  shard: number,
  rows: number,
  output: string,
): ShardCore {
  const dataType = constants.weights.typeOf(generator, shard);
  const stored = isHalf(dataType) ? `${layer.weights}/half` : layer.weights;
  const initializers: ConstantTensor[] = [
    {
      name: stored,
      dims: withRows(layer.weightsDims, layer.weightsRowAxis, layer.weightsRowGroups * rows),
      dataType,
      storage: constants.weights.shard(partition, generator, shard, rows),
    },
  ];
  if (layer.addend && constants.addend) {
    const { name, dims, rowAxis } = layer.addend;
    initializers.push(
      constantTensor(
        // The weights and the addend may be the same constant, so the addend gets another name.
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
  const nodes: Node[] = [{ ...node, inputs, outputs: [output] }];
  // ONNX Runtime computes this Cast once, when it loads the shard.
  if (stored !== layer.weights) nodes.unshift(castNode(stored, layer.weights));
  return { nodes, initializers };
}

function castNode(input: string, output: string): Node {
  return {
    name: `${output}/cast`,
    opType: 'Cast',
    domain: '',
    inputs: [input],
    outputs: [output],
    attributes: [{ name: 'to', kind: 'int', value: BigInt(DATA_TYPE.float32) }],
  };
}

/** Creates zeros of a type with 4 bytes per element. */
function zeroRows(name: string, dims: readonly number[], dataType: number): ConstantTensor {
  const bytes = new Uint8Array(4 * dims.reduce((product, dim) => product * dim, 1));
  return { name, dims, dataType, storage: { kind: 'raw', bytes } };
}

/** Pad takes its sizes as an input from this operator set on. */
const PAD_SIZES_AS_INPUT = 11;

/** Creates the node that adds zero rows to a tensor with free dimensions. */
function padNode(input: string, output: string, rank: number, axis: number, rows: number, opset: number) {
  const pads = new Array<bigint>(2 * rank).fill(0n);
  pads[rank + axis] = BigInt(rows);
  const name = `${output}/pads`;
  const common = { name: `${output}/pad`, opType: 'Pad', domain: '', outputs: [output] } as const;
  if (opset < PAD_SIZES_AS_INPUT) {
    const node: Node = {
      ...common,
      inputs: [input],
      attributes: [{ name: 'pads', kind: 'ints', value: pads }],
    };
    return { node, constants: [] };
  }
  const bytes = new Uint8Array(BigInt64Array.from(pads).buffer);
  const sizes: ConstantTensor = {
    name,
    dims: [2 * rank],
    dataType: DATA_TYPE.int64,
    storage: { kind: 'raw', bytes },
  };
  const node: Node = { ...common, inputs: [input, name], attributes: [] };
  return { node, constants: [sizes] };
}

/** Creates the node that adds zero rows to a tensor of a fixed shape. Concat works in every operator set. */
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

/** Repeats a tensor of at most two dimensions to the given shape. Returns `data` if nothing repeats. */
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

/** Returns a value's shape, -1 for a free dimension; undefined if the rank is not known. */
function knownDims(value: ValueInfo | undefined): readonly number[] | undefined {
  return value?.type?.kind === 'tensor' && value.type.dims ? sizesOf(value.type.dims) : undefined;
}
