import {
  attribute,
  type ConstantTensor,
  constantsOf,
  DATA_TYPE,
  type ExternalData,
  floatAttribute,
  type Graph,
  intAttribute,
  type LoadedModel,
  type Model,
  type Node,
  type TensorStorage,
  tensorBytes,
  tensorPieces,
} from '@sparewheel/onnx';

/** Bytes of merged weights that are made at a time. */
const PIECE_BYTES = 1024 * 1024;
const ELEMENT_BYTES = 4;
/**
 * Layers are merged if the estimated sizes of their outputs differ by less than this factor. The error of a recovered
 * shard is about 1e-6 of the whole layer's largest output. A head that computes meters beside one that computes
 * pixels would lose its precision, and the product allows 1e-4.
 */
const MAX_SCALE_RATIO = 64;
/** Split takes its sizes as an input from this operator set on. */
const SPLIT_SIZES_AS_INPUT = 13;

/** A linear layer that can be merged with others like it. */
interface Sibling {
  readonly index: number;
  readonly node: Node;
  readonly weights: ConstantTensor;
  readonly bias: ConstantTensor | null;
  /** Output rows: filters, neurons. */
  readonly rows: number;
  /** Which dimension of the weights counts the rows, and which axis of the output. */
  readonly rowAxis: number;
  readonly axis: number;
  /** Weights as row-major [outer, rows, inner]. */
  readonly outer: number;
  readonly inner: number;
}

/**
 * Merges linear layers that read the same tensor in the same way (an attention's query, key and value; the 1 × 1
 * convolutions of an Inception block) into one layer and a Split. A distributed layer costs one hop whatever its
 * height, so three layers in one cost a third of the hops. Layers whose outputs have very different scales
 * stay apart.
 */
export function mergeSiblings({ model, external }: LoadedModel): Model {
  const { graph } = model;
  const constants = constantsOf(graph);
  const families = new Map<string, Sibling[]>();
  for (const [index, node] of graph.nodes.entries()) {
    const found = siblingOf(node, index, constants);
    if (found === null) continue;
    const family = families.get(found.key);
    if (family) family.push(found.sibling);
    else families.set(found.key, [found.sibling]);
  }
  const opset = model.opsetImports.find(({ domain }) => domain === '')?.version ?? 0;
  const replaced = new Map<number, readonly Node[]>();
  const names = new Set(graph.nodes.map(({ name }) => name));
  const added: ConstantTensor[] = [];
  const groups = [...families.values()].flatMap((family) => bySimilarScale(family, external));
  for (const family of groups) {
    if (family.length < 2) continue;
    const merged = merge(family, uniqueName(family, names), external, opset);
    replaced.set(family[0]!.index, merged.nodes);
    for (const { index } of family.slice(1)) replaced.set(index, []);
    added.push(...merged.constants);
  }
  if (replaced.size === 0) return model;
  const nodes = graph.nodes.flatMap((node, index) => replaced.get(index) ?? [node]);
  return {
    ...model,
    graph: withoutUnused({ ...graph, nodes, initializers: [...graph.initializers, ...added] }),
  };
}

/** Divides a family into layers whose outputs have a similar scale. */
function bySimilarScale(family: readonly Sibling[], external: ExternalData): Sibling[][] {
  if (family.length < 2) return [[...family]];
  const scaled = family.map((sibling) => ({ sibling, scale: scaleOf(sibling, external) }));
  const groups: { smallest: number; siblings: Sibling[] }[] = [];
  for (const { sibling, scale } of scaled.toSorted((a, b) => a.scale - b.scale)) {
    const group = groups.at(-1);
    if (group && scale <= group.smallest * MAX_SCALE_RATIO) group.siblings.push(sibling);
    else groups.push({ smallest: scale, siblings: [sibling] });
  }
  return groups.map(({ siblings }) => siblings.sort((a, b) => a.index - b.index));
}

/**
 * Estimates the size of a layer's outputs: the root of the mean of their squares, for inputs with mean 1 and variance
 * 1. Activations are rarely centered, so that weights of one sign count more than their size.
 */
