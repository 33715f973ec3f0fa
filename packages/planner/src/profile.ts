import {
  analyzeInputSplit,
  analyzeLinear,
  analyzeTile,
  bodies,
  type ConstantTensor,
  castConstants,
  constantsOf,
  DATA_TYPE,
  dataTypeName,
  type Graph,
  type InputSplitLayer,
  intAttribute,
  isCodable,
  isDivisible,
  isHalf,
  type LinearLayer,
  type LinearOp,
  type Model,
  type Node,
  type NotDivisible,
  type NotTileable,
  nodeReads,
  type RowWindow,
  type Shapes,
  type SliceableRun,
  type Speed,
  shapesOf,
  sliceableRuns,
  tensorByteLength,
} from '@sparewheel/onnx';
import {
  ELEMENT_TYPES,
  elementCount,
  type SizeLimit,
  type TensorSpec,
  type TensorType,
} from '@sparewheel/protocol';
import { whyBodiesStayWhole } from './body-layers.ts';

/** How the weights of a linear layer can be divided. */
export interface LayerCoding {
  readonly op: LinearOp;
  readonly feed: string;
  readonly fetch: string;
  /** Output rows (neurons or filters) to divide; for a grouped convolution, the rows of one group. */
  readonly rows: number;
  /** Groups of a convolution, all divided in the same way; 1 for other layers. */
  readonly groups: number;
  /** The divided output axis, counted from the front if ≥ 0, from the end if < 0. */
  readonly axis: number;
  /** Bytes of weights and addend for one row. The addend is expanded along the rows. */
  readonly bytesPerRow: number;
  /** The same for parity weights; absent if equal. The sums of half-precision weights are float32. */
  readonly parityBytesPerRow?: number;
  /**
   * Preferred multiple of a block's height. 16 for convolutions, whose kernels process 16 channels at a time.
   */
  readonly align: number;
  /**
   * Axis 0 of the feed and of the fetch counts independent rows: a product with a constant matrix on its right. Absent
   * otherwise, and in profiles of older versions.
   */
  readonly independentRows?: true;
  /** Set for layers with integer weights, which answer with int32 accumulators. */
  readonly integers?: {
    /** The largest magnitude that an accumulator can have. */
    readonly largest: number;
  };
}

/** One node of the canonical graph. */
export interface LayerProfile {
  /** Index in the canonical graph. */
  readonly node: number;
  readonly name: string;
  readonly op: string;
  /** Values that the node and its subgraph bodies read, without constants. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Shape of the first output, if known. */
  readonly outputDims: readonly number[] | null;
  /** Number of elements of the constants that the node reads, without shapes and sizes (int64). */
  readonly parameters: number;
  readonly weightsBytes: number;
  /** Of one inference, by the standard formulas; 0 for nodes that are not products. */
  readonly multiplyAdds: number;
  /** Measured at upload, on the control plane's machine with one thread. */
  readonly timeMs: number | null;
  readonly coding: LayerCoding | null;
  /**
   * The reason why the weights of a linear layer cannot be coded, or those of the linear layers in the node's bodies;
   * null for all other nodes.
   */
  readonly notCodable: string | null;
  /**
   * How the input of a linear layer can be divided, or why it cannot. Null for all other nodes; absent in
   * profiles of older versions.
   */
  readonly inputSplit?: InputSplitLayer | NotDivisible | null;
  /**
   * The rows of its inputs that the node reads for each row of its output, or why it cannot be computed tile by
   * tile. Absent in profiles of older versions.
   */
  readonly tile?: RowWindow | NotTileable;
  /** The operators in the branches and loop bodies of the node, without repeats; absent if it has none. */
  readonly bodyOps?: readonly string[];
  /**
   * True if the node converts a half-precision constant to float32. Its output counts as a constant with the bytes of
   * half precision. Every part of the model that reads it contains the node.
   */
  readonly folded?: boolean;
}

/**
 * A value's type and shape. The type may be one that cannot be sent; a dimension of -1 is free or depends on the data.
 */
export interface TensorProfile {
  readonly type: string;
  readonly dims: readonly number[];
  /** The shape at the usual sizes of the model's free dimensions; absent if `dims` does not depend on them. */
  readonly usual?: readonly number[];
}

