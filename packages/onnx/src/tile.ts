import { type Cut, cutSubgraph } from './cut.ts';
import { ELEMENTWISE } from './elementwise.ts';
import type { Shapes } from './linear.ts';
import {
  attribute,
  type ConstantTensor,
  DATA_TYPE,
  intAttribute,
  intsAttribute,
  type Model,
  type Node,
} from './model.ts';
import { openDims } from './reshape.ts';
import { nodeReads } from './topology.ts';

/** Positions `[from, to)` along the tiled axis of one tensor. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Which rows of its inputs a node reads for each row of its output. A pointwise node reads one row. */
export interface RowWindow {
  /** The axis of the rows in the inputs and the output. */
  readonly axis: number;
  readonly stride: number;
  /** Rows that one output row depends on. */
  readonly reach: number;
  /** Rows of padding before the first row of the input. */
  readonly padBefore: number;
}

/** Why a node cannot be computed tile by tile, as a phrase to display. */
export interface NotTileable {
  readonly reason: string;
}

/** A node of a segment. */
export interface TileNode {
  /** Index in the model's graph. */
  readonly node: number;
  /** Without constants. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly window: RowWindow;
}

/** A run of spatially local nodes between one tensor and another, which can be computed tile by tile. */
export interface TileableSegment {
  /** In topological order. */
  readonly nodes: readonly TileNode[];
  /** The only tensor that comes from outside, and the only one that leaves. */
  readonly feed: string;
  readonly fetch: string;
}

/** What one tile of a segment needs: its part of the segment's input, and which positions each node computes. */
export interface TileNeeds {
  readonly input: Span;
  /** By node index: positions of the node's output that this tile computes, halo included. */
  readonly computed: ReadonlyMap<number, Span>;
  /** By tensor name: positions that the tile holds. */
  readonly held: ReadonlyMap<string, Span>;
}

/** The axis along which images are cut: rows lie together in memory, so a tile is one copy per channel. */
export const TILED_AXIS = 2;

/** Slice takes its bounds as inputs from this operator set on. */
const OLDEST_OPSET = 10;

/** Operators that compute each position from the same position of their inputs. */
const POINTWISE: ReadonlySet<string> = new Set([...ELEMENTWISE, 'BatchNormalization', 'LRN']);
const WINDOWED = new Set(['Conv', 'MaxPool', 'AveragePool']);

/**
 * Returns the rows that a node reads for each row of its output, or why it cannot be computed tile by tile.
 * @param index  of the node in the model's graph
 */
export function analyzeTile(
  model: Model,
  index: number,
  constants: ReadonlyMap<string, ConstantTensor>,
  shapes: Shapes,
): RowWindow | NotTileable {
  const opset = model.opsetImports.find(({ domain }) => domain === '')?.version ?? 0;
  if (opset < OLDEST_OPSET) return { reason: `operator set ${opset} is older than ${OLDEST_OPSET}` };
  const node = model.graph.nodes[index]!;
  const reason = whyNotLocal(node, constants, shapes);
  return reason === null ? windowAlong(node) : { reason };
}

export function isTileable(analysis: RowWindow | NotTileable | undefined): analysis is RowWindow {
  return analysis !== undefined && !('reason' in analysis);
}

/**
 * Returns the segment of a set of nodes, or why it cannot be computed tile by tile.
 * @param nodes   indices in the model's graph, in topological order
 * @param feeds   tensors that come from outside
 * @param fetches tensors that are needed outside
 */
export function tileableSegment(
  model: Model,
  { nodes, feeds, fetches }: Cut,
  constants: ReadonlyMap<string, ConstantTensor>,
  shapes: Shapes,
): TileableSegment | NotTileable {
  const [feed, fetch] = [feeds[0], fetches[0]];
  if (feed === undefined || fetch === undefined || feeds.length !== 1 || fetches.length !== 1) {
    return { reason: `the segment has ${feeds.length} inputs and ${fetches.length} outputs` };
  }
  const found: TileNode[] = [];
  for (const index of nodes) {
    const window = analyzeTile(model, index, constants, shapes);
    if (!isTileable(window)) return window;
    const node = model.graph.nodes[index]!;
    const inputs = nodeReads(node).filter((name) => !constants.has(name));
    found.push({ node: index, inputs, outputs: node.outputs.filter((name) => name !== ''), window });
  }
  return { nodes: found, feed, fetch };
}

/** Only the batch may be free: tiles have fixed rows, and padding depends on the other sizes. */
function isImage(dims: readonly number[] | undefined): dims is readonly number[] {
  return dims !== undefined && dims.length >= 3 && dims.every((dim, axis) => dim > 0 || axis === 0);
}

/** Returns null if each position of the node's output depends only on a window of its inputs around that position. */
function whyNotLocal(
  node: Node,
  constants: ReadonlyMap<string, ConstantTensor>,
  shapes: Shapes,
): string | null {
  const label = node.name || node.opType;
  const output = node.outputs.find((name) => name !== '') ?? '';
  const out = shapes.get(output);
  if (node.domain !== '') return `${label} is not an operator of ONNX itself`;
  const unknown = nodeReads(node).find((name) => !constants.has(name) && !isImage(shapes.get(name)));
  if (unknown !== undefined) return `"${unknown}" is not an image of a fixed size`;
  if (!isImage(out)) return `"${output}" is not an image of a fixed size`;
  if (WINDOWED.has(node.opType)) {
    if (node.opType === 'MaxPool' && node.outputs.length > 1) return `${label} also returns positions`;
    if (intAttribute(node, 'ceil_mode', 0) !== 0) return `${label} rounds its size up`;
    if (padsOf(node, out.length - 2) === null) return `${label} pads automatically`;
    if (node.opType === 'Conv' && !constants.has(node.inputs[1] ?? '')) {
      return `the weights of ${label} are not constant`;
    }
    return null;
  }
  if (node.opType === 'Concat') {
    const axis = intAttribute(node, 'axis', 1);
    return (axis < 0 ? axis + out.length : axis) === TILED_AXIS ? `${label} joins rows` : null;
  }
  if (!POINTWISE.has(node.opType)) return `${label} (${node.opType}) looks at the whole image`;
  for (const name of nodeReads(node)) {
    const dims = constants.get(name)?.dims ?? shapes.get(name);
    if (dims === undefined) return `the shape of "${name}" is not known`;
    // Aligned at the end, as broadcasting does; channel statistics and slopes have one value for all rows.
    const along =
      node.opType === 'BatchNormalization' && name !== node.inputs[0] ? 1 : dims.at(TILED_AXIS - out.length);
    if (constants.has(name) ? (along ?? 1) !== 1 : along !== out[TILED_AXIS]) {
      return `${label} combines "${name}" along the rows`;
    }
  }
  return null;
}

/**
 * Returns which positions of every tensor one tile needs, from the positions of the segment's output that it makes.
 * Windows that reach beyond the image are cut at its edge; the node pads there, as in the whole image.
 * @param rowsOf  rows of a whole tensor
 */
export function tileNeeds(
  { nodes, feed, fetch }: TileableSegment,
  rowsOf: (tensor: string) => number,
  output: Span,
): TileNeeds {
  const held = new Map<string, Span>([[fetch, output]]);
  const computed = new Map<number, Span>();
  for (const { node, inputs, outputs, window } of [...nodes].reverse()) {
    const spans = outputs.flatMap((name) => held.get(name) ?? []);
    if (spans.length === 0) continue;
    const span = spans.reduce(hull);
    computed.set(node, span);
    for (const name of outputs) held.set(name, span);
    for (const name of inputs) {
      const needed = clip(windowOf(window, span), rowsOf(name));
      const known = held.get(name);
      held.set(name, known ? hull(known, needed) : needed);
    }
  }
  return { input: held.get(feed) ?? { from: 0, to: 0 }, computed, held };
}

/**
 * Makes the model of one tile: the segment's nodes on fewer rows. Constants are those of the model, so all tiles of a
 * segment share one file of weights.
 * @param name  of the tile's output; the default is the name of the segment's output
 */
export function tileModel(
  model: Model,
  segment: TileableSegment,
  shapes: Shapes,
  output: Span,
  name = segment.fetch,
): Model {
  const { graph } = model;
  const { feed, fetch } = segment;
  const wholeRows = (name: string) => shapes.get(name)![TILED_AXIS]!;
  const needs = tileNeeds(segment, wholeRows, output);
  const withRows = (name: string, { from, to }: Span) => shapes.get(name)!.with(TILED_AXIS, to - from);
  const nodes: Node[] = [];
  const bounds: ConstantTensor[] = [];
  const inOrder = segment.nodes
    .filter(({ node }) => needs.computed.has(node))
    .sort((a, b) => a.node - b.node);
  for (const { node: index, window } of inOrder) {
    const node = graph.nodes[index]!;
    const span = needs.computed.get(index)!;
    const inputs = node.inputs.map((name) => {
      const have = needs.held.get(name);
      if (have === undefined) return name;
      const wanted = clip(windowOf(window, span), wholeRows(name));
      if (wanted.from === have.from && wanted.to === have.to) return name;
      const slice = sliceNode(name, wanted.from - have.from, wanted.to - have.from, nodes.length);
      nodes.push(slice.node);
      bounds.push(...slice.bounds);
      return slice.node.outputs[0]!;
    });
    nodes.push({ ...repadded(node, window, span, shapes), inputs });
  }
  const cut = cutSubgraph(model, { nodes: inOrder.map(({ node }) => node), feeds: [feed], fetches: [fetch] });
  const renamed = (names: readonly string[]) => names.map((each) => (each === fetch ? name : each));
  const [input] = cut.graph.inputs;
  const [result] = cut.graph.outputs;
  const typed = (value: string, span: Span, from: typeof input) => ({
    name: renamed([value])[0]!,
    type: {
      kind: 'tensor' as const,
      dataType: from?.type?.kind === 'tensor' ? from.type.dataType : DATA_TYPE.float32,
      dims: openDims(withRows(value, span)),
    },
  });
  return {
    ...cut,
    graph: {
      ...cut.graph,
      name: 'tile',
      nodes: nodes.map((node) => ({
        ...node,
        inputs: renamed(node.inputs),
        outputs: renamed(node.outputs),
      })),
      initializers: [...cut.graph.initializers, ...bounds],
      inputs: [typed(feed, needs.input, input)],
      outputs: [typed(fetch, output, result)],
    },
  };
}

/** Returns the positions of a node's input that its output's positions depend on; may reach beyond the image. */
function windowOf({ stride, reach, padBefore }: RowWindow, { from, to }: Span): Span {
  return { from: from * stride - padBefore, to: (to - 1) * stride - padBefore + reach };
}

function windowAlong(node: Node): RowWindow {
  if (!WINDOWED.has(node.opType)) return { axis: TILED_AXIS, stride: 1, reach: 1, padBefore: 0 };
  const at = TILED_AXIS - 2;
  const kernel = intsAttribute(node, 'kernel_shape')![at]!;
  const dilation = intsAttribute(node, 'dilations')?.[at] ?? 1;
  return {
    axis: TILED_AXIS,
    stride: intsAttribute(node, 'strides')?.[at] ?? 1,
    reach: dilation * (kernel - 1) + 1,
    padBefore: intsAttribute(node, 'pads')?.[at] ?? 0,
  };
}

/** Returns a node's pads, or null where they are not plain numbers. */
function padsOf(node: Node, rank: number): readonly number[] | null {
  const automatic = attribute(node, 'auto_pad');
  if (automatic?.kind === 'string') {
    const mode = new TextDecoder().decode(automatic.value);
    if (mode !== 'NOTSET' && mode !== 'VALID') return null;
  }
  if (intsAttribute(node, 'kernel_shape') === undefined) return null;
  return intsAttribute(node, 'pads') ?? new Array(2 * rank).fill(0);
}

/** A windowed node pads only where its tile touches the edge of the image, by as much as its window reaches beyond. */
function repadded(node: Node, rows: RowWindow, span: Span, shapes: Shapes): Node {
  if (!WINDOWED.has(node.opType)) return node;
  const dims = shapes.get(node.inputs[0]!)!;
  const rank = dims.length - 2;
  const window = windowOf(rows, span);
  const pads = [...padsOf(node, rank)!];
  pads[TILED_AXIS - 2] = Math.max(0, -window.from);
  pads[TILED_AXIS - 2 + rank] = Math.max(0, window.to - dims[TILED_AXIS]!);
  return {
    ...node,
    attributes: [
      ...node.attributes.filter(({ name }) => name !== 'pads' && name !== 'auto_pad'),
      { name: 'pads', kind: 'ints', value: pads.map(BigInt) },
    ],
  };
}

function sliceNode(
  name: string,
  from: number,
  to: number,
  serial: number,
): { readonly node: Node; readonly bounds: ConstantTensor[] } {
  const output = `${name}/rows-${serial}`;
  const bound = (what: string, value: number): ConstantTensor => ({
    name: `${output}/${what}`,
    dims: [1],
    dataType: DATA_TYPE.int64,
    storage: { kind: 'raw', bytes: new Uint8Array(BigInt64Array.of(BigInt(value)).buffer) },
  });
  const bounds = [bound('starts', from), bound('ends', to), bound('axes', TILED_AXIS)];
  return {
    node: {
      name: `${output}/slice`,
      opType: 'Slice',
      domain: '',
      inputs: [name, ...bounds.map((tensor) => tensor.name)],
      outputs: [output],
      attributes: [],
    },
    bounds,
  };
}

function hull(a: Span, b: Span): Span {
  return { from: Math.min(a.from, b.from), to: Math.max(a.to, b.to) };
}

function clip({ from, to }: Span, size: number): Span {
  return { from: Math.max(0, from), to: Math.min(size, to) };
}