function scaleOf(layer: Sibling, external: ExternalData): number {
  const { rows, inner, weights, bias } = layer;
  const sums = new Float64Array(rows);
  let squares = 0;
  let at = 0;
  for (const piece of tensorPieces(weights, external)) {
    for (const value of floatsOf(piece)) {
      const row = Math.floor(at++ / inner) % rows;
      sums[row]! += value;
      squares += value * value;
    }
  }
  if (bias !== null) {
    let row = 0;
    for (const piece of tensorPieces(bias, external))
      for (const value of floatsOf(piece)) sums[row++]! += value;
  }
  for (const sum of sums) squares += sum * sum;
  return Math.sqrt(squares / rows);
}

function floatsOf(bytes: Uint8Array): Float32Array {
  const aligned = bytes.byteOffset % ELEMENT_BYTES === 0 ? bytes : bytes.slice();
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / ELEMENT_BYTES);
}

function withoutUnused(graph: Graph): Graph {
  const used = new Set(graph.outputs.map(({ name }) => name));
  const visit = (nodes: readonly Node[]) => {
    for (const node of nodes) {
      for (const name of node.inputs) used.add(name);
      for (const item of node.attributes) {
        const bodies = item.kind === 'graph' ? [item.value] : item.kind === 'graphs' ? item.value : [];
        for (const body of bodies) {
          for (const { name } of body.outputs) used.add(name);
          visit(body.nodes);
        }
      }
    }
  };
  visit(graph.nodes);
  return { ...graph, initializers: graph.initializers.filter(({ name }) => used.has(name)) };
}

/** Returns a layer with a key that is equal for layers that can be merged, or null for any other node. */
function siblingOf(
  node: Node,
  index: number,
  constants: ReadonlyMap<string, ConstantTensor>,
): { readonly key: string; readonly sibling: Sibling } | null {
  if (node.domain !== '') return null;
  const [feed = '', weightsName = '', biasName = ''] = node.inputs;
  const weights = constants.get(weightsName);
  const bias = biasName === '' ? null : (constants.get(biasName) ?? null);
  if (!weights || weights.dataType !== DATA_TYPE.float32 || constants.has(feed)) return null;
  if (biasName !== '' && (bias === null || bias.dataType !== DATA_TYPE.float32)) return null;
  const shape = layoutOf(node, weights);
  if (shape === null) return null;
  // A bias of another shape would be broadcast.
  if (bias !== null && (bias.dims.length !== 1 || bias.dims[0] !== shape.rows)) return null;
  const others = weights.dims.filter((_, axis) => axis !== shape.rowAxis);
  const key = JSON.stringify([node.opType, feed, others, bias !== null, shape.rowAxis, settingsOf(node)]);
  return { key, sibling: { index, node, weights, bias, ...shape } };
}

type Layout = Pick<Sibling, 'rows' | 'rowAxis' | 'axis' | 'outer' | 'inner'>;

function layoutOf(node: Node, { dims }: ConstantTensor): Layout | null {
  const along = (rowAxis: number, axis: number) => ({
    rowAxis,
    axis,
    rows: dims[rowAxis]!,
    outer: product(dims.slice(0, rowAxis)),
    inner: product(dims.slice(rowAxis + 1)),
  });
  switch (node.opType) {
    case 'MatMul':
      return dims.length === 2 ? along(1, -1) : null;
    case 'Gemm':
      if (dims.length !== 2 || intAttribute(node, 'transA', 0) !== 0) return null;
      return along(intAttribute(node, 'transB', 0) === 0 ? 1 : 0, 1);
    case 'Conv':
      return dims.length >= 3 && intAttribute(node, 'group', 1) === 1 ? along(0, 1) : null;
    default:
      return null;
  }
}

/** Everything of a node's attributes that must agree. */
function settingsOf(node: Node): unknown {
  if (node.opType === 'Gemm') return [floatAttribute(node, 'alpha', 1), floatAttribute(node, 'beta', 1)];
  if (node.opType !== 'Conv') return [];
  return ['auto_pad', 'dilations', 'kernel_shape', 'pads', 'strides'].map((name) => {
    const found = attribute(node, name);
    if (found?.kind === 'ints') return found.value.map(Number);
    return found?.kind === 'string' ? new TextDecoder().decode(found.value) : null;
  });
}

/** Returns a name that no other node has, and adds it to the names. */
function uniqueName(family: readonly Sibling[], names: Set<string>): string {
  const joined = family.map(({ node }) => node.name).join(' + ');
  let name = joined;
  for (let count = 2; names.has(name); count++) name = `${joined} (${count})`;
  names.add(name);
  return name;
}