/** What the import found about a model's free dimensions. Empty if it has none. */
export interface FreeShapes {
  /** By input with a free dimension, and by axis. */
  readonly inputs: Readonly<Record<string, NonNullable<TensorSpec['free']>>>;
  /** By tensor with a free dimension: its shape at the usual sizes. */
  readonly usual: Readonly<Record<string, readonly number[]>>;
  /** For the sizes of several free dimensions together. */
  readonly limit?: SizeLimit;
}

/** Everything the planner needs to know about a model. JSON, without weights. */
export interface ModelProfile {
  readonly version: 1;
  readonly model: { readonly name: string; readonly sha256: string };
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** For the sizes of several free dimensions together. Absent without them, and in profiles of older versions. */
  readonly sizeLimit?: SizeLimit;
  /** By node index, which is a topological order. */
  readonly layers: readonly LayerProfile[];
  /** All values except constants. A value that is absent here cannot be sent. */
  readonly tensors: Readonly<Record<string, TensorProfile>>;
  readonly parameters: number;
  readonly weightsBytes: number;
  readonly multiplyAdds: number;
  /**
   * Speed of the machine that timed the layers, with the engine settings of the timing and of serving. Absent
   * in profiles of older versions.
   */
  readonly speed?: { readonly trial: Speed; readonly served: Speed };
  /** Runs of layers that can be computed in slices. Absent in profiles of older versions. */
  readonly slices?: readonly SliceableRun[];
  /** The model with the matrices of its recurrent layers as layers of their own; absent if it has none. */
  readonly separated?: ModelProfile;
}

/**
 * Profiles a canonical model: shapes from its `value_info`, multiply-adds and parameters by the standard
 * formulas.
 * @param identity  the model's name and the SHA-256 of its canonical graph; plans refer to the model by them
 * @param nodeMs  measured milliseconds by node name
 * @param speed  speed of the machine that measured them
 * @param free  the model's free dimensions; costs are those of their usual sizes
 * @throws {TypeError} an input or output has no shape
 */
export function profileModel(
  model: Model,
  identity: { readonly name: string; readonly sha256: string },
  nodeMs: Readonly<Record<string, number>> = {},
  speed?: NonNullable<ModelProfile['speed']>,
  free: FreeShapes = { inputs: {}, usual: {} },
): ModelProfile {
  const { graph } = model;
  const constants = constantsOf(graph);
  const tensors = tensorProfiles(graph, free);
  const shapes = shapesOf(graph);
  const usual = new Map([...shapes, ...Object.entries(free.usual)]);
  const sparse = new Set(graph.sparseInitializers.map(({ name }) => name));
  const casts = new Set(castConstants(graph).map(({ name }) => name));
  const layers = graph.nodes.map((node, index): LayerProfile => {
    const reads = nodeReads(node);
    const analysis = analyzeLinear(graph, index, constants, shapes);
    const used = reads.flatMap((name) => constants.get(name) ?? []);
    const outputs = node.outputs.filter((name) => name !== '');
    const folded = casts.has(outputs[0] ?? '');
    return {
      node: index,
      name: node.name,
      op: node.opType,
      inputs: reads.filter((name) => !constants.has(name) && !sparse.has(name)),
      outputs,
      outputDims: shapes.get(outputs[0] ?? '') ?? null,
      parameters: countParameters(used),
      weightsBytes: used.reduce((sum, tensor) => sum + tensorByteLength(tensor), 0),
      multiplyAdds: multiplyAdds(node, usual),
      timeMs: folded ? 0 : (own(nodeMs, node.name) ?? null),
      coding: isCodable(analysis)
        ? layerCoding(analysis, node, shapes, constants.get(analysis.weights)!)
        : null,
      notCodable:
        analysis && 'reason' in analysis
          ? analysis.reason
          : RECURRENT_OPERATORS.has(node.opType)
            ? 'each of its time steps needs the one before, so it runs in one piece'
            : whyBodiesStayWhole(node, isLinearOperator),
      inputSplit: analyzeInputSplit(graph, index, constants, shapes) ?? null,
      tile: analyzeTile(model, index, constants, shapes),
      ...(folded ? { folded } : {}),
      ...(bodies(node).length > 0 ? { bodyOps: [...operatorsInBodies(node)] } : {}),
    };
  });
  const counted = [...constants.values()];
  return {
    version: 1,
    model: identity,
    inputs: graph.inputs.map(({ name }) => {
      const axes = own(free.inputs, name);
      return { ...spec(name, tensors), ...(axes ? { free: axes } : {}) };
    }),
    outputs: graph.outputs.map(({ name }) => spec(name, tensors, constants.get(name))),
    ...(free.limit ? { sizeLimit: free.limit } : {}),
    layers,
    tensors,
    parameters: countParameters(counted),
    weightsBytes: counted.reduce((sum, tensor) => sum + tensorByteLength(tensor), 0),
    multiplyAdds: layers.reduce((sum, layer) => sum + layer.multiplyAdds, 0),
    slices: sliceableRuns(model, constants, shapes),
    ...(speed ? { speed } : {}),
  };
}

