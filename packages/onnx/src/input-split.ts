import type { InputWindow } from '@sparewheel/cdc';
import { cutSubgraph, type LoadedModel } from './cut.ts';
import type { Shapes } from './linear.ts';
import {
  attribute,
  type ConstantTensor,
  DATA_TYPE,
  floatAttribute,
  type Graph,
  intAttribute,
  intsAttribute,
  type Node,
  type ValueInfo,
} from './model.ts';

/** A linear layer whose input can be divided along one axis. Every device holds all weights. */
export interface InputSplitLayer extends InputWindow {
  readonly op: 'Conv' | 'Gemm' | 'MatMul';
  /** Index of the node in the graph. */
  readonly node: number;
  readonly feed: string;
  readonly fetch: string;
  /** The divided axis of the feed and of the output, counted from the front if ≥ 0, from the end if < 0. */
  readonly axis: number;
  /** The bias of a convolution or C of a Gemm, with its position among the node's inputs. */
  readonly addend?: { readonly name: string; readonly index: number };
}

/** Why the input of a linear layer cannot be divided. */
export interface NotDivisible {
  readonly reason: string;
}

/** Convolutions are divided along their first spatial axis: rows lie together in memory. */
const SPATIAL_AXIS = 2;

/**
 * Analyzes whether the input of a node can be divided along its rows: the height of a convolution (also
 * grouped and depthwise), or the rows of a matrix product.
 * @param index  node in the graph
 * @returns the layer, or the reason why its input is not divisible; undefined if the node is not a linear
 *   operator
 */
export function analyzeInputSplit(
  graph: Graph,
  index: number,
  constants: ReadonlyMap<string, ConstantTensor>,
  shapes: Shapes,
): InputSplitLayer | NotDivisible | undefined {
  const node = graph.nodes[index]!;
  if (node.domain !== '') return undefined;
  switch (node.opType) {
    case 'Conv':
      return analyzeConvolution(node, index, constants, shapes);
    case 'Gemm':
      return analyzeGemm(node, index, constants, shapes);
    case 'MatMul':
      return analyzeMatMul(graph, node, index, constants, shapes);
    case 'ConvTranspose':
      return { reason: 'inputs of transposed convolutions are not divided' };
    default:
      return undefined;
  }
}

function analyzeConvolution(
  node: Node,
  index: number,
  constants: ReadonlyMap<string, ConstantTensor>,
  shapes: Shapes,
): InputSplitLayer | NotDivisible {
  const [feed = '', weightsName = '', biasName = ''] = node.inputs;
  const fetch = node.outputs[0]!;
  const weights = constants.get(weightsName);
  const problem = constantProblem(weights, feed, constants);
  if (problem !== null || !weights) return { reason: problem! };
  if (weights.dims.length < 3) return { reason: 'its weights have no spatial axis' };
  if (biasName !== '' && !constants.has(biasName)) return { reason: 'its bias is computed at run time' };
  const input = shapes.get(feed);
  const output = shapes.get(fetch);
  const [inputRows = -1, outputRows = -1] = [input?.[SPATIAL_AXIS], output?.[SPATIAL_AXIS]];
  if (inputRows < 1 || outputRows < 1) return { reason: 'the height of its input is not fixed' };
  const pads = explicitPads(node, weights.dims.slice(2), input!.slice(2));
  if (pads === null) return { reason: 'the size of its automatic padding is not known' };
  const stride = intsAttribute(node, 'strides')?.[0] ?? 1;
  const window = (intsAttribute(node, 'dilations')?.[0] ?? 1) * (weights.dims[SPATIAL_AXIS]! - 1) + 1;
  const [padBefore, padAfter] = [pads[0]!, pads[pads.length / 2]!];
  const rows = Math.floor((inputRows + padBefore + padAfter - window) / stride) + 1;
  if (padBefore < 0 || rows !== outputRows) {
    return { reason: `its output has ${outputRows} rows, but its window gives ${rows}` };
  }
  return {
    op: 'Conv',
    node: index,
    feed,
    fetch,
    axis: SPATIAL_AXIS,
    inputRows,
    outputRows,
    window,
    stride,
    padBefore,
    ...(biasName === '' ? {} : { addend: { name: biasName, index: 2 } }),
  };
}

