import { castConstants, isHalf } from './half.ts';
import { type IntegerWeights, isByte, notByte, withIntegers } from './integer-layer.ts';
import {
  type ConstantTensor,
  DATA_TYPE,
  dataTypeName,
  floatAttribute,
  type Graph,
  intAttribute,
  type Node,
} from './model.ts';

export type LinearOp = 'Conv' | 'ConvInteger' | 'ConvTranspose' | 'Gemm' | 'MatMul' | 'MatMulInteger';

/**
 * Memory layout of a constant relative to the layer's output rows: row-major [outer, rows, inner].
 * Conv and Gemm with transB have outer = 1, MatMul and other Gemms inner = 1, ConvTranspose neither.
 */
export interface RowLayout {
  readonly outer: number;
  readonly rows: number;
  readonly inner: number;
}

/** The constant added to a linear layer's product: the bias of a convolution, or C of a Gemm. */
export interface Addend {
  readonly name: string;
  /** Shape after broadcasting along the divided axis. `layout` describes the same tensor. */
  readonly dims: readonly number[];
  readonly layout: RowLayout;
  /** Axis of `dims` with the rows of all groups. */
  readonly rowAxis: number;
}

/** A layer with constant weights, and its division along the output rows. */
export interface LinearLayer {
  readonly op: LinearOp;
  /** Index of the node in the graph. */
  readonly node: number;
  readonly feed: string;
  readonly fetch: string;
  /** Position of the feed among the node's inputs. */
  readonly feedIndex: number;
  readonly weights: string;
  readonly weightsDims: readonly number[];
  /** Position of the weights among the node's inputs. */
  readonly weightsIndex: number;
  /** Axis of `weightsDims` with the rows. */
  readonly weightsRowAxis: number;
  /** Groups on that axis: `group` of a Conv, otherwise 1. */
  readonly weightsRowGroups: number;
  readonly layout: RowLayout;
  /**
   * Groups of a convolution, otherwise 1. Every group is divided in the same way: a data shard is a narrower
   * convolution with the same groups and input, and so is a parity shard. Rows are counted within a group.
   * The outputs of shards, and the joined output, fold the groups into the batch: [batch · groups, rows,
   * spatial…] has the elements of [batch, groups · rows, spatial…] in the same order.
   */
  readonly groups: number;
  readonly addend?: Addend;
  /** Divided output axis; negative values count from the end. */
  readonly axis: number;
  /** Set if weights and input are 8-bit integers and the output is int32; absent for float32. */
  readonly integers?: IntegerWeights;
}

/** A linear operator that cannot be divided and coded. */
export interface NotCodable {
  readonly op: LinearOp | 'QLinearConv' | 'QLinearMatMul';
  readonly reason: string;
}

/** Shapes of a graph's values with known rank; -1 for a dimension that depends on the data. */
export type Shapes = ReadonlyMap<string, readonly number[]>;

/** Returns the declared shapes of a graph's values and constants. */
export function shapesOf(graph: Graph): Shapes {
  const shapes = new Map<string, readonly number[]>();
  for (const { name, dims } of graph.initializers) shapes.set(name, dims);
  for (const { name, type } of [...graph.valueInfos, ...graph.outputs, ...graph.inputs]) {
    if (type?.kind !== 'tensor' || !type.dims) continue;
    shapes.set(
      name,
      type.dims.map((dim) => (typeof dim === 'number' ? dim : -1)),
    );
  }
  return shapes;
}

/**
 * Returns a graph's constants by name. A half-precision constant behind a Cast to float32 is also listed under the
 * name of the Cast's output, with its half-precision type.
 */
export function constantsOf(graph: Graph): Map<string, ConstantTensor> {
  const all = [...graph.initializers, ...castConstants(graph)];
  return new Map(all.map((tensor) => [tensor.name, tensor]));
}

/**
 * Analyzes whether a node can be divided along its output rows and coded.
 * @param index  node in the graph
 * @param shapes  used for MatMul, to distinguish vectors from matrices, and for grouped convolutions
 * @returns the layer, or the reason why it is not codable; undefined if the node is not a linear operator
 */
export function analyzeLinear(
  graph: Graph,
  index: number,
  constants: ReadonlyMap<string, ConstantTensor>,
  shapes: Shapes,
): LinearLayer | NotCodable | undefined {
  const node = graph.nodes[index]!;
  if (node.domain !== '') return undefined;
  switch (node.opType) {
    case 'Conv':
    case 'ConvInteger':
    case 'ConvTranspose':
      return analyzeConvolution(node, index, node.opType, constants, shapes);
    case 'Gemm':
      return analyzeGemm(node, index, constants);
    case 'MatMul':
    case 'MatMulInteger':
      return analyzeMatMul(node, index, node.opType, constants, shapes);
    case 'QLinearConv':
    case 'QLinearMatMul':
      // The import divides these layers into an integer product and its scale, where it can.
      return {
        op: node.opType,
        reason:
          'only constant 8-bit weights with constant scales and zero points can be coded, in at least two rows',
      };
    default:
      return undefined;
  }
}