function operatorsInBodies(node: Node): Set<string> {
  const inner = bodies(node).flatMap(({ nodes }) => nodes);
  return new Set(inner.flatMap((each) => [each.opType, ...operatorsInBodies(each)]));
}

/** Returns the value of a key; undefined if the record has only inherited it, as a name like "constructor" would be. */
export function own<Value>(record: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function countParameters(constants: readonly ConstantTensor[]): number {
  return constants
    .filter(({ dataType }) => dataType !== DATA_TYPE.int64)
    .reduce((sum, { dims }) => sum + elementCount(dims), 0);
}

/** Returns whether a value can be sent to a device: a dense tensor of a supported type. */
export function isSendable(profile: ModelProfile, name: string): boolean {
  const tensor = profile.tensors[name];
  return tensor !== undefined && (ELEMENT_TYPES as readonly string[]).includes(tensor.type);
}

const CODED_OPERATORS: ReadonlySet<string> = new Set<LinearOp>(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);

const RECURRENT_OPERATORS: ReadonlySet<string> = new Set(['LSTM', 'GRU', 'RNN']);

/**
 * Operators that multiply by weights or by each other's outputs, beside those that `analyzeLinear` knows:
 * recurrent layers, attention, and quantized or fused forms.
 */
const LINEAR_OPERATORS = new Set([
  ...['LSTM', 'GRU', 'RNN', 'DynamicQuantizeLSTM', 'Einsum', 'DeformConv'],
  ...['Attention', 'QAttention', 'MultiHeadAttention', 'GroupQueryAttention'],
  ...['ConvInteger', 'QLinearConv', 'MatMulInteger', 'QLinearMatMul', 'QGemm', 'MatMulNBits'],
  ...['MatMulIntegerToFloat', 'DynamicQuantizeMatMul', 'FusedConv', 'FusedGemm', 'FusedMatMul'],
]);

function isLinearOperator(op: string): boolean {
  return CODED_OPERATORS.has(op) || LINEAR_OPERATORS.has(op);
}

/** Returns whether a node is a linear layer, or contains one. Such a node is not merely between layers. */
export function isLinear({ op, coding, notCodable, multiplyAdds }: LayerProfile): boolean {
  return coding !== null || notCodable !== null || multiplyAdds > 0 || LINEAR_OPERATORS.has(op);
}

/** Returns how the input of a layer can be divided; undefined if it cannot. */
export function inputSplitOf({ inputSplit }: LayerProfile): InputSplitLayer | undefined {
  const analysis = inputSplit ?? undefined;
  return isDivisible(analysis) ? analysis : undefined;
}

function layerCoding(
  layer: LinearLayer,
  node: Node,
  shapes: Shapes,
  { dataType }: ConstantTensor,
): LayerCoding {
  const half = isHalf(dataType);
  const weightBytes = layer.integers ? 1 : half ? 2 : 4;
  const { outer, rows, inner } = layer.layout;
  const { groups } = layer;
  const addend = layer.addend ? layer.addend.layout.outer * layer.addend.layout.inner : 0;
  return {
    op: layer.op,
    feed: layer.feed,
    fetch: layer.fetch,
    rows,
    groups,
    axis: layer.axis,
    bytesPerRow: weightBytes * outer * inner + 4 * addend,
    ...(half ? { parityBytesPerRow: 4 * (outer * inner + addend) } : {}),
    align: layer.op.startsWith('Conv') ? 16 : 1,
    ...(hasIndependentRows(layer, node, shapes) ? { independentRows: true } : {}),
    ...(layer.integers ? { integers: { largest: layer.integers.largest } } : {}),
  };
}

function hasIndependentRows(layer: LinearLayer, node: Node, shapes: Shapes): boolean {
  const feed = shapes.get(layer.feed);
  if (!feed || layer.feedIndex !== 0 || layer.weightsDims.length !== 2) return false;
  if (layer.op === 'MatMul' || layer.op === 'MatMulInteger') return feed.length >= 2;
  // The addend may have a row for each row of the feed, unless the feed has only one.
  const oneAddend = feed[0] === 1 || (layer.addend?.layout.outer ?? 1) === 1;
  return layer.op === 'Gemm' && intAttribute(node, 'transA', 0) === 0 && oneAddend;
}

function tensorProfiles(graph: Graph, free: FreeShapes): Record<string, TensorProfile> {
  const tensors: Record<string, TensorProfile> = {};
  for (const { name, type } of [...graph.inputs, ...graph.valueInfos, ...graph.outputs]) {
    if (type?.kind !== 'tensor' || !type.dims) continue;
    const dims = type.dims.map((dim) => (typeof dim === 'number' ? dim : -1));
    const usual = own(free.usual, name);
    tensors[name] = { type: dataTypeName(type.dataType), dims, ...(usual ? { usual } : {}) };
  }
  return tensors;
}

function spec(
  name: string,
  tensors: Readonly<Record<string, TensorProfile>>,
  constant?: { readonly dataType: number; readonly dims: readonly number[] },
): TensorSpec {
  const found = tensors[name] ?? (constant && { type: dataTypeName(constant.dataType), dims: constant.dims });
  if (!found) throw new TypeError(`"${name}" has no shape; canonicalize the model before profiling it`);
  return { name, type: found.type as TensorType, dims: found.dims };
}

/**
 * Returns the multiply-adds of a node by the standard formulas: output elements × length of the dot product.
 * Recurrent layers count their matrix products. A subgraph body counts once.
 */
function multiplyAdds(node: Node, shapes: Shapes): number {
  // A data-dependent dimension (-1) counts as 1.
  const shape = (name: string) => shapes.get(name)?.map(Math.abs);
  const output = shape(node.outputs.find((name) => name !== '') ?? '');
  const input = (index: number) => shape(node.inputs[index] ?? '');
  switch (node.opType) {
    case 'Conv':
    case 'ConvInteger': {
      const weights = input(1);
      return output && weights ? elementCount(output) * elementCount(weights.slice(1)) : 0;
    }
    case 'ConvTranspose': {
      const [feed, weights] = [input(0), input(1)];
      return feed && weights ? elementCount(feed) * elementCount(weights.slice(1)) : 0;
    }
    case 'MatMul':
    case 'MatMulInteger': {
      const left = input(0);
      return output && left ? elementCount(output) * (left.at(-1) ?? 1) : 0;
    }
    case 'Gemm': {
      const left = input(0);
      const transA = node.attributes.some(
        (item) => item.name === 'transA' && item.kind === 'int' && item.value,
      );
      return output && left ? elementCount(output) * left[transA ? 0 : 1]! : 0;
    }
    case 'LSTM':
    case 'GRU':
    case 'RNN': {
      const [feed, weights, recurrent] = [input(0), input(1), input(2)];
      if (!feed || !weights || !recurrent) return 0;
      return feed[0]! * feed[1]! * (elementCount(weights) + elementCount(recurrent));
    }
    default: {
      let sum = 0;
      for (const body of bodies(node)) for (const inner of body.nodes) sum += multiplyAdds(inner, shapes);
      return sum;
    }
  }
}