function merge(
  family: readonly Sibling[],
  name: string,
  external: ExternalData,
  opset: number,
): { readonly nodes: readonly Node[]; readonly constants: readonly ConstantTensor[] } {
  const [first] = family as [Sibling, ...Sibling[]];
  const rows = family.reduce((sum, sibling) => sum + sibling.rows, 0);
  const weights: ConstantTensor = {
    name: `${name}/weights`,
    dims: first.weights.dims.map((dim, axis) => (axis === first.rowAxis ? rows : dim)),
    dataType: DATA_TYPE.float32,
    storage: interleaved(
      family.map((sibling) => ({ ...sibling, tensor: sibling.weights })),
      external,
    ),
  };
  const constants = [weights];
  const inputs = [first.node.inputs[0]!, weights.name];
  if (first.bias !== null) {
    const bias: ConstantTensor = {
      name: `${name}/bias`,
      dims: [rows],
      dataType: DATA_TYPE.float32,
      storage: interleaved(
        family.map(({ bias, rows: own }) => ({ tensor: bias!, rows: own, outer: 1, inner: 1 })),
        external,
      ),
    };
    constants.push(bias);
    inputs.push(bias.name);
  }
  const output = `${name}/output`;
  const sizes = family.map((sibling) => sibling.rows);
  const split = splitNode(
    `${name}/split`,
    output,
    family.map(({ node }) => node.outputs[0]!),
    first.axis,
    sizes,
    opset,
  );
  return {
    nodes: [{ ...first.node, name, inputs, outputs: [output] }, split.node],
    constants: [...constants, ...split.constants],
  };
}

function splitNode(
  name: string,
  input: string,
  outputs: readonly string[],
  axis: number,
  sizes: readonly number[],
  opset: number,
): { readonly node: Node; readonly constants: readonly ConstantTensor[] } {
  const along = { name: 'axis', kind: 'int', value: BigInt(axis) } as const;
  const common = { name, opType: 'Split', domain: '', outputs } as const;
  if (opset < SPLIT_SIZES_AS_INPUT) {
    const split = { name: 'split', kind: 'ints', value: sizes.map(BigInt) } as const;
    return { node: { ...common, inputs: [input], attributes: [along, split] }, constants: [] };
  }
  const constant: ConstantTensor = {
    name: `${name}/sizes`,
    dims: [sizes.length],
    dataType: DATA_TYPE.int64,
    storage: { kind: 'raw', bytes: new Uint8Array(BigInt64Array.from(sizes, BigInt).buffer) },
  };
  return { node: { ...common, inputs: [input, constant.name], attributes: [along] }, constants: [constant] };
}

/** Joins tensors [outer, rows, inner] along their rows. They are read as the result is asked for, a piece at a time. */
function interleaved(
  parts: readonly {
    readonly tensor: ConstantTensor;
    readonly rows: number;
    readonly outer: number;
    readonly inner: number;
  }[],
  external: ExternalData,
): TensorStorage {
  const { outer } = parts[0]!;
  const widths = parts.map(({ rows, inner }) => rows * inner * ELEMENT_BYTES);
  const width = widths.reduce((sum, bytes) => sum + bytes, 0);
  const perPiece = Math.max(1, Math.floor(PIECE_BYTES / width));
  return {
    kind: 'computed',
    byteLength: outer * width,
    *pieces() {
      if (outer === 1) {
        for (const { tensor } of parts) yield* tensorPieces(tensor, external);
        return;
      }
      for (let from = 0; from < outer; from += perPiece) {
        const count = Math.min(perPiece, outer - from);
        const piece = new Uint8Array(count * width);
        let at = 0;
        for (const [i, { tensor }] of parts.entries()) {
          const bytes = rangeOf(tensor, external, from * widths[i]!, count * widths[i]!);
          for (let row = 0; row < count; row++) {
            piece.set(bytes.subarray(row * widths[i]!, (row + 1) * widths[i]!), row * width + at);
          }
          at += widths[i]!;
        }
        yield piece;
      }
    },
  };
}

function rangeOf(tensor: ConstantTensor, external: ExternalData, offset: number, length: number): Uint8Array {
  const { storage } = tensor;
  if (storage.kind !== 'external') return tensorBytes(tensor, external).subarray(offset, offset + length);
  const part = { ...storage, offset: storage.offset + offset, length };
  return tensorBytes({ ...tensor, storage: part }, external);
}

function product(dims: readonly number[]): number {
  return dims.reduce((all, dim) => all * dim, 1);
}
