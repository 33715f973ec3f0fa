import { type Attribute, type Model, type Node, writeModel } from '@sparewheel/onnx';
import { floats, model, node, value } from '@sparewheel/onnx/testing';
import { seededWeights } from '../seeded-weights.ts';

/** The networks of the speed benchmarks that the zoo does not ship, with random weights. */
export const NETWORKS = {
  /** ResNet-18 with batch normalization folded into the convolutions: 21 convolutions and fully-connected layers. */
  'resnet-18': resnet18,
  /** A decoder of 12 layers, d = 1024, hidden 2816, one token, no cache: 85 linear layers. */
  decoder,
} as const;

export type NetworkName = keyof typeof NETWORKS;

/** Returns the ONNX bytes of a network. */
export function networkBytes(name: NetworkName): Uint8Array {
  return Buffer.concat(writeModel(NETWORKS[name]()));
}

const ints = (name: string, ...values: number[]): Attribute => ({
  name,
  kind: 'ints',
  value: values.map(BigInt),
});
const int = (name: string, number: number): Attribute => ({ name, kind: 'int', value: BigInt(number) });

/** Collects nodes and weights, and names tensors. */
class Builder {
  readonly nodes: Node[] = [];
  readonly initializers: ReturnType<typeof floats>[] = [];
  #names = 0;

  weights(dims: readonly number[], scale: number): string {
    const name = `w${this.initializers.length}`;
    const count = dims.reduce((product, dim) => product * dim, 1);
    const data = seededWeights(count, 1 + this.initializers.length).map((weight) => weight * scale);
    this.initializers.push({
      ...floats(name, dims, []),
      storage: { kind: 'raw', bytes: new Uint8Array(data.buffer) },
    });
    return name;
  }

  integers(...values: number[]): string {
    const name = `s${this.initializers.length}`;
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    this.initializers.push({ name, dims: [values.length], dataType: 7, storage: { kind: 'raw', bytes } });
    return name;
  }

  add(
    opType: string,
    inputs: readonly string[],
    attributes: readonly Attribute[] = [],
    output = `t${this.#names++}`,
  ) {
    this.nodes.push({
      ...node(opType, inputs, [output], attributes),
      name: `${opType}-${this.nodes.length}`,
    });
    return output;
  }
}

function resnet18(): Model {
  const net = new Builder();
  const conv = (x: string, from: number, to: number, kernel: number, stride: number, pad: number) =>
    net.add(
      'Conv',
      [
        x,
        net.weights([to, from, kernel, kernel], Math.sqrt(2 / (from * kernel * kernel))),
        net.weights([to], 0.01),
      ],
      [
        ints('kernel_shape', kernel, kernel),
        ints('strides', stride, stride),
        ints('pads', pad, pad, pad, pad),
      ],
    );
  const relu = (x: string) => net.add('Relu', [x]);
  let x = relu(conv('image', 3, 64, 7, 2, 3));
  x = net.add('MaxPool', [x], [ints('kernel_shape', 3, 3), ints('strides', 2, 2), ints('pads', 1, 1, 1, 1)]);
  let channels = 64;
  for (const [width, stride] of [
    [64, 1],
    [64, 1],
    [128, 2],
    [128, 1],
    [256, 2],
    [256, 1],
    [512, 2],
    [512, 1],
  ] as const) {
    const shortcut = stride === 1 ? x : conv(x, channels, width, 1, stride, 0);
    const inner = relu(conv(x, channels, width, 3, stride, 1));
    x = relu(net.add('Add', [conv(inner, width, width, 3, 1, 1), shortcut]));
    channels = width;
  }
  x = net.add('Flatten', [net.add('GlobalAveragePool', [x])]);
  net.add(
    'Gemm',
    [x, net.weights([1000, 512], 0.05), net.weights([1000], 0.01)],
    [int('transB', 1)],
    'logits',
  );
  return model({
    nodes: net.nodes,
    initializers: net.initializers,
    inputs: [value('image', [1, 3, 224, 224])],
    outputs: [value('logits', [1, 1000])],
  });
}

function decoder(): Model {
  const [layers, width, hidden, heads, vocabulary] = [12, 1024, 2816, 16, 512];
  const net = new Builder();
  const product = (x: string, from: number, to: number) =>
    net.add('MatMul', [x, net.weights([from, to], 1 / Math.sqrt(from))]);
  const norm = (x: string) =>
    net.add(
      'LayerNormalization',
      [x, net.weights([width], 1), net.weights([width], 0.01)],
      [int('axis', -1)],
    );
  const split = (x: string, order: readonly number[]) =>
    net.add(
      'Transpose',
      [net.add('Reshape', [x, net.integers(1, -1, heads, width / heads)])],
      [ints('perm', ...order)],
    );
  let x = 'token';
  for (let layer = 0; layer < layers; layer++) {
    const a = norm(x);
    const [q, k, v] = [product(a, width, width), product(a, width, width), product(a, width, width)];
    const scores = net.add('MatMul', [split(q, [0, 2, 1, 3]), split(k, [0, 2, 3, 1])]);
    const mixed = net.add('MatMul', [
      net.add('Softmax', [scores], [int('axis', -1)]),
      split(v, [0, 2, 1, 3]),
    ]);
    const joined = net.add('Reshape', [
      net.add('Transpose', [mixed], [ints('perm', 0, 2, 1, 3)]),
      net.integers(1, -1, width),
    ]);
    x = net.add('Add', [x, product(joined, width, width)]);
    const b = norm(x);
    const gate = product(b, width, hidden);
    const gated = net.add('Mul', [
      net.add('Mul', [gate, net.add('Sigmoid', [gate])]),
      product(b, width, hidden),
    ]);
    x = net.add('Add', [x, product(gated, hidden, width)]);
  }
  net.add('MatMul', [norm(x), net.weights([width, vocabulary], 1 / Math.sqrt(width))], [], 'logits');
  return model({
    nodes: net.nodes,
    initializers: net.initializers,
    inputs: [value('token', [1, 1, width])],
    outputs: [value('logits', [1, 1, vocabulary])],
  });
}
