import { mapBodies } from './cut.ts';
import {
  type ConstantTensor,
  DATA_TYPE,
  type Dimension,
  type Graph,
  type Model,
  type Node,
  type ValueInfo,
} from './model.ts';

/** In the shape of a Reshape: the size of the input on the same axis. */
const KEEP = 0;

/**
 * Creates a Reshape node, with its shape constant.
 * @param dims  the new shape. A free dimension (-1) keeps its size; on axis 0 it takes what is left
 */
export function reshapeNode(
  input: string,
  output: string,
  dims: readonly number[],
): { readonly node: Node; readonly shape: ConstantTensor } {
  const name = `${output}/shape`;
  const target = dims.map((dim, axis) => (dim === -1 && axis > 0 ? KEEP : dim));
  const bytes = new Uint8Array(BigInt64Array.from(target, BigInt).buffer);
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
 * @param shapes  new shape by input name, -1 for a free dimension; other names are ignored
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
    reshapes.push(reshapeNode(input.name, expected, sizesOf(input.type.dims ?? [])));
    return { name: input.name, type: { ...input.type, dims: openDims(dims) } };
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

/** Returns a declared shape as numbers: -1 for a free dimension. */
export function sizesOf(dims: readonly Dimension[]): number[] {
  return dims.map((dim) => (typeof dim === 'number' ? dim : -1));
}

/** Returns a shape in its declared form: -1 becomes an unknown dimension. */
export function openDims(dims: readonly number[]): Dimension[] {
  return dims.map((dim) => (dim === -1 ? null : dim));
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
