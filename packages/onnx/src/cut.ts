import { castConstants } from './half.ts';
import { bodies, type ConstantTensor, type Graph, type Model, type Node, type ValueInfo } from './model.ts';
import { type ExternalData, tensorByteLength, tensorBytes, tensorPieces } from './tensor-data.ts';
import { nodeReads } from './topology.ts';
import { writeModel } from './writer.ts';

/** A model with the source of its external data. */
export interface LoadedModel {
  readonly model: Model;
  readonly external: ExternalData;
}

export interface Cut {
  /** Node indices in the model's graph. */
  readonly nodes: readonly number[];
  /** Names of the inputs; constants may be omitted. */
  readonly feeds: readonly string[];
  readonly fetches: readonly string[];
}

/**
 * Cuts a set of nodes out of a model, as a separate model with the constants that they use.
 * @returns a model that shares constants and nodes with `model`, with inputs and outputs in the given order
 * @throws {RangeError} the nodes read a name that is not a feed, a constant or computed by one of them
 */
export function cutSubgraph(model: Model, cut: Cut): Model {
  const { graph } = model;
  const nodes = withCasts(graph, cut.nodes);
  const types = typesByName(graph);
  const inside = new Set(cut.feeds);
  for (const node of nodes) for (const output of node.outputs) inside.add(output);
  const needed = new Set<string>();
  for (const node of nodes) for (const name of nodeReads(node)) if (!inside.has(name)) needed.add(name);
  for (const name of cut.fetches) if (!inside.has(name)) needed.add(name);

  const initializers = graph.initializers.filter(({ name }) => needed.has(name));
  const sparseInitializers = graph.sparseInitializers.filter(({ name }) => needed.has(name));
  for (const { name } of [...initializers, ...sparseInitializers]) needed.delete(name);
  if (needed.size > 0) {
    throw new RangeError(
      `the subgraph also needs ${[...needed].map((name) => `"${name}"`).join(', ')} as feeds`,
    );
  }
  const domains = usedDomains(nodes);
  return {
    irVersion: model.irVersion,
    producer: model.producer,
    opsetImports: model.opsetImports.filter(({ domain }) => domains.has(domain)),
    functions: model.functions,
    graph: {
      name: 'subgraph',
      nodes,
      initializers,
      sparseInitializers,
      inputs: cut.feeds.map((name) => types.get(name) ?? { name }),
      outputs: cut.fetches.map((name) => types.get(name) ?? { name }),
      valueInfos: [],
    },
  };
}

/** Returns nodes in the order of the graph, with the casts of half-precision constants that they read. */
function withCasts(graph: Graph, chosen: readonly number[]): Node[] {
  const indices = new Set(chosen);
  const reads = new Set(chosen.flatMap((index) => nodeReads(graph.nodes[index]!)));
  const casts = new Set(castConstants(graph).map(({ name }) => name));
  if (casts.size > 0) {
    for (const [index, { outputs }] of graph.nodes.entries()) {
      if (casts.has(outputs[0]!) && reads.has(outputs[0]!)) indices.add(index);
    }
  }
  return [...indices].sort((a, b) => a - b).map((index) => graph.nodes[index]!);
}

/** Returns the declared types of a graph's values by name. */
export function typesByName(graph: Graph): Map<string, ValueInfo> {
  const types = new Map<string, ValueInfo>();
  for (const values of [graph.valueInfos, graph.outputs, graph.inputs]) {
    for (const value of values) if (value.type) types.set(value.name, value);
  }
  for (const { name, dims, dataType } of graph.initializers) {
    if (!types.has(name)) types.set(name, { name, type: { kind: 'tensor', dataType, dims } });
  }
  return types;
}

/** Returns the operator set domains of nodes and their subgraphs, including ONNX's own. */
function usedDomains(nodes: readonly Node[]): Set<string> {
  const domains = new Set(['']);
  const visit = (list: readonly Node[]) => {
    for (const node of list) {
      domains.add(node.domain);
      for (const body of bodies(node)) visit(body.nodes);
    }
  };
  visit(nodes);
  return domains;
}

/** Smaller constants stay in the graph, where ONNX Runtime's shape inference and folding need them. */
const KEEP_IN_GRAPH_BYTES = 1024;
/** Alignment of constants in a weights file: a cache line, and the widest vector register. */
const ALIGN_BYTES = 64;
const PADDING = new Uint8Array(ALIGN_BYTES);

/** A model in two files: its graph, and its weights as external data of the graph. */
export interface DetachedModel {
  /** 0 if every constant stays in the graph. */
  readonly weightsBytes: number;
  /** Yields the weights file from start to end. Each call reads the source again. */
  weights(): Iterable<Uint8Array>;
  /**
   * Returns the graph's bytes.
   * @param location  name of the weights file in the graph: its SHA-256
   */
  graph(location: string): Uint8Array[];
}

/**
 * Separates a model into graph and weights. It is deterministic, so both files can be named by their hash:
 * the caller hashes the weights first, then writes the graph with that hash as the location.
 * @throws {ExternalDataError} a weights file is missing or too short
 */
export function detachWeights({ model, external }: LoadedModel): DetachedModel {
  const offsets = new Map<ConstantTensor, number>();
  const small = new Map<ConstantTensor, ConstantTensor>();
  let weightsBytes = 0;
  const assignOffsets = (graph: Graph) => {
    for (const tensor of graph.initializers) {
      const length = tensorByteLength(tensor);
      if (tensor.storage.kind === 'strings' || offsets.has(tensor)) continue;
      if (tensor.storage.kind === 'external' && tensor.storage.length === undefined) {
        small.set(tensor, { ...tensor, storage: { kind: 'raw', bytes: tensorBytes(tensor, external) } });
      } else if (length < KEEP_IN_GRAPH_BYTES) {
        if (tensor.storage.kind === 'raw') continue;
        small.set(tensor, { ...tensor, storage: { kind: 'raw', bytes: tensorBytes(tensor, external) } });
      } else {
        offsets.set(tensor, weightsBytes);
        weightsBytes = Math.ceil((weightsBytes + length) / ALIGN_BYTES) * ALIGN_BYTES;
      }
    }
    for (const node of graph.nodes) for (const body of bodies(node)) assignOffsets(body);
  };
  assignOffsets(model.graph);

  return {
    weightsBytes,
    *weights() {
      for (const tensor of offsets.keys()) {
        yield* tensorPieces(tensor, external);
        const rest = tensorByteLength(tensor) % ALIGN_BYTES;
        if (rest > 0) yield PADDING.subarray(rest);
      }
    },
    graph(location) {
      const relocate = (graph: Graph): Graph => ({
        ...graph,
        initializers: graph.initializers.map((tensor) => {
          const offset = offsets.get(tensor);
          if (offset === undefined) return small.get(tensor) ?? tensor;
          const length = tensorByteLength(tensor);
          return { ...tensor, storage: { kind: 'external', location, offset, length } };
        }),
        nodes: graph.nodes.map((node) => (bodies(node).length > 0 ? mapBodies(node, relocate) : node)),
      });
      return writeModel({ ...model, graph: relocate(model.graph) });
    },
  };
}

/** Returns a node with its subgraphs replaced. */
export function mapBodies(node: Node, change: (body: Graph) => Graph): Node {
  return {
    ...node,
    attributes: node.attributes.map((item) => {
      if (item.kind === 'graph') return { ...item, value: change(item.value) };
      if (item.kind === 'graphs') return { ...item, value: item.value.map(change) };
      return item;
    }),
  };
}
