import {
  type ConstantTensor,
  DATA_TYPE,
  dataTypeName,
  floatAttribute,
  type Graph,
  intAttribute,
  type Node,
} from './model.ts';

export type LinearOp = 'Conv' | 'ConvTranspose' | 'Gemm' | 'MatMul';

/**
 * How a constant lies in memory with respect to the layer's output rows: row-major [outer, rows, inner].
 * Conv and Gemm with transB: outer = 1. MatMul and Gemm without: inner = 1. ConvTranspose: neither.
 */
export interface RowLayout {
  readonly outer: number;
  readonly rows: number;
  readonly inner: number;
}

/** What is added to a linear layer's product: a convolution's bias, a Gemm's C. */
export interface Addend {
  readonly name: string;
  /** Its shape after broadcasting along the divided axis; as [outer, rows, inner] it is `layout`. */
  readonly dims: readonly number[];
  readonly layout: RowLayout;
  /** Which of `dims` counts the rows, of all groups together. */
  readonly rowAxis: number;
}

/** A layer y = A(x) that is linear in constant weights, and how it divides along its output rows. */
export interface LinearLayer {
  readonly op: LinearOp;
  /** Index of the node in the graph. */
  readonly node: number;
  readonly feed: string;
  readonly fetch: string;
  /** Which of the node's inputs the feed is. */
  readonly feedIndex: number;
  readonly weights: string;
  readonly weightsDims: readonly number[];
  readonly weightsIndex: number;
  /** Which of `weightsDims` counts the rows. */
  readonly weightsRowAxis: number;
  /** How many groups' rows follow one another there: a Conv's `group`, otherwise 1. */
  readonly weightsRowGroups: number;
  readonly layout: RowLayout;
  /**
   * Groups of a convolution; 1 elsewhere. Every group's channels are divided alike, so that a shard is a convolution
   * with the same groups over the same input, only narrower, and so is the sum of shards. Rows are then counted within
   * a group, and a shard's output, like the joined one, has its groups folded into the batch:
   * [batch · groups, rows, spatial…] has the elements of [batch, groups · rows, spatial…] in the same order.
   */
  readonly groups: number;
  readonly addend?: Addend;
  /** The output axis that is divided: from the front where ≥ 0, from the end where < 0. */
  readonly axis: number;
}

/** A linear operator in a form that cannot be divided and coded. */
export interface NotCodable {
  readonly op: LinearOp;
  readonly reason: string;
}

/** The shapes of a graph's values, where their ranks are known; -1 for a dimension that hangs on the data. */
export type Shapes = ReadonlyMap<string, readonly number[]>;

/** What a graph says of its values' shapes, its constants' among them. */
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

/** Finds a graph's constants by name. */
export function constantsOf(graph: Graph): Map<string, ConstantTensor> {
  return new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
}

/**
 * Says how a node can be divided along its output rows with its weights coded, or why it cannot.
 * @param shapes  needed for MatMul only, to tell vectors from matrices
 * @returns undefined where the node is not a linear operator at all
 */
export function analyseLinear(
  graph: Graph,
  index: number,
  constants: ReadonlyMap<string, ConstantTensor>,
  shapes: Shapes,
): LinearLayer | NotCodable | undefined {
  const node = graph.nodes[index]!;
  if (node.domain !== '') return undefined;
  switch (node.opType) {
    case 'Conv':
    case 'ConvTranspose':
      return analyseConvolution(node, index, node.opType, constants, shapes);
    case 'Gemm':
      return analyseGemm(node, index, constants);
    case 'MatMul':
      return analyseMatMul(node, index, constants, shapes);
    default:
      return undefined;
  }
}

export function isCodable(analysis: LinearLayer | NotCodable | undefined): analysis is LinearLayer {
  return analysis !== undefined && !('reason' in analysis);
}

