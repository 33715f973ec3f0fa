import { type LoadedModel, typesByName } from './cut.ts';
import { constantsOf } from './linear.ts';
import { type ConstantTensor, DATA_TYPE, type Dimension, type Model, type Node } from './model.ts';
import { type CellParts, type Separation, stepOf } from './recurrent-step.ts';
import { type ExternalData, float32Data } from './tensor-data.ts';
import { nodeReads } from './topology.ts';

/** A model whose recurrent layers have matrices as layers of their own. */
export interface SeparatedModel {
  readonly loaded: LoadedModel;
  /** Names of the recurrent layers. The nodes that are made from one are called "NAME/…"; its rest keeps its name. */
  readonly layers: readonly string[];
}

/** Gates of each operator: the number of matrices that are stored below each other. */
const GATES: Readonly<Record<string, number>> = { LSTM: 4, GRU: 3, RNN: 1 };
/** The rest of a recurrent layer multiplies by an identity matrix. A larger one costs too much memory. */
const LARGEST_IDENTITY_BYTES = 64 * 1024 * 1024;

/**
 * Makes the matrices of recurrent layers (LSTM, GRU, RNN) layers of their own, with exactly the same results. [paper §3]
 *
 * The products of the input matrix with all time steps do not depend on each other: they become one MatMul before the
 * layer, whose own input matrix is then the identity. With one time step, the layer becomes its formulas, and the
 * recurrent matrix is a MatMul, too.
 * @returns null if there is no such layer. The result shares nodes and constants with the model
 */
export function separateRecurrent({ model, external }: LoadedModel): SeparatedModel | null {
  const { graph } = model;
  const constants = constantsOf(graph);
  const types = typesByName(graph);
  const opset = model.opsetImports.find(({ domain }) => domain === '')?.version ?? 0;
  const layers: string[] = [];
  const added: Separation[] = [];
  const nodes = graph.nodes.flatMap((node): readonly Node[] => {
    const type = types.get(node.inputs[0] ?? '')?.type;
    const dims = type?.kind === 'tensor' ? type.dims : undefined;
    const found = dims?.length === 3 ? separate(node, dims, constants, external, opset) : null;
    if (!found) return [node];
    layers.push(node.name);
    added.push(found);
    return found.nodes;
  });
  if (layers.length === 0) return null;
  const separated: Model = {
    ...model,
    graph: {
      ...graph,
      nodes,
      initializers: [...graph.initializers, ...added.flatMap((each) => each.constants)],
      valueInfos: [
        ...graph.valueInfos,
        ...added.flatMap(({ values }) =>
          [...values].map(([name, dims]) => ({
            name,
            type: { kind: 'tensor' as const, dataType: DATA_TYPE.float32, dims },
          })),
        ),
      ],
    },
  };
  return { loaded: { model: withoutUnused(separated), external }, layers };
}

function separate(
  node: Node,
  inputDims: readonly Dimension[],
  constants: ReadonlyMap<string, ConstantTensor>,
  external: ExternalData,
  opset: number,
): Separation | null {
  const gates = node.domain === '' ? GATES[node.opType] : undefined;
  const [input = '', weightsName = '', recurrentName = '', biasName = ''] = node.inputs;
  const weights = constants.get(weightsName);
  const recurrent = constants.get(recurrentName);
  if (gates === undefined || constants.has(input) || !isMatrices(weights) || !isMatrices(recurrent))
    return null;
  const [directions, rows, columns] = weights.dims as [number, number, number];
  const hidden = recurrent.dims[2]!;
  if (rows !== gates * hidden || (biasName !== '' && !constants.has(biasName))) return null;
  const parts: CellParts = {
    node,
    opset,
    hidden,
    inputDims,
    input: transposed(`${node.name}/input-weights`, weights, directions * rows, columns, external),
    recurrent: (from, to) =>
      transposed(`${node.name}/recurrent-weights-${from}`, recurrent, rows, hidden, external, from, to),
    bias: constants.get(biasName) ?? null,
    external,
    isConstant: (name) => constants.has(name),
  };
  const step = inputDims[0] === 1 && directions === 1 ? stepOf(parts) : null;
  return step ?? hoisted(parts, directions, rows);
}

function isMatrices(tensor: ConstantTensor | undefined): tensor is ConstantTensor {
  return tensor !== undefined && tensor.dataType === DATA_TYPE.float32 && tensor.dims.length === 3;
}

/** Puts the input product in front of the layer. */
function hoisted({ node, input, inputDims }: CellParts, directions: number, rows: number): Separation | null {
  const width = directions * rows;
  if (4 * width * width > LARGEST_IDENTITY_BYTES) return null;
  const output = `${node.name}/products`;
  const identity: ConstantTensor = {
    name: `${node.name}/identity`,
    dims: [directions, rows, width],
    dataType: DATA_TYPE.float32,
    storage: {
      kind: 'computed',
      byteLength: 4 * width * width,
      *pieces() {
        const values = new Float32Array(width * width);
        for (let i = 0; i < width; i++) values[i * width + i] = 1;
        yield new Uint8Array(values.buffer);
      },
    },
  };
  const product: Node = {
    name: `${node.name}/input`,
    opType: 'MatMul',
    domain: '',
    inputs: [node.inputs[0]!, input.name],
    outputs: [output],
    attributes: [],
  };
  return {
    nodes: [product, { ...node, inputs: [output, identity.name, ...node.inputs.slice(2)] }],
    constants: [input, identity],
    values: new Map([[output, [inputDims[0]!, inputDims[1]!, width]]]),
  };
}

/** Returns rows [from, to) of a matrix, transposed. The elements are read when they are needed. */
function transposed(
  name: string,
  matrix: ConstantTensor,
  rows: number,
  columns: number,
  external: ExternalData,
  from = 0,
  to = rows,
): ConstantTensor {
  const count = to - from;
  return {
    name,
    dims: [columns, count],
    dataType: DATA_TYPE.float32,
    storage: {
      kind: 'computed',
      byteLength: 4 * count * columns,
      *pieces() {
        const source = float32Data(matrix, external);
        const values = new Float32Array(count * columns);
        for (let row = 0; row < count; row++) {
          for (let column = 0; column < columns; column++) {
            values[column * count + row] = source[(from + row) * columns + column]!;
          }
        }
        yield new Uint8Array(values.buffer);
      },
    },
  };
}

function withoutUnused(model: Model): Model {
  const { graph } = model;
  const used = new Set(graph.outputs.map(({ name }) => name));
  for (const node of graph.nodes) for (const name of nodeReads(node)) used.add(name);
  return {
    ...model,
    graph: { ...graph, initializers: graph.initializers.filter(({ name }) => used.has(name)) },
  };
}