function analyzeGemm(
  node: Node,
  index: number,
  constants: ReadonlyMap<string, ConstantTensor>,
  shapes: Shapes,
): InputSplitLayer | NotDivisible {
  const [feed = '', weightsName = '', addendName = ''] = node.inputs;
  const problem = constantProblem(constants.get(weightsName), feed, constants);
  if (problem !== null) return { reason: problem };
  if (intAttribute(node, 'transA', 0) !== 0) return { reason: 'its input is transposed' };
  const hasAddend = addendName !== '' && floatAttribute(node, 'beta', 1) !== 0;
  const addend = constants.get(addendName);
  if (hasAddend && !addend) return { reason: 'its addend C is computed at run time' };
  if (hasAddend && addend!.dims.length === 2 && addend!.dims[0] !== 1) {
    return { reason: 'its addend C differs between rows' };
  }
  const rows = shapes.get(feed)?.[0] ?? -1;
  if (rows < 1) return { reason: 'the number of rows of its input is not fixed' };
  return {
    op: 'Gemm',
    node: index,
    feed,
    fetch: node.outputs[0]!,
    axis: 0,
    ...rowByRow(rows),
    ...(hasAddend ? { addend: { name: addendName, index: 2 } } : {}),
  };
}

function analyzeMatMul(
  graph: Graph,
  node: Node,
  index: number,
  constants: ReadonlyMap<string, ConstantTensor>,
  shapes: Shapes,
): InputSplitLayer | NotDivisible {
  const [feed = '', weightsName = ''] = node.inputs;
  const weights = constants.get(weightsName);
  const problem = constantProblem(weights, feed, constants);
  if (problem !== null || !weights) return { reason: problem! };
  if (weights.dims.length !== 2) {
    return { reason: `its weights have the shape [${weights.dims.join(', ')}]` };
  }
  const dims = shapes.get(feed);
  if (!dims) return { reason: 'the shape of its input is not known' };
  if (dims.length < 2) return { reason: 'its input is a vector' };
  const rows = dims.at(-2)!;
  if (rows < 1) return { reason: 'the number of rows of its input is not fixed' };
  // The output of a grouped convolution may arrive with its groups folded into the batch, which changes axis 1.
  const producer = graph.nodes.find(({ outputs }) => outputs.includes(feed));
  if (producer && dims.length === 3 && intAttribute(producer, 'group', 1) > 1) {
    return { reason: 'its input rows are the channels of a grouped convolution' };
  }
  return { op: 'MatMul', node: index, feed, fetch: node.outputs[0]!, axis: -2, ...rowByRow(rows) };
}

/** The window of a matrix product: output row i reads input row i. */
function rowByRow(rows: number): InputWindow {
  return { inputRows: rows, outputRows: rows, window: 1, stride: 1, padBefore: 0 };
}

function constantProblem(
  weights: ConstantTensor | undefined,
  feed: string,
  constants: ReadonlyMap<string, ConstantTensor>,
): string | null {
  if (!weights) return 'its second input is not constant';
  if (constants.has(feed)) return 'its input is constant';
  if (weights.dataType !== DATA_TYPE.float32) return 'its weights are not float32';
  return null;
}

/**
 * Returns the pads of a convolution, all begins then all ends. Replaces `auto_pad`.
 * @param input  spatial sizes of the input; -1 if unknown
 * @returns null if automatic padding depends on an unknown size
 */
function explicitPads(node: Node, kernel: readonly number[], input: readonly number[]): number[] | null {
  const automatic = attribute(node, 'auto_pad');
  const mode = automatic?.kind === 'string' ? new TextDecoder().decode(automatic.value) : 'NOTSET';
  const none = new Array<number>(2 * kernel.length).fill(0);
  if (mode === 'VALID') return none;
  if (mode === 'NOTSET') return [...(intsAttribute(node, 'pads') ?? none)];
  const pads = none;
  for (const [axis, size] of input.entries()) {
    if (size < 1) return null;
    const stride = intsAttribute(node, 'strides')?.[axis] ?? 1;
    const window = (intsAttribute(node, 'dilations')?.[axis] ?? 1) * (kernel[axis]! - 1) + 1;
    const total = Math.max(0, (Math.ceil(size / stride) - 1) * stride + window - size);
    const small = total >> 1;
    pads[axis] = mode === 'SAME_LOWER' ? total - small : small;
    pads[axis + kernel.length] = total - pads[axis]!;
  }
  return pads;
}

