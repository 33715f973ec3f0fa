import {
  bodies,
  type Graph,
  type Model,
  ModelRejectedError,
  type Node,
  nodeReads,
  topologicalOrder,
} from '@sparewheel/onnx';

/**
 * Puts what ONNX Runtime wrote in order: nodes in topological order, each with a name of its own; only constants and
 * operator sets that are used; inputs and outputs as they were declared.
 */
export function tidy(optimised: Model, prepared: Graph): Model {
  const { graph } = optimised;
  const order = topologicalOrder(graph);
  if (!order) throw new ModelRejectedError('INVALID_GRAPH', 'the graph goes round in a circle');
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
    ...optimised,
    producer: 'sparewheel',
    opsetImports: optimised.opsetImports.filter(({ domain }) => domains.has(domain)),
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

/** Keeps names that are unique, makes new ones from a node's first output where there is none. */
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
