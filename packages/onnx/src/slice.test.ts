import { elementCount } from '@sparewheel/protocol';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { constantsOf, shapesOf } from './linear.ts';
import { type Attribute, type ConstantTensor, DATA_TYPE, type Model } from './model.ts';
import { type AnalyzedRun, analyzeSlice, isSliceable, sliceableRuns } from './slice.ts';
import { sliceModel } from './slice-model.ts';
import { externalDataFrom, NO_EXTERNAL_DATA, tensorBytes } from './tensor-data.ts';
import { floats, model, node, value } from './testing/small-model.ts';
import { joinChunks, writeModel } from './writer.ts';

const int = (name: string, number: number): Attribute => ({ name, kind: 'int', value: BigInt(number) });
const perm = (...axes: number[]): Attribute => ({ name: 'perm', kind: 'ints', value: axes.map(BigInt) });
const integers = (name: string, ...values: number[]): ConstantTensor => ({
  name,
  dims: [values.length],
  dataType: DATA_TYPE.int64,
  storage: { kind: 'raw', bytes: new Uint8Array(BigInt64Array.from(values, BigInt).buffer) },
});
const small = (name: string, dims: readonly number[]) =>
  floats(
    name,
    dims,
    Array.from({ length: elementCount(dims) }, (_, i) => 0.3 * Math.sin(1.3 * i + name.length + dims.length)),
  );

/** x [1, 3, 8] → joined gate and up → Sigmoid, Mul → down → y. */
function gatedMlp(hidden: number): Model {
  const whole = (name: string, size: number) => value(name, [1, 3, size]);
  return model({
    nodes: [
      node('MatMul', ['x', 'gate-up'], ['joined']),
      node('Add', ['joined', 'bias'], ['biased']),
      node('Split', ['biased', 'sizes'], ['gate', 'up'], [int('axis', -1)]),
      node('Sigmoid', ['gate'], ['sigmoid']),
      node('Mul', ['gate', 'sigmoid'], ['silu']),
      node('Mul', ['silu', 'up'], ['product']),
      node('Mul', ['product', 'half'], ['halved']),
      node('MatMul', ['halved', 'down'], ['y']),
    ],
    initializers: [
      small('gate-up', [8, 2 * hidden]),
      small('bias', [2 * hidden]),
      small('half', []),
      integers('sizes', hidden, hidden),
      small('down', [hidden, 8]),
    ],
    inputs: [whole('x', 8)],
    valueInfos: [
      whole('joined', 2 * hidden),
      whole('biased', 2 * hidden),
      ...['gate', 'up', 'sigmoid', 'silu', 'product', 'halved'].map((name) => whole(name, hidden)),
    ],
    outputs: [whole('y', 8)],
  });
}

/** Two fully-connected layers with addends, whose weights are transposed. */
function perceptron(): Model {
  return model({
    nodes: [
      node('Gemm', ['x', 'w1', 'b1'], ['h'], [int('transB', 1)]),
      node('Relu', ['h'], ['r']),
      node('Gemm', ['r', 'w2', 'b2'], ['y'], [int('transB', 1)]),
    ],
    initializers: [small('w1', [12, 6]), small('b1', [12]), small('w2', [5, 12]), small('b2', [5])],
    inputs: [value('x', [2, 6])],
    valueInfos: [value('h', [2, 12]), value('r', [2, 12])],
    outputs: [value('y', [2, 5])],
  });
}

const HEADS = 4;

