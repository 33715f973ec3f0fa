import type { Attribute, ConstantTensor, Graph, Model, Node, ValueInfo } from '../model.ts';
import { DATA_TYPE } from '../model.ts';

/** Creates a float32 constant. Default values: sin(1), sin(2), … */
export function floats(name: string, dims: readonly number[], values?: readonly number[]): ConstantTensor {
  const count = dims.reduce((product, dim) => product * dim, 1);
  const data = Float32Array.from(values ?? Array.from({ length: count }, (_, i) => Math.sin(i + 1)));
  return {
    name,
    dims,
    dataType: DATA_TYPE.float32,
    storage: { kind: 'raw', bytes: new Uint8Array(data.buffer) },
  };
}

export function value(name: string, dims: readonly (number | string | null)[], dataType = 1): ValueInfo {
  return { name, type: { kind: 'tensor', dataType, dims } };
}

export function node(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: readonly Attribute[] = [],
): Node {
  return { name: '', opType, domain: '', inputs, outputs, attributes };
}

export function graph(parts: Partial<Graph>): Graph {
  return {
    name: 'graph',
    nodes: [],
    initializers: [],
    sparseInitializers: [],
    inputs: [],
    outputs: [],
    valueInfos: [],
    ...parts,
  };
}

export function model(parts: Partial<Graph>): Model {
  return {
    irVersion: 8,
    producer: 'test',
    opsetImports: [{ domain: '', version: 17 }],
    functions: [],
    graph: graph(parts),
  };
}

/** Returns the model x [1, 4] → Gemm (3 rows) → Relu → y [1, 3]. */
export function smallModel(): Model {
  return model({
    nodes: [node('Gemm', ['x', 'w', 'b'], ['h']), node('Relu', ['h'], ['y'])],
    initializers: [floats('w', [4, 3]), floats('b', [3])],
    inputs: [value('x', [1, 4])],
    outputs: [value('y', [1, 3])],
  });
}
