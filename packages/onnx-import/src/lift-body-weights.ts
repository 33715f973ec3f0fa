import {
  bodies,
  type ConstantTensor,
  type Graph,
  type Model,
  mapBodies,
  type Node,
  tensorByteLength,
} from '@sparewheel/onnx';

/** Smaller constants stay in their body, where shape inference needs them. */
const LIFT_BYTES = 1024;

/**
 * Moves the weights of branches and loop bodies (If, Loop, Scan) to the graph itself, where the bodies read them as
 * outer values. From then on they are weights like any other: they stay external, are cut with their node, and are
 * counted. ONNX Runtime also refuses external data in a body if its file has a second name.
 * @returns the model itself if no body has weights
 */
export function liftBodyWeights(model: Model): Model {
  const { graph } = model;
  const taken = new Set<string>();
  collectNames(graph, taken);
  const lifted: ConstantTensor[] = [];
  const nodes = graph.nodes.map((node) => mapBodies(node, (body) => lift(body, new Map(), taken, lifted)));
  if (lifted.length === 0) return model;
  return { ...model, graph: { ...graph, nodes, initializers: [...graph.initializers, ...lifted] } };
}

/** @param outer  new names of the weights that were lifted from the bodies around this one */
function lift(
  body: Graph,
  outer: ReadonlyMap<string, string>,
  taken: Set<string>,
  lifted: ConstantTensor[],
): Graph {
  const own = namesOf(body);
  const renamed = new Map([...outer].filter(([name]) => !own.has(name)));
  const inputs = new Set(body.inputs.map(({ name }) => name));
  const outputs = new Set(body.outputs.map(({ name }) => name));
  const identities: Node[] = [];
  const initializers = body.initializers.filter((tensor) => {
    const { name, storage } = tensor;
    const small = storage.kind !== 'external' && tensorByteLength(tensor) < LIFT_BYTES;
    // A body input with a default value is not a constant.
    if (small || storage.kind === 'strings' || inputs.has(name)) return true;
    const unique = uniqueName(name, taken);
    lifted.push({ ...tensor, name: unique });
    renamed.set(name, unique);
    // A body must not return an outer value directly.
    if (outputs.has(name)) identities.push(identity(unique, name));
    return false;
  });
  const read = (name: string) => renamed.get(name) ?? name;
  return {
    ...body,
    initializers,
    nodes: [
      ...identities,
      ...body.nodes.map((node) => ({
        ...mapBodies(node, (inner) => lift(inner, renamed, taken, lifted)),
        inputs: node.inputs.map(read),
      })),
    ],
  };
}

function identity(input: string, output: string): Node {
  return {
    name: `${input}/returned`,
    opType: 'Identity',
    domain: '',
    inputs: [input],
    outputs: [output],
    attributes: [],
  };
}

/** Returns the names that a graph defines itself, without those of its bodies. */
function namesOf(graph: Graph): Set<string> {
  const names = new Set<string>();
  for (const { name } of [...graph.inputs, ...graph.initializers, ...graph.sparseInitializers])
    names.add(name);
  for (const { outputs } of graph.nodes) for (const name of outputs) names.add(name);
  return names;
}

function collectNames(graph: Graph, into: Set<string>): void {
  for (const name of namesOf(graph)) into.add(name);
  for (const node of graph.nodes) for (const body of bodies(node)) collectNames(body, into);
}

/** Returns a name that no value of the model has. Bodies beside each other may use the same names. */
function uniqueName(name: string, taken: Set<string>): string {
  let unique = `${name}/lifted`;
  for (let count = 2; taken.has(unique); count++) unique = `${name}/lifted-${count}`;
  taken.add(unique);
  return unique;
}
