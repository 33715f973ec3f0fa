import {
  attribute,
  bodies,
  type Dimension,
  DynamicShapeError,
  type Graph,
  type Model,
  ModelRejectedError,
  mapBodies,
  type Node,
  nodeReads,
  topologicalOrder,
  type ValueInfo,
} from '@sparewheel/onnx';
import { type Sizes, unnamed } from './free-dimensions.ts';
import { liftBodyWeights } from './lift-body-weights.ts';

/** Sizes for a model's free dimensions. A dimension without a name is called "INPUT.AXIS". */
export interface DimensionValues {
  /** Sizes to plan for, by name: `{ batch: 1 }`. The dimensions stay free. */
  readonly dims?: Sizes;
  /** The largest sizes that requests may have, by name. */
  readonly maxDims?: Sizes;
  /** Whole shapes by input, which fix its free dimensions: `{ image: [1, 3, 224, 224] }`. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
}

/**
 * Prepares a model for ONNX Runtime's optimization: names the free dimensions of every input, removes constants
 * from the inputs (files older than IR version 4 list them) so that they can be folded, turns Constant nodes
 * into initializers, moves the weights of branches and loop bodies to the graph, and drops inferred shapes.
 * @param fixed  free dimensions that get a fixed size, by name
 * @throws {DynamicShapeError} an input of unknown rank, without a shape
 * @throws {ModelRejectedError} INVALID_GRAPH: no inputs; UNSUPPORTED_TYPE: an input is not a tensor;
 *          DYNAMIC_SHAPE: a given size is invalid, or its dimension or input does not exist
 */
export function prepareModel(model: Model, values: DimensionValues, fixed: Sizes = {}): Model {
  const hoisted = liftBodyWeights({ ...model, graph: hoistConstants(model.graph) }).graph;
  const constants = new Set([...hoisted.initializers, ...hoisted.sparseInitializers].map(({ name }) => name));
  const declared = hoisted.inputs.filter(({ name }) => !constants.has(name));
  checkNames(declared, values);
  const inputs = declared.map((input) => nameDimensions(input, values, fixed));
  if (inputs.length === 0) {
    throw new ModelRejectedError(
      'INVALID_GRAPH',
      'the model has no inputs',
      'export it with at least one input',
    );
  }
  return {
    ...model,
    // Since IR version 4, a constant need not be an input.
    irVersion: Math.max(model.irVersion, 4),
    graph: {
      ...hoisted,
      inputs,
      outputs: hoisted.outputs.map(withoutShape),
      valueInfos: hoisted.valueInfos.filter(({ type }) => type?.kind === 'opaque'),
    },
  };
}

function hoistConstants(graph: Graph): Graph {
  const initializers = [...graph.initializers];
  const nodes = [];
  for (const node of graph.nodes) {
    const value = node.opType === 'Constant' && node.domain === '' ? attribute(node, 'value') : undefined;
    const output = node.outputs[0];
    if (value?.kind === 'tensor' && output && node.outputs.length === 1) {
      initializers.push({ ...value.value, name: output });
    } else {
      nodes.push(mapBodies(node, hoistConstants));
    }
  }
  return { ...graph, nodes, initializers };
}

function checkNames(inputs: readonly ValueInfo[], values: DimensionValues): void {
  const symbols = new Set<string>();
  const names = new Set<string>();
  for (const { name, type } of inputs) {
    names.add(name);
    if (type?.kind !== 'tensor') continue;
    for (const [axis, dim] of (type.dims ?? []).entries()) {
      const symbol = freeName(name, axis, dim);
      if (symbol !== null) symbols.add(symbol);
    }
  }
  const rejection = (what: string, known: ReadonlySet<string>) => {
    const list = [...known].map((name) => `"${name}"`).join(', ');
    return new ModelRejectedError('DYNAMIC_SHAPE', what, `the model has ${list || 'none'}`);
  };
  for (const symbol of [...Object.keys(values.dims ?? {}), ...Object.keys(values.maxDims ?? {})]) {
    if (!symbols.has(symbol)) throw rejection(`no input has a free dimension named "${symbol}"`, symbols);
  }
  for (const name of Object.keys(values.shapes ?? {})) {
    if (!names.has(name)) throw rejection(`no input is named "${name}"`, names);
  }
  for (const [what, sizes] of [
    ...Object.entries(values.dims ?? {}).map(([name, size]) => [name, [size]] as const),
    ...Object.entries(values.maxDims ?? {}).map(([name, size]) => [name, [size]] as const),
    ...Object.entries(values.shapes ?? {}),
  ]) {
    if (!sizes.every((size) => Number.isSafeInteger(size) && size >= 1)) {
      throw new ModelRejectedError(
        'DYNAMIC_SHAPE',
        `"${what}" has the invalid size ${JSON.stringify(sizes)}`,
        'use integers of at least 1',
      );
    }
  }
}

/** Gives every free dimension a name, and those of a given shape their size. */
function nameDimensions(input: ValueInfo, values: DimensionValues, fixed: Sizes): ValueInfo {
  const { name, type } = input;
  if (type?.kind !== 'tensor') {
    throw new ModelRejectedError('UNSUPPORTED_TYPE', `input "${name}" is not a tensor`);
  }
  const given = values.shapes && Object.hasOwn(values.shapes, name) ? values.shapes[name] : undefined;
  if (!type.dims) {
    if (!given) throw new DynamicShapeError(name);
    return { name, type: { ...type, dims: given } };
  }
  if (given && !fits(type.dims, given)) {
    throw new ModelRejectedError(
      'DYNAMIC_SHAPE',
      `input "${name}" has the shape [${type.dims.map((dim) => dim ?? '?').join(', ')}] and cannot be [${given.join(', ')}]`,
    );
  }
  const dims = type.dims.map((dim, axis) => {
    if (given) return given[axis]!;
    const free = freeName(name, axis, dim);
    if (free === null) return dim;
    return Object.hasOwn(fixed, free) ? fixed[free]! : free;
  });
  return { name, type: { ...type, dims } };
}

/** Returns the name of a dimension, or null if it is fixed. Some exporters write 0 for a free dimension. */
function freeName(input: string, axis: number, dim: Dimension): string | null {
  if (typeof dim === 'number' && dim > 0) return null;
  return typeof dim === 'string' && dim !== '' ? dim : unnamed(input, axis);
}

function fits(declared: readonly Dimension[], given: readonly number[]): boolean {
  return (
    declared.length === given.length &&
    declared.every((dim, axis) => typeof dim !== 'number' || dim === 0 || dim === given[axis])
  );
}

function withoutShape({ name, type }: ValueInfo): ValueInfo {
  if (!type) return { name };
  return { name, type: type.kind === 'tensor' ? { kind: 'tensor', dataType: type.dataType } : type };
}

/**
 * Normalizes a model that ONNX Runtime has optimized: sorts the nodes topologically, gives each a unique
 * name, drops unused constants and operator sets, and restores the declared inputs and outputs.
 * @param prepared  the graph before the optimization
 * @throws {ModelRejectedError} INVALID_GRAPH: the graph has a cycle
 */
export function normalizeOptimized(optimized: Model, prepared: Graph): Model {
  // Folding can make new constants in bodies.
  const { graph } = liftBodyWeights(optimized);
  const order = topologicalOrder(graph);
  if (!order) throw new ModelRejectedError('INVALID_GRAPH', 'the graph has a cycle');
  const nodes = nameNodes(order.map((index) => graph.nodes[index]!));
  const used = new Set(graph.outputs.map((output) => output.name));
  for (const node of nodes) for (const name of nodeReads(node)) used.add(name);
  const domains = new Set(['']);
  const visit = (list: readonly Node[]) => {
    for (const node of list) {
      domains.add(node.domain);
      for (const body of bodies(node)) visit(body.nodes);
    }
  };
  visit(nodes);
  return {
    ...optimized,
    producer: 'sparewheel',
    opsetImports: optimized.opsetImports.filter(({ domain }) => domains.has(domain)),
    functions: [],
    graph: {
      ...graph,
      nodes,
      initializers: graph.initializers.filter(({ name }) => used.has(name)),
      sparseInitializers: graph.sparseInitializers.filter(({ name }) => used.has(name)),
      inputs: prepared.inputs,
      outputs: prepared.outputs.map(
        ({ name }) => graph.outputs.find((found) => found.name === name) ?? { name },
      ),
    },
  };
}

/** Keeps unique names. Names a nameless node after its first output. */
function nameNodes(nodes: readonly Node[]): Node[] {
  const taken = new Set<string>();
  return nodes.map((node) => {
    const wanted = node.name || `${node.opType}_${node.outputs.find((output) => output !== '') ?? 'node'}`;
    let name = wanted;
    for (let count = 2; taken.has(name); count++) name = `${wanted}_${count}`;
    taken.add(name);
    return { ...node, name };
  });
}