export function isCodable(analysis: LinearLayer | NotCodable | undefined): analysis is LinearLayer {
  return analysis !== undefined && !('reason' in analysis);
}

function analyzeConvolution(
  node: Node,
  index: number,
  op: 'Conv' | 'ConvInteger' | 'ConvTranspose',
  constants: ReadonlyMap<string, ConstantTensor>,
  shapes: Shapes,
): LinearLayer | NotCodable {
  const notCodable = (reason: string): NotCodable => ({ op, reason });
  const integers = op === 'ConvInteger';
  const [feed = '', weightsName = ''] = node.inputs;
  // The third input of ConvInteger is a zero point.
  const biasName = integers ? '' : (node.inputs[2] ?? '');
  const weights = constants.get(weightsName);
  if (!weights) return notCodable('its weights are computed at run time; only constant weights can be coded');
  if (constants.has(feed)) return notCodable('its input is constant');
  const problem = typeProblem(weights, integers);
  if (problem !== null) return notCodable(problem);
  if (weights.dims.length < 3) return notCodable(`its weights have the shape [${weights.dims.join(', ')}]`);
  const groups = intAttribute(node, 'group', 1);
  // Conv: [groups · rows, inputs, kernel…]. ConvTranspose: [groups · inputs, rows, kernel…].
  const rowAxis = op === 'ConvTranspose' ? 1 : 0;
  const weightsRowGroups = op === 'ConvTranspose' ? 1 : groups;
  const { outer, rows: along, inner } = layoutOf(weights.dims, rowAxis);
  const rows = along / weightsRowGroups;
  if (!Number.isInteger(rows) || groups < 1)
    return notCodable(`its ${along} channels cannot form ${groups} groups`);
  const layout = { outer: outer * weightsRowGroups, rows, inner };
  if (groups > 1) {
    if (rows < 2) {
      return notCodable(
        `it is depthwise: each of its ${groups} groups has one output channel, so a parity would need all inputs and the work of the whole layer`,
      );
    }
    if (!shapes.has(node.outputs[0]!)) return notCodable('the rank of its output is not known');
  }
  const addend = biasName === '' ? undefined : constants.get(biasName);
  if (biasName !== '' && !addend) return notCodable('its bias is computed at run time');
  if (addend && (addend.dims.length !== 1 || addend.dims[0] !== groups * rows)) {
    return notCodable(`its bias has the shape [${addend.dims.join(', ')}] instead of [${groups * rows}]`);
  }
  const layer = checked({
    op,
    node: index,
    feed,
    fetch: node.outputs[0]!,
    feedIndex: 0,
    weights: weightsName,
    weightsDims: weights.dims,
    weightsIndex: 1,
    weightsRowAxis: rowAxis,
    weightsRowGroups,
    layout,
    groups,
    axis: 1,
    ...(addend
      ? {
          addend: {
            name: biasName,
            dims: [groups * rows],
            layout: { outer: groups, rows, inner: 1 },
            rowAxis: 0,
          },
        }
      : {}),
  });
  return integers && isCodable(layer) ? withIntegers(layer, node, constants, inner) : layer;
}

/**
 * Returns the shape of an output with `rows` rows on the divided axis. The groups of a grouped convolution
 * are folded into the batch.
 * @param dims  shape of the whole output; -1 for a free dimension
 */
export function dividedDims(layer: LinearLayer, dims: readonly number[], rows: number): number[] {
  const axis = layer.axis < 0 ? dims.length + layer.axis : layer.axis;
  const divided = dims.map((dim, i) => (i === axis ? rows : dim));
  if (divided[0] !== -1) divided[0]! *= layer.groups;
  return divided;
}