/** x [1, 3, 8] → q, k, v, joined or not → attention with a mask → y. */
function attention(joined: boolean): Model {
  const split = (name: string, order: readonly number[]) => [
    node('Reshape', [name, 'to-heads'], [`${name}-heads`]),
    node('Transpose', [`${name}-heads`], [`${name}-turned`], [perm(...order)]),
  ];
  const names = ['q', 'k', 'v'];
  return model({
    nodes: [
      ...(joined
        ? [node('MatMul', ['x', 'w'], ['qkv']), node('Split', ['qkv', 'sizes'], names, [int('axis', 2)])]
        : names.map((name) => node('MatMul', ['x', `w-${name}`], [name]))),
      ...split('q', [0, 2, 1, 3]),
      ...split('k', [0, 2, 3, 1]),
      ...split('v', [0, 2, 1, 3]),
      node('MatMul', ['q-turned', 'k-turned'], ['scores']),
      node('Add', ['scores', 'mask'], ['masked']),
      node('Softmax', ['masked'], ['weights'], [int('axis', -1)]),
      node('MatMul', ['weights', 'v-turned'], ['mixed']),
      node('Transpose', ['mixed'], ['back'], [perm(0, 2, 1, 3)]),
      node('Reshape', ['back', 'to-flat'], ['flat']),
      node('MatMul', ['flat', 'out'], ['y']),
    ],
    initializers: [
      ...(joined ? [small('w', [8, 24])] : names.map((name) => small(`w-${name}`, [8, 8]))),
      integers('sizes', 8, 8, 8),
      integers('to-heads', 1, -1, HEADS, 2),
      integers('to-flat', 1, -1, 8),
      small('out', [8, 8]),
    ],
    inputs: [value('x', [1, 3, 8]), value('mask', [1, 1, 3, 3])],
    valueInfos: [
      value('qkv', [1, 3, 24]),
      ...names.map((name) => value(name, [1, 3, 8])),
      ...names.map((name) => value(`${name}-heads`, [1, 3, HEADS, 2])),
      value('q-turned', [1, HEADS, 3, 2]),
      value('k-turned', [1, HEADS, 2, 3]),
      value('v-turned', [1, HEADS, 3, 2]),
      ...['scores', 'masked', 'weights'].map((name) => value(name, [1, HEADS, 3, 3])),
      value('mixed', [1, HEADS, 3, 2]),
      value('back', [1, 3, HEADS, 2]),
      value('flat', [1, 3, 8]),
    ],
    outputs: [value('y', [1, 3, 8])],
  });
}

const analyzed = (whole: Model, last = whole.graph.nodes.length - 1) =>
  analyzeSlice(whole, last, constantsOf(whole.graph), shapesOf(whole.graph));

async function run(made: Model, output: string): Promise<Float32Array> {
  const session = await InferenceSession.create(joinChunks(writeModel(made)), { logSeverityLevel: 4 });
  const feeds = made.graph.inputs.map(({ name, type }) => {
    const dims = type?.kind === 'tensor' ? (type.dims as number[]) : [];
    const data = Float32Array.from({ length: elementCount(dims) }, (_, i) => Math.sin(i * 0.7 + name.length));
    return [name, new Tensor('float32', data, dims)];
  });
  const results = await session.run(Object.fromEntries(feeds));
  await session.release();
  return results[output]!.data as Float32Array;
}

/** Moves all constants into a file. */
function withExternalConstants(whole: Model) {
  let at = 0;
  const files: Uint8Array[] = [];
  const initializers = whole.graph.initializers.map((tensor): ConstantTensor => {
    if (tensor.dataType !== DATA_TYPE.float32) return tensor;
    const bytes = tensorBytes(tensor, NO_EXTERNAL_DATA);
    files.push(bytes);
    at += bytes.byteLength;
    const offset = at - bytes.byteLength;
    return { ...tensor, storage: { kind: 'external', location: 'file', offset, length: bytes.byteLength } };
  });
  const external = externalDataFrom(new Map([['file', joinChunks(files)]]));
  return { model: { ...whole, graph: { ...whole.graph, initializers } }, external };
}

