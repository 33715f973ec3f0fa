import { type Attribute, joinChunks, type Model, NO_EXTERNAL_DATA, writeModel } from '@sparewheel/onnx';
import { floats, model, node, value } from '@sparewheel/onnx/testing';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, it } from 'vitest';
import { mergeSiblings } from './merge-siblings.ts';

const int = (name: string, number: number): Attribute => ({ name, kind: 'int', value: BigInt(number) });
const named = (made: Model): Model => ({
  ...made,
  graph: {
    ...made.graph,
    nodes: made.graph.nodes.map((each, index) => ({ ...each, name: `${each.opType}-${index}` })),
  },
});

/** Runs a model on a fixed input and returns its outputs by name. */
async function run(made: Model, dims: readonly number[]): Promise<Record<string, number[]>> {
  const session = await InferenceSession.create(joinChunks(writeModel(made)), { logSeverityLevel: 4 });
  const count = dims.reduce((all, dim) => all * dim, 1);
  const x = new Tensor(
    'float32',
    Float32Array.from({ length: count }, (_, i) => Math.cos(i)),
    dims,
  );
  const results = await session.run({ x });
  await session.release();
  return Object.fromEntries(
    Object.entries(results).map(([name, { data }]) => [name, [...(data as Float32Array)]]),
  );
}

const attention = named(
  model({
    nodes: [
      node('MatMul', ['x', 'wq'], ['q']),
      node('MatMul', ['x', 'wk'], ['k']),
      node('Relu', ['q'], ['a']),
      node('MatMul', ['x', 'wv'], ['v']),
    ],
    initializers: [floats('wq', [5, 4]), floats('wk', [5, 2]), floats('wv', [5, 3])],
    inputs: [value('x', [1, 3, 5])],
    outputs: [value('a', [1, 3, 4]), value('k', [1, 3, 2]), value('v', [1, 3, 3])],
  }),
);

const gemms = (transB: 0 | 1) =>
  named(
    model({
      nodes: [
        node('Gemm', ['x', 'w1', 'b1'], ['y1'], [int('transB', transB)]),
        node('Gemm', ['x', 'w2', 'b2'], ['y2'], [int('transB', transB)]),
      ],
      initializers: [
        floats('w1', transB ? [4, 5] : [5, 4]),
        floats('b1', [4]),
        floats('w2', transB ? [3, 5] : [5, 3]),
        floats('b2', [3]),
      ],
      inputs: [value('x', [2, 5])],
      outputs: [value('y1', [2, 4]), value('y2', [2, 3])],
    }),
  );

const branches = named(
  model({
    nodes: [
      node('Conv', ['x', 'w1', 'b1'], ['y1']),
      node('Conv', ['x', 'w2', 'b2'], ['y2']),
      node('Conv', ['x', 'w3', 'b3'], ['y3'], [{ name: 'strides', kind: 'ints', value: [2n, 2n] }]),
    ],
    initializers: [
      floats('w1', [4, 2, 1, 1]),
      floats('b1', [4]),
      floats('w2', [3, 2, 1, 1]),
      floats('b2', [3]),
      floats('w3', [3, 2, 1, 1]),
      floats('b3', [3]),
    ],
    inputs: [value('x', [1, 2, 4, 4])],
    outputs: [value('y1', [1, 4, 4, 4]), value('y2', [1, 3, 4, 4]), value('y3', [1, 3, 2, 2])],
  }),
);

const merge = (made: Model) => mergeSiblings({ model: made, external: NO_EXTERNAL_DATA });
const ops = ({ graph }: Model) => graph.nodes.map(({ opType }) => opType);

it.each([
  ['products of one input', attention, [1, 3, 5], ['MatMul', 'Split', 'Relu']],
  ['Gemm with weights by input', gemms(0), [2, 5], ['Gemm', 'Split']],
  ['Gemm with weights by output', gemms(1), [2, 5], ['Gemm', 'Split']],
  ['convolutions of the same window only', branches, [1, 2, 4, 4], ['Conv', 'Split', 'Conv']],
] as const)('merges %s and computes the same', async (_, made, dims, expected) => {
  const merged = merge(made);
  expect(ops(merged)).toEqual(expected);
  expect(await run(merged, dims)).toEqual(await run(made, dims));
});

it('splits by attribute in old operator sets', async () => {
  const old = { ...gemms(1), opsetImports: [{ domain: '', version: 11 }] };
  expect(await run(merge(old), [2, 5])).toEqual(await run(old, [2, 5]));
});

it('drops the weights that it merged and keeps those that others use', () => {
  const shared = {
    ...attention,
    graph: {
      ...attention.graph,
      nodes: [...attention.graph.nodes, { ...node('MatMul', ['a', 'wx'], ['z']), name: 'last' }],
      initializers: [...attention.graph.initializers, floats('wx', [4, 4])],
      outputs: [...attention.graph.outputs, value('z', [1, 3, 4])],
    },
  };
  expect(merge(shared).graph.initializers.map(({ name }) => name)).toEqual([
    'wx',
    'MatMul-0 + MatMul-1 + MatMul-3/weights',
    'MatMul-0 + MatMul-1 + MatMul-3/split/sizes',
  ]);
});

it('leaves alone what differs in its settings, its bias or its input', () => {
  const made = named(
    model({
      nodes: [
        node('Gemm', ['x', 'w', 'b'], ['y1']),
        node('Gemm', ['x', 'w'], ['y2']),
        node('Gemm', ['x', 'w', 'b'], ['y3'], [{ name: 'alpha', kind: 'float', value: 2 }]),
        node('Gemm', ['y1', 'v', 'b'], ['y4']),
      ],
      initializers: [floats('w', [5, 4]), floats('v', [4, 4]), floats('b', [4])],
      inputs: [value('x', [2, 5])],
      outputs: ['y2', 'y3', 'y4'].map((name) => value(name, [2, 4])),
    }),
  );
  expect(merge(made)).toBe(made);
});

it('keeps layers apart whose weights have very different scales', () => {
  const scaled = (factor: number): Model => {
    const made = gemms(0);
    const shrink = (bytes: Uint8Array) =>
      new Uint8Array(new Float32Array(bytes.slice().buffer).map((number) => number * factor).buffer);
    return {
      ...made,
      graph: {
        ...made.graph,
        initializers: made.graph.initializers.map((tensor) =>
          tensor.name.endsWith('2') && tensor.storage.kind === 'raw'
            ? { ...tensor, storage: { kind: 'raw', bytes: shrink(tensor.storage.bytes) } }
            : tensor,
        ),
      },
    };
  };
  expect(ops(merge(scaled(1 / 8)))).toEqual(['Gemm', 'Split']);
  expect(ops(merge(scaled(1 / 1000)))).toEqual(['Gemm', 'Gemm']);
  expect(ops(merge(scaled(1000)))).toEqual(['Gemm', 'Gemm']);
});
