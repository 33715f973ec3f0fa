import { type Attribute, type ConstantTensor, DATA_TYPE, type Model, type Node } from '@sparewheel/onnx';

export interface ConvLayer {
  readonly op: 'Conv' | 'ConvTranspose';
  readonly inputs: number;
  readonly outputs: number;
  readonly group: number;
  /** Whether a Relu follows. */
  readonly relu: boolean;
}

/** A chain of 3×3 convolutions with bias over [1, inputs, 6, 6], with made-up weights; output `y`. */
export function convNetwork(layers: readonly ConvLayer[]): Model {
  const nodes: Node[] = [];
  const initializers: ConstantTensor[] = [];
  let current = 'x';
  const node = (opType: string, inputs: string[], output: string, attributes: Attribute[] = []) =>
    nodes.push({ name: output, opType, domain: '', inputs, outputs: [output], attributes });
  for (const [i, { op, inputs, outputs, group, relu }] of layers.entries()) {
    const dims = op === 'Conv' ? [outputs, inputs / group, 3, 3] : [inputs, outputs / group, 3, 3];
    initializers.push(wave(`w${i}`, dims, i), wave(`b${i}`, [outputs], i + 0.5));
    node(op, [current, `w${i}`, `b${i}`], `conv${i}`, [
      { name: 'group', kind: 'int', value: BigInt(group) },
      { name: 'pads', kind: 'ints', value: [1n, 1n, 1n, 1n] },
    ]);
    current = `conv${i}`;
    if (relu) node('Relu', [current], `relu${i}`);
    if (relu) current = `relu${i}`;
  }
  node('Tanh', [current], 'y');
  const spec = (name: string, channels: number) =>
    ({ name, type: { kind: 'tensor', dataType: DATA_TYPE.float32, dims: [1, channels, 6, 6] } }) as const;
  return {
    irVersion: 8,
    producer: 'test',
    opsetImports: [{ domain: '', version: 17 }],
    functions: [],
    graph: {
      name: 'convolutions',
      nodes,
      initializers,
      sparseInitializers: [],
      inputs: [spec('x', layers[0]!.inputs)],
      outputs: [spec('y', layers.at(-1)!.outputs)],
      valueInfos: [],
    },
  };
}

function wave(name: string, dims: readonly number[], phase: number): ConstantTensor {
  const count = dims.reduce((product, dim) => product * dim, 1);
  const data = Float32Array.from({ length: count }, (_, i) => 0.2 * Math.sin(1.7 * i + phase));
  return {
    name,
    dims,
    dataType: DATA_TYPE.float32,
    storage: { kind: 'raw', bytes: new Uint8Array(data.buffer) },
  };
}
