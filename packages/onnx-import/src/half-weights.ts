import {
  type ConstantTensor,
  captures,
  DATA_TYPE,
  type Graph,
  intAttribute,
  isHalf,
  type Model,
  type Node,
} from '@sparewheel/onnx';

/** Operators whose weights shards can hold in half precision. */
const LINEAR = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul']);

/**
 * Turns half-precision weights behind a Cast to float32 into inputs, so that ONNX Runtime does not fold the Cast and
 * double the bytes of the weights.
 * @returns the model, and the constants that `restoreHalf` puts back
 */
export function hideHalf(model: Model): {
  readonly model: Model;
  readonly hidden: readonly ConstantTensor[];
} {
  const { graph } = model;
  if (!graph.initializers.some(({ dataType }) => isHalf(dataType))) return { model, hidden: [] };
  const readers = readersOf(graph);
  const onlyCast = (name: string) => {
    const casts = readers.get(name) ?? [];
    return casts.length > 0 && casts.every((cast) => cast !== null && isWeightCast(cast, readers));
  };
  const hidden = graph.initializers.filter(({ name, dataType }) => isHalf(dataType) && onlyCast(name));
  const names = new Set(hidden.map(({ name }) => name));
  // ONNX Runtime's binding has no inputs of the type bfloat16. Only the size of the type matters here.
  const inputs = hidden.map(({ name, dims }) => ({
    name,
    type: { kind: 'tensor', dataType: DATA_TYPE.float16, dims } as const,
  }));
  return {
    hidden,
    model: {
      ...model,
      graph: {
        ...graph,
        inputs: [...graph.inputs, ...inputs],
        initializers: graph.initializers.filter(({ name }) => !names.has(name)),
      },
    },
  };
}

/** Turns hidden weights into constants again. */
export function restoreHalf(model: Model, hidden: readonly ConstantTensor[]): Model {
  const names = new Set(hidden.map(({ name }) => name));
  const { graph } = model;
  return {
    ...model,
    graph: {
      ...graph,
      inputs: graph.inputs.filter(({ name }) => !names.has(name)),
      initializers: [...graph.initializers, ...hidden],
    },
  };
}

/** Returns the nodes that read each value; null stands for an output of the graph and for a subgraph. */
function readersOf(graph: Graph): Map<string, (Node | null)[]> {
  const readers = new Map<string, (Node | null)[]>();
  const add = (name: string, reader: Node | null) => {
    const list = readers.get(name);
    if (list) list.push(reader);
    else readers.set(name, [reader]);
  };
  for (const node of graph.nodes) {
    for (const name of node.inputs) add(name, node);
    for (const name of captures(node)) add(name, null);
  }
  for (const { name } of graph.outputs) add(name, null);
  return readers;
}

/** Returns whether a node casts to float32 for linear layers only. */
function isWeightCast(node: Node, readers: ReadonlyMap<string, readonly (Node | null)[]>): boolean {
  if (node.opType !== 'Cast' || intAttribute(node, 'to', 0) !== DATA_TYPE.float32) return false;
  const layers = readers.get(node.outputs[0]!) ?? [];
  return layers.length > 0 && layers.every((layer) => layer !== null && LINEAR.has(layer.opType));
}