/** The rows that a shard reads and computes. */
export interface ShardRows {
  /** Rows of the input piece, halo and padding included. */
  readonly inputRows: number;
  readonly outputRows: number;
}

/**
 * Creates the model of one shard with a piece of the layer's input and all of its weights. All data shards
 * have the same model. Parity shards differ only in the factor of the addend, which is in the graph: all
 * shards have the same weights file.
 * @param addendFactor  1 for a data shard, the sum of the coefficients for a parity shard
 * @returns a model with the input `layer.feed` and the output `layer.fetch`
 */
export function inputShardModel(
  { model, external }: LoadedModel,
  layer: InputSplitLayer,
  { inputRows, outputRows }: ShardRows,
  addendFactor: number,
): LoadedModel {
  const { feed, fetch, addend } = layer;
  const cut = cutSubgraph(model, { nodes: [layer.node], feeds: [feed], fetches: [fetch] });
  const initializers = [...cut.graph.initializers];
  const node = layer.op === 'Conv' ? withoutRowPads(cut.graph.nodes[0]!, cut.graph) : cut.graph.nodes[0]!;
  const nodes: Node[] = [];
  let { inputs } = node;
  if (addend && addendFactor !== 1) {
    const factor = `${addend.name}/factor`;
    const scaled = `${addend.name}/scaled`;
    initializers.push({
      name: factor,
      dims: [],
      dataType: DATA_TYPE.float32,
      storage: { kind: 'raw', bytes: new Uint8Array(Float32Array.of(addendFactor).buffer) },
    });
    nodes.push({
      name: `${scaled}/mul`,
      opType: 'Mul',
      domain: '',
      inputs: [addend.name, factor],
      outputs: [scaled],
      attributes: [],
    });
    inputs = inputs.with(addend.index, scaled);
  }
  nodes.push({ ...node, inputs });
  return {
    model: {
      ...cut,
      graph: {
        ...cut.graph,
        name: 'shard',
        nodes,
        initializers,
        inputs: cut.graph.inputs.map((value) => withRows(value, layer.axis, inputRows)),
        outputs: cut.graph.outputs.map((value) => withRows(value, layer.axis, outputRows)),
      },
    },
    external,
  };
}

/** The pieces contain the padding rows, so that they are encoded too. */
function withoutRowPads(node: Node, { initializers, inputs }: Graph): Node {
  const weights = initializers.find(({ name }) => name === node.inputs[1])!;
  const kernel = weights.dims.slice(2);
  const type = inputs[0]?.type;
  const sizes = type?.kind === 'tensor' ? (type.dims ?? []).slice(2) : [];
  const input = kernel.map((_, axis) => (typeof sizes[axis] === 'number' ? sizes[axis] : -1));
  // `analyzeInputSplit` refuses padding of unknown size.
  const pads = explicitPads(node, kernel, input)!;
  pads[0] = 0;
  pads[kernel.length] = 0;
  return {
    ...node,
    attributes: [
      ...node.attributes.filter(({ name }) => name !== 'pads' && name !== 'auto_pad'),
      { name: 'pads', kind: 'ints', value: pads.map(BigInt) },
    ],
  };
}

function withRows(value: ValueInfo, axis: number, rows: number): ValueInfo {
  if (value.type?.kind !== 'tensor' || !value.type.dims) return value;
  const { dims } = value.type;
  const at = axis < 0 ? dims.length + axis : axis;
  return { ...value, type: { ...value.type, dims: dims.map((dim, i) => (i === at ? rows : dim)) } };
}

/** Returns whether the analysis found a layer whose input can be divided. */
export function isDivisible(
  analysis: InputSplitLayer | NotDivisible | undefined,
): analysis is InputSplitLayer {
  return analysis !== undefined && !('reason' in analysis);
}