describe('a run of layers in slices', () => {
  it.each([
    ['a gated MLP with joined gate and up', gatedMlp(12), 12],
    ['two fully-connected layers', perceptron(), 12],
    ['attention with a joined product', attention(true), HEADS],
    ['attention with three products', attention(false), HEADS],
  ])('gives the result of the whole as a sum: %s', async (_, whole, units) => {
    const found = analyzed(whole) as AnalyzedRun;
    expect(found).not.toHaveProperty('reason');
    expect(found.units).toBe(units);
    const expected = await run(whole, 'y');
    const loaded = [{ model: whole, external: NO_EXTERNAL_DATA }, withExternalConstants(whole)];
    for (const slices of [1, 2, 3, 4]) {
      const total = new Float32Array(expected.length);
      for (let slice = 0; slice < slices; slice++) {
        const part = {
          from: Math.floor((slice * units) / slices),
          to: Math.floor(((slice + 1) * units) / slices),
        };
        const { model: source, external } = loaded[slice % 2]!;
        const constants = constantsOf(source.graph);
        const made = sliceModel(
          { model: source, external },
          found,
          constants,
          shapesOf(whole.graph),
          part,
          'part',
        );
        const weights = made.graph.initializers.map((tensor) => ({
          ...tensor,
          storage: { kind: 'raw' as const, bytes: tensorBytes(tensor, external) },
        }));
        const answer = await run({ ...made, graph: { ...made.graph, initializers: weights } }, 'part');
        for (const [i, each] of answer.entries()) total[i]! += each;
      }
      for (const [i, each] of expected.entries()) expect(total[i]).toBeCloseTo(each, 5);
    }
  });

  it('holds only its part of the weights', () => {
    const whole = gatedMlp(12);
    const loaded = { model: whole, external: NO_EXTERNAL_DATA };
    const part = { from: 3, to: 6 };
    const found = analyzed(whole) as AnalyzedRun;
    const made = sliceModel(loaded, found, constantsOf(whole.graph), shapesOf(whole.graph), part, 'part');
    const dims = made.graph.initializers.map((tensor) => [tensor.name.split('/')[0], tensor.dims]);
    expect(Object.fromEntries(dims)).toMatchObject({ 'gate-up': [8, 6], bias: [6], down: [3, 8] });
  });

  it('is found once for each layer that can end one', () => {
    const { graph } = gatedMlp(12);
    const twice = model({ ...graph, outputs: [...graph.outputs] });
    const [found, ...others] = sliceableRuns(twice, constantsOf(graph), shapesOf(graph));
    expect(others).toEqual([]);
    expect(found).toEqual({
      nodes: [0, 1, 2, 3, 4, 5, 6, 7],
      first: [0],
      feeds: ['x'],
      fetch: 'y',
      units: 12,
    });
    expect(JSON.parse(JSON.stringify(found))).toEqual(found);
  });

  const between = (inner: Model['graph']['nodes'][number], more: Partial<Model['graph']> = {}): Model =>
    model({
      nodes: [node('MatMul', ['x', 'w1'], ['h']), inner, node('MatMul', ['a', 'w2'], ['y'])],
      initializers: [small('w1', [4, 6]), small('w2', [6, 4]), small('norm', [6])],
      inputs: [value('x', [2, 4])],
      valueInfos: [value('h', [2, 6]), value('a', [2, 6])],
      outputs: [value('y', [2, 4])],
      ...more,
    });

  it.each<[string, Model]>([
    ['combines the columns', between(node('LayerNormalization', ['h', 'norm'], ['a'], [int('axis', -1)]))],
    ['combines the columns', between(node('Softmax', ['h'], ['a'], [int('axis', -1)]))],
    [
      '"h" is an output of the model',
      between(node('Relu', ['h'], ['a']), { outputs: [value('y', [2, 4]), value('h', [2, 6])] }),
    ],
    [
      '"skip" comes from outside',
      between(node('Add', ['h', 'skip'], ['a']), { inputs: [value('x', [2, 4]), value('skip', [2, 6])] }),
    ],
    ['is not an operator of ONNX', between({ ...node('Relu', ['h'], ['a']), domain: 'com.example' })],
    [
      'operator set 12 is older than 13',
      { ...between(node('Relu', ['h'], ['a'])), opsetImports: [{ domain: '', version: 12 }] },
    ],
    [
      '"h" is also used by "Tanh"',
      model({
        ...between(node('Relu', ['h'], ['a'])).graph,
        nodes: [...between(node('Relu', ['h'], ['a'])).graph.nodes, node('Tanh', ['h'], ['z'])],
        outputs: [value('y', [2, 4]), value('z', [2, 6])],
      }),
    ],
  ])('is refused with a reason: %s', (reason, whole) => {
    const found = analyzed(whole, 2);
    expect(isSliceable(found)).toBe(false);
    expect(found).toMatchObject({ reason: expect.stringContaining(reason) });
  });

  it('is refused if the last layer has no constant weights', () => {
    const whole = between(node('Relu', ['h'], ['a']));
    expect(analyzed(whole, 1)).toMatchObject({ reason: expect.stringContaining('constant float32 weights') });
  });
});