function analyzeGemm(
  node: Node,
  index: number,
  constants: ReadonlyMap<string, ConstantTensor>,
): LinearLayer | NotCodable {
  const notCodable = (reason: string): NotCodable => ({ op: 'Gemm', reason });
  const [a = '', b = '', c = ''] = node.inputs;
  const weightsIndex = constants.has(b) ? 1 : 0;
  const feedIndex = 1 - weightsIndex;
  const feed = node.inputs[feedIndex]!;
  const weights = constants.get(weightsIndex === 1 ? b : a);
  if (!weights) return notCodable('it has no constant weights: both factors are computed at run time');
  if (constants.has(feed)) return notCodable('both factors are constant');
  if (!isFloat(weights)) return notCodable(notFloat(weights));
  if (weights.dims.length !== 2) return notCodable(`its weights have the shape [${weights.dims.join(', ')}]`);
  const transposed = intAttribute(node, weightsIndex === 1 ? 'transB' : 'transA', 0) !== 0;
  // In Y = A'·B', B' determines the columns of Y and A' its rows.
  const rowAxis = weightsIndex === 1 ? (transposed ? 0 : 1) : transposed ? 1 : 0;
  const layout = layoutOf(weights.dims, rowAxis);
  const axis = weightsIndex === 1 ? 1 : 0;

  let addend: Addend | undefined;
  const constant = constants.get(c);
  if (c !== '' && floatAttribute(node, 'beta', 1) !== 0) {
    if (!constant) return notCodable('its addend C is computed at run time');
    if (constant.dims.length > 2) return notCodable(`its addend has the shape [${constant.dims.join(', ')}]`);
    const height = constant.dims.length === 2 ? constant.dims[0]! : 1;
    const width = constant.dims.length >= 1 ? constant.dims.at(-1)! : 1;
    if (axis === 1) {
      const dims = height === 1 ? [layout.rows] : [height, layout.rows];
      addend = {
        name: c,
        dims,
        layout: { outer: height, rows: layout.rows, inner: 1 },
        rowAxis: dims.length - 1,
      };
    } else {
      addend = {
        name: c,
        dims: [layout.rows, width],
        layout: { outer: 1, rows: layout.rows, inner: width },
        rowAxis: 0,
      };
    }
  }
  return checked({
    op: 'Gemm',
    node: index,
    feed,
    fetch: node.outputs[0]!,
    feedIndex,
    weights: weights.name,
    weightsDims: weights.dims,
    weightsIndex,
    weightsRowAxis: rowAxis,
    weightsRowGroups: 1,
    layout,
    groups: 1,
    axis,
    ...(addend ? { addend } : {}),
  });
}

function analyzeMatMul(
  node: Node,
  index: number,
  op: 'MatMul' | 'MatMulInteger',
  constants: ReadonlyMap<string, ConstantTensor>,
  shapes: Shapes,
): LinearLayer | NotCodable {
  const notCodable = (reason: string): NotCodable => ({ op, reason });
  const integers = op === 'MatMulInteger';
  const [left = '', right = ''] = node.inputs;
  const weightsIndex = constants.has(right) ? 1 : 0;
  const feedIndex = 1 - weightsIndex;
  const feed = node.inputs[feedIndex]!;
  const weights = constants.get(weightsIndex === 1 ? right : left);
  if (!weights) {
    return notCodable('it has no constant weights: both factors are computed at run time, as in attention');
  }
  if (constants.has(feed)) return notCodable('both factors are constant');
  const problem = typeProblem(weights, integers);
  if (problem !== null) return notCodable(problem);
  const rank = weights.dims.length;
  if (rank < 2) return notCodable('its weights are a vector, so its output has one row');
  const feedRank = shapes.get(feed)?.length;
  if (feedRank === undefined) return notCodable('the shape of its input is not known');
  // Weights on the right determine the columns of the output, weights on the left its rows, in every batch. A
  // vector counts as a matrix with one row or column, which the output drops.
  const rowAxis = weightsIndex === 1 ? rank - 1 : rank - 2;
  const axis = weightsIndex === 1 || feedRank === 1 ? -1 : -2;
  const layer = checked({
    op,
    node: index,
    feed,
    fetch: node.outputs[0]!,
    feedIndex,
    weights: weights.name,
    weightsDims: weights.dims,
    weightsIndex,
    weightsRowAxis: rowAxis,
    weightsRowGroups: 1,
    layout: layoutOf(weights.dims, rowAxis),
    groups: 1,
    axis,
  });
  const terms = weights.dims.at(weightsIndex === 1 ? -2 : -1)!;
  return integers && isCodable(layer) ? withIntegers(layer, node, constants, terms) : layer;
}

/** Applies the checks common to all operators. */
function checked(layer: LinearLayer): LinearLayer | NotCodable {
  const { op } = layer;
  if (layer.layout.rows < 2) return { op, reason: 'its output has one row and cannot be divided' };
  if (layer.weightsDims.includes(0)) return { op, reason: 'its weights are empty' };
  return layer;
}

function layoutOf(dims: readonly number[], rowAxis: number): RowLayout {
  const product = (part: readonly number[]) => part.reduce((total, dim) => total * dim, 1);
  return {
    outer: product(dims.slice(0, rowAxis)),
    rows: dims[rowAxis]!,
    inner: product(dims.slice(rowAxis + 1)),
  };
}

/** Returns why weights of this type cannot be coded; null if they can. */
function typeProblem(weights: ConstantTensor, integers: boolean): string | null {
  if (integers) return isByte(weights) ? null : notByte(weights);
  return isFloat(weights) ? null : notFloat(weights);
}

function isFloat({ dataType }: ConstantTensor): boolean {
  return dataType === DATA_TYPE.float32 || isHalf(dataType);
}

function notFloat(weights: ConstantTensor): string {
  return `its weights are ${dataTypeName(weights.dataType)}; only float32, float16, bfloat16 and 8-bit integers can be coded`;
}
