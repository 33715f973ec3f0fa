import { mapBodies } from './cut.ts';
import {
  type ConstantTensor,
  DATA_TYPE,
  type Graph,
  type Model,
  type Node,
  type ValueInfo,
} from './model.ts';

/** Creates a Reshape node to a static shape, with its shape constant. */
export function reshapeNode(
  input: string,
  output: string,
  dims: readonly number[],
): { readonly node: Node; readonly shape: ConstantTensor } {
  const name = `${output}/shape`;
  const bytes = new Uint8Array(BigInt64Array.from(dims, BigInt).buffer);
  return {
    node: {
      name: `${output}/reshape`,
      opType: 'Reshape',
      domain: '',
      inputs: [input, name],
      outputs: [output],
      attributes: [],
    },
    shape: { name, dims: [dims.length], dataType: DATA_TYPE.int64, storage: { kind: 'raw', bytes } },
  };
}

/**
 * Changes the shapes of some inputs to shapes of the same size, by a Reshape in front of their nodes. Needed
 * for the outputs of grouped convolutions, which fold the groups into the batch.
 * @param shapes  new shape by input name; other names are ignored
 */
export function reshapeInputs(model: Model, shapes: ReadonlyMap<string, readonly number[]>): Model {
  const { graph } = model;
  const renamed = new Map<string, string>();
  const reshapes: ReturnType<typeof reshapeNode>[] = [];
  const inputs = graph.inputs.map((input): ValueInfo => {
    const dims = shapes.get(input.name);
    if (!dims || input.type?.kind !== 'tensor') return input;
    const expected = `${input.name}/whole`;
    renamed.set(input.name, expected);
    reshapes.push(reshapeNode(input.name, expected, input.type.dims as readonly number[]));
    return { name: input.name, type: { ...input.type, dims } };
  });
  if (renamed.size === 0) return model;
  return {
    ...model,
    graph: {
      ...graph,
      inputs,
      nodes: [...reshapes.map(({ node }) => node), ...graph.nodes.map((node) => renameReads(node, renamed))],
      initializers: [...graph.initializers, ...reshapes.map(({ shape }) => shape)],
    },
  };
}

/** Renames inputs, also in subgraphs: a name is unique in a model. */
function renameReads(node: Node, renamed: ReadonlyMap<string, string>): Node {
  const rename = (name: string) => renamed.get(name) ?? name;
  const renameBody = (body: Graph): Graph => ({
    ...body,
    nodes: body.nodes.map((inner) => renameReads(inner, renamed)),
    outputs: body.outputs.map((output) => ({ ...output, name: rename(output.name) })),
  });
  return { ...mapBodies(node, renameBody), inputs: node.inputs.map(rename) };
}
