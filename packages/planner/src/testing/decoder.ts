import type { Attribute, ConstantTensor, Model, Node } from '@sparewheel/onnx';
import { floats, model, node, value } from '@sparewheel/onnx/testing';

const int = (name: string, number: number): Attribute => ({ name, kind: 'int', value: BigInt(number) });

export interface DecoderSize {
  readonly layers: number;
  readonly width: number;
  readonly hidden: number;
  readonly heads: number;
  readonly tokens: number;
}

/** Builds a decoder like Llama's, without a cache: `x` [1, tokens, width] → attention and gated MLP blocks → `y`. */
export function decoder({ layers, width, hidden, heads, tokens }: DecoderSize): Model {
  const nodes: Node[] = [];
  const initializers: ConstantTensor[] = [];
  let made = 0;
  const add = (op: string, inputs: readonly string[], attributes: readonly Attribute[] = []): string => {
    const output = `t${made++}`;
    nodes.push({ ...node(op, inputs, [output], attributes), name: `${op}-${nodes.length}` });
    return output;
  };
  const weights = (dims: readonly number[]): string => {
    const count = dims.reduce((product, dim) => product * dim, 1);
    const name = `w${initializers.length}`;
    const scale = 1 / Math.sqrt(dims[0]!);
    initializers.push(
      floats(
        name,
        dims,
        Array.from({ length: count }, (_, i) => scale * Math.sin(1.7 * i + initializers.length)),
      ),
    );
    return name;
  };
  const shape = (...dims: number[]): string => {
    const name = `s${initializers.length}`;
    const bytes = new Uint8Array(BigInt64Array.from(dims, BigInt).buffer);
    initializers.push({ name, dims: [dims.length], dataType: 7, storage: { kind: 'raw', bytes } });
    return name;
  };
  const product = (x: string, from: number, to: number) => add('MatMul', [x, weights([from, to])]);
  const norm = (x: string) =>
    add('LayerNormalization', [x, weights([width]), weights([width])], [int('axis', -1)]);
  const turn = (x: string, ...order: number[]) =>
    add('Transpose', [x], [{ name: 'perm', kind: 'ints', value: order.map(BigInt) }]);
  const split = (x: string, ...order: number[]) =>
    turn(add('Reshape', [x, shape(1, -1, heads, width / heads)]), ...order);
  let x = 'x';
  for (let layer = 0; layer < layers; layer++) {
    const a = norm(x);
    const [q, k, v] = [product(a, width, width), product(a, width, width), product(a, width, width)];
    const scores = add('MatMul', [split(q, 0, 2, 1, 3), split(k, 0, 2, 3, 1)]);
    const mixed = add('MatMul', [add('Softmax', [scores], [int('axis', -1)]), split(v, 0, 2, 1, 3)]);
    const joined = add('Reshape', [turn(mixed, 0, 2, 1, 3), shape(1, -1, width)]);
    x = add('Add', [x, product(joined, width, width)]);
    const b = norm(x);
    const gate = product(b, width, hidden);
    const gated = add('Mul', [add('Mul', [gate, add('Sigmoid', [gate])]), product(b, width, hidden)]);
    x = add('Add', [x, product(gated, hidden, width)]);
  }
  nodes.push(node('MatMul', [norm(x), weights([width, 2 * width])], ['y']));
  return model({
    nodes,
    initializers,
    inputs: [value('x', [1, tokens, width])],
    outputs: [value('y', [1, tokens, 2 * width])],
  });
}