function analyseConvolution(
  node: Node,
  index: number,
  op: 'Conv' | 'ConvTranspose',
  constants: ReadonlyMap<string, ConstantTensor>,
  shapes: Shapes,
): LinearLayer | NotCodable {
  const refuse = (reason: string): NotCodable => ({ op, reason });
  const [feed = '', weightsName = '', biasName = ''] = node.inputs;
  const weights = constants.get(weightsName);
  if (!weights) return refuse('its weights are computed at run time; only constant weights can be coded');
  if (constants.has(feed)) return refuse('its input is constant, there is nothing to send');
  if (weights.dataType !== DATA_TYPE.float32) return refuse(notFloat(weights));
  if (weights.dims.length < 3) return refuse(`its weights have the shape [${weights.dims.join(', ')}]`);
  const groups = intAttribute(node, 'group', 1);
  // Conv: [groups · rows, inputs, kernel…]. ConvTranspose: [groups · inputs, rows, kernel…].
  const rowAxis = op === 'Conv' ? 0 : 1;
  const weightsRowGroups = op === 'Conv' ? groups : 1;
  const { outer, rows: along, inner } = layoutOf(weights.dims, rowAxis);
  const rows = along / weightsRowGroups;
  if (!Number.isInteger(rows) || groups < 1) return refuse(`its ${along} channels are not ${groups} groups`);
  const layout = { outer: outer * weightsRowGroups, rows, inner };
  if (groups > 1) {
    if (rows < 2) {
      return refuse(
        `it is depthwise: each of its ${groups} groups has one output channel, and a parity over groups would need all of their inputs and as much work as the whole layer`,
      );
    }
    const shape = shapes.get(node.outputs[0]!);
    if (!shape || shape.includes(-1)) return refuse("its output's shape is not known beforehand");
  }
  const addend = biasName === '' ? undefined : constants.get(biasName);
  if (biasName !== '' && !addend) return refuse('its bias is computed at run time');
  if (addend && (addend.dims.length !== 1 || addend.dims[0] !== groups * rows)) {
    return refuse(`its bias has the shape [${addend.dims.join(', ')}] where [${groups * rows}] belongs`);
  }
  return whole({
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
}

/**
 * The shape in which a layer's output travels when its divided axis has `rows` rows: its own, or, of a grouped
 * convolution, with the groups folded into the batch.
 * @param dims  the whole output's shape
 */
export function dividedDims(layer: LinearLayer, dims: readonly number[], rows: number): number[] {
  const axis = layer.axis < 0 ? dims.length + layer.axis : layer.axis;
  const divided = dims.map((dim, i) => (i === axis ? rows : dim));
  divided[0]! *= layer.groups;
  return divided;
}

function analyseGemm(
  node: Node,
  index: number,
  constants: ReadonlyMap<string, ConstantTensor>,
): LinearLayer | NotCodable {
  const refuse = (reason: string): NotCodable => ({ op: 'Gemm', reason });
  const [a = '', b = '', c = ''] = node.inputs;
  const weightsIndex = constants.has(b) ? 1 : 0;
  const feedIndex = 1 - weightsIndex;
  const feed = node.inputs[feedIndex]!;
  const weights = constants.get(weightsIndex === 1 ? b : a);
  if (!weights) return refuse('both of its factors are computed at run time; there are no constant weights');
  if (constants.has(feed)) return refuse('both of its factors are constant, there is nothing to send');
  if (weights.dataType !== DATA_TYPE.float32) return refuse(notFloat(weights));
  if (weights.dims.length !== 2) return refuse(`its weights have the shape [${weights.dims.join(', ')}]`);
  const transposed = intAttribute(node, weightsIndex === 1 ? 'transB' : 'transA', 0) !== 0;
  // Y = A'·B': B' gives the columns of Y, A' its rows.
  const rowAxis = weightsIndex === 1 ? (transposed ? 0 : 1) : transposed ? 1 : 0;
  const layout = layoutOf(weights.dims, rowAxis);
  const axis = weightsIndex === 1 ? 1 : 0;

  let addend: Addend | undefined;
  const constant = constants.get(c);
  if (c !== '' && floatAttribute(node, 'beta', 1) !== 0) {
    if (!constant) return refuse('its addend C is computed at run time');
    if (constant.dims.length > 2) return refuse(`its addend has the shape [${constant.dims.join(', ')}]`);
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
  return whole({
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

function analyseMatMul(
  node: Node,
  index: number,
  constants: ReadonlyMap<string, ConstantTensor>,
  shapes: Shapes,
): LinearLayer | NotCodable {
  const refuse = (reason: string): NotCodable => ({ op: 'MatMul', reason });
  const [left = '', right = ''] = node.inputs;
  const weightsIndex = constants.has(right) ? 1 : 0;
  const feedIndex = 1 - weightsIndex;
  const feed = node.inputs[feedIndex]!;
  const weights = constants.get(weightsIndex === 1 ? right : left);
  if (!weights) {
    return refuse(
      'both of its factors are computed at run time (as in attention); there are no constant weights',
    );
  }
  if (constants.has(feed)) return refuse('both of its factors are constant, there is nothing to send');
  if (weights.dataType !== DATA_TYPE.float32) return refuse(notFloat(weights));
  const rank = weights.dims.length;
  if (rank < 2) return refuse('its weights are a vector: its output has one row, which cannot be divided');
  const feedRank = shapes.get(feed)?.length;
  if (feedRank === undefined) return refuse("its input's shape is not known");
  // A constant on the right gives the columns of the output, one on the left the rows, in every batch alike. A
  // vector takes part as a matrix with one row or column, which is not in the output.
  const rowAxis = weightsIndex === 1 ? rank - 1 : rank - 2;
  const axis = weightsIndex === 1 || feedRank === 1 ? -1 : -2;
  return whole({
    op: 'MatMul',
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
}

/** Last checks that are the same for all. */
function whole(layer: LinearLayer): LinearLayer | NotCodable {
  const { op } = layer;
  if (layer.layout.rows < 2) return { op, reason: 'its output has one row, which cannot be divided' };
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

function notFloat(weights: ConstantTensor): string {
  return `its weights are ${dataTypeName(weights.dataType)}; only float32 can be coded`;
}
