import type { ConstantTensor, Model, Node } from '@sparewheel/onnx';
import { floats, model, node, value } from '@sparewheel/onnx/testing';

export interface ConvLayer {
  readonly op: 'Conv' | 'ConvTranspose';
  readonly inputs: number;
  readonly outputs: number;
  readonly group: number;
  /** Whether a Relu follows the convolution. */
  readonly relu: boolean;
}

/** Builds a chain of 3 × 3 convolutions with bias over `x` [1, inputs, 6, 6], and a Tanh with output `y`. */
export function convNetwork(layers: readonly ConvLayer[]): Model {
  const nodes: Node[] = [];
  const initializers: ConstantTensor[] = [];
  let current = 'x';
  for (const [i, { op, inputs, outputs, group, relu }] of layers.entries()) {
    const dims = op === 'Conv' ? [outputs, inputs / group, 3, 3] : [inputs, outputs / group, 3, 3];
    initializers.push(wave(`w${i}`, dims, i), wave(`b${i}`, [outputs], i + 0.5));
    nodes.push(
      node(
        op,
        [current, `w${i}`, `b${i}`],
        [`conv${i}`],
        [
          { name: 'group', kind: 'int', value: BigInt(group) },
          { name: 'pads', kind: 'ints', value: [1n, 1n, 1n, 1n] },
        ],
      ),
    );
    current = `conv${i}`;
    if (!relu) continue;
    nodes.push(node('Relu', [current], [`relu${i}`]));
    current = `relu${i}`;
  }
  nodes.push(node('Tanh', [current], ['y']));
  return model({
    nodes,
    initializers,
    inputs: [value('x', [1, layers[0]!.inputs, 6, 6])],
    outputs: [value('y', [1, layers.at(-1)!.outputs, 6, 6])],
  });
}

function wave(name: string, dims: readonly number[], phase: number): ConstantTensor {
  const count = dims.reduce((product, dim) => product * dim, 1);
  return floats(
    name,
    dims,
    Array.from({ length: count }, (_, i) => 0.2 * Math.sin(1.7 * i + phase)),
  );
}
