import { readFileSync } from 'node:fs';
import { type ConstantTensor, DATA_TYPE, type Model, readModel } from '@sparewheel/onnx';
import { floats, model, node, value } from '@sparewheel/onnx/testing';
import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { createPlan } from './planner.ts';
import { feedsFor, int, ints, result, text } from './testing/exported.ts';
import { relativeError } from './testing/public-graphs.ts';
import { loadRealModel, REAL_MODELS_ARE_HERE } from './testing/real-models.ts';
import { prepareModel } from './testing/run-plans.ts';

type IntegerType = 'int8' | 'uint8' | 'int32';
const ARRAYS = { int8: Int8Array, uint8: Uint8Array, int32: Int32Array };

/** Creates an integer constant. Default values: spread over the whole range of 8 bits. */
function integers(
  name: string,
  type: IntegerType,
  dims: readonly number[],
  values?: readonly number[],
): ConstantTensor {
  const count = dims.reduce((product, dim) => product * dim, 1);
  const lowest = type === 'uint8' ? 0 : -127;
  const data = ARRAYS[type].from(
    values ?? Array.from({ length: count }, (_, i) => lowest + ((i * 89) % 255)),
  );
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { name, dims, dataType: DATA_TYPE[type], storage: { kind: 'raw', bytes } };
}

const scales = (name: string, rows: number) =>
  floats(
    name,
    [rows],
    Array.from({ length: rows }, (_, row) => 0.004 + 0.001 * (row % 7)),
  );
const quantizedInput = [floats('xs', [], [0.01])];

const GRAPHS: Readonly<Record<string, Model>> = {
  'dynamic quantization with a zero point for each column of uint8 weights': model({
    inputs: [value('x', [3, 20])],
    initializers: [
      integers('w', 'uint8', [20, 13]),
      integers(
        'wz',
        'uint8',
        [13],
        Array.from({ length: 13 }, (_, i) => 100 + 5 * i),
      ),
      scales('ws', 13),
    ],
    nodes: [
      node('DynamicQuantizeLinear', ['x'], ['q', 's', 'z']),
      node('MatMulInteger', ['q', 'w', 'z', 'wz'], ['i']),
      node('Cast', ['i'], ['c'], [int('to', DATA_TYPE.float32)]),
      node('Mul', ['s', 'ws'], ['m']),
      node('Mul', ['c', 'm'], ['y']),
    ],
    outputs: [value('y', [3, 13])],
  }),
  'integers in and out, with one zero point for all weights': model({
    inputs: [value('x', [2, 5, 12])],
    initializers: [
      ...quantizedInput,
      integers('xz', 'int8', [], [-3]),
      integers('w', 'int8', [12, 9]),
      integers('wz', 'int8', [], [7]),
    ],
    nodes: [
      node('QuantizeLinear', ['x', 'xs', 'xz'], ['q']),
      node('MatMulInteger', ['q', 'w', 'xz', 'wz'], ['y']),
    ],
    outputs: [value('y', [2, 5, 9], DATA_TYPE.int32)],
  }),
  'weights on the left': model({
    inputs: [value('x', [12, 3])],
    initializers: [...quantizedInput, integers('xz', 'uint8', [], [128]), integers('w', 'uint8', [9, 12])],
    nodes: [
      node('QuantizeLinear', ['x', 'xs', 'xz'], ['q']),
      node('MatMulInteger', ['w', 'q', '', 'xz'], ['y']),
    ],
    outputs: [value('y', [9, 3], DATA_TYPE.int32)],
  }),
  'a dynamic convolution with padding, strides and groups': model({
    inputs: [value('x', [2, 4, 7, 6])],
    initializers: [integers('w', 'int8', [10, 2, 3, 3]), floats('ws', [], [0.02])],
    nodes: [
      node('DynamicQuantizeLinear', ['x'], ['q', 's', 'z']),
      node(
        'ConvInteger',
        ['q', 'w', 'z'],
        ['i'],
        [ints('pads', 1, 0, 1, 2), ints('strides', 2, 1), int('group', 2)],
      ),
      node('Cast', ['i'], ['c'], [int('to', DATA_TYPE.float32)]),
      node('Mul', ['s', 'ws'], ['m']),
      node('Mul', ['c', 'm'], ['y']),
    ],
    outputs: [result('y')],
  }),
  'QLinearConv with scales for each channel, a bias and int8 activations': model({
    inputs: [value('x', [1, 4, 6, 6])],
    initializers: [
      ...quantizedInput,
      integers('xz', 'int8', [], [-5]),
      integers('w', 'int8', [10, 4, 3, 3]),
      scales('ws', 10),
      integers('wz', 'int8', [10], new Array(10).fill(0)),
      floats('ys', [], [0.05]),
      integers('yz', 'int8', [], [3]),
      integers('b', 'int32', [10]),
    ],
    nodes: [
      node('QuantizeLinear', ['x', 'xs', 'xz'], ['q']),
      node(
        'QLinearConv',
        ['q', 'xs', 'xz', 'w', 'ws', 'wz', 'ys', 'yz', 'b'],
        ['y'],
        [text('auto_pad', 'SAME_UPPER')],
      ),
    ],
    outputs: [result('y', DATA_TYPE.int8)],
  }),
  'QLinearMatMul with a scale for each column': model({
    inputs: [value('x', [4, 15])],
    initializers: [
      ...quantizedInput,
      integers('xz', 'uint8', [], [120]),
      integers('w', 'int8', [15, 11]),
      scales('ws', 11),
      integers('wz', 'int8', [11], new Array(11).fill(0)),
      floats('ys', [], [0.04]),
      integers('yz', 'uint8', [], [128]),
    ],
    nodes: [
      node('QuantizeLinear', ['x', 'xs', 'xz'], ['q']),
      node('QLinearMatMul', ['q', 'xs', 'xz', 'w', 'ws', 'wz', 'ys', 'yz'], ['o']),
      node('DequantizeLinear', ['o', 'ys', 'yz'], ['y']),
    ],
    outputs: [value('y', [4, 11])],
  }),
  'a QDQ network: Conv with integer bias, Relu, Gemm with float bias': model({
    inputs: [value('x', [1, 3, 5, 5])],
    initializers: [
      ...quantizedInput,
      integers('xz', 'uint8', [], [128]),
      integers('w', 'int8', [8, 3, 3, 3]),
      scales('ws', 8),
      integers('wz', 'int8', [8], new Array(8).fill(0)),
      integers('b', 'int32', [8]),
      floats(
        'bs',
        [8],
        Array.from({ length: 8 }, (_, row) => 0.01 * (0.004 + 0.001 * (row % 7))),
      ),
      floats('hs', [], [0.03]),
      integers('hz', 'uint8', [], [10]),
      integers('v', 'uint8', [9, 72]),
      floats('vs', [], [0.002]),
      integers('vz', 'uint8', [], [130]),
      floats('c', [9]),
    ],
    nodes: [
      node('QuantizeLinear', ['x', 'xs', 'xz'], ['q']),
      node('DequantizeLinear', ['q', 'xs', 'xz'], ['d']),
      node('DequantizeLinear', ['w', 'ws', 'wz'], ['wd'], [int('axis', 0)]),
      node('DequantizeLinear', ['b', 'bs'], ['bd'], [int('axis', 0)]),
      node('Conv', ['d', 'wd', 'bd'], ['h']),
      node('QuantizeLinear', ['h', 'hs', 'hz'], ['hq']),
      node('DequantizeLinear', ['hq', 'hs', 'hz'], ['hd']),
      node('Relu', ['hd'], ['r']),
      node('Flatten', ['r'], ['f']),
      node('QuantizeLinear', ['f', 'hs', 'hz'], ['fq']),
      node('DequantizeLinear', ['fq', 'hs', 'hz'], ['fd']),
      node('DequantizeLinear', ['v', 'vs', 'vz'], ['vd']),
      node('Gemm', ['fd', 'vd', 'c'], ['y'], [int('transB', 1)]),
    ],
    outputs: [value('y', [1, 9])],
  }),
};

/** Graphs whose layers stay local, with a part of the reason. */
const LOCAL: Readonly<Record<string, readonly [model: Model, reason: RegExp]>> = {
  'weights that are computed': [
    model({
      inputs: [value('x', [4, 4])],
      initializers: [floats('v', [4, 8])],
      nodes: [
        node('DynamicQuantizeLinear', ['x'], ['q', 's', 'z']),
        node('MatMulInteger', ['q', 'q', 'z', 'z'], ['i']),
        node('Cast', ['i'], ['c'], [int('to', DATA_TYPE.float32)]),
        node('MatMul', ['c', 'v'], ['y']),
      ],
      outputs: [value('y', [4, 8])],
    }),
    /no constant weights/,
  ],
  'a scale that is computed': [
    model({
      inputs: [value('x', [2, 8])],
      initializers: [
        ...quantizedInput,
        integers('w', 'int8', [8, 6]),
        integers('wz', 'int8', [], [0]),
        floats('ys', [], [0.1]),
        integers('yz', 'uint8', [], [128]),
        floats('v', [6, 8]),
      ],
      nodes: [
        node('DynamicQuantizeLinear', ['x'], ['q', 's', 'z']),
        node('QLinearMatMul', ['q', 's', 'z', 'w', 'xs', 'wz', 'ys', 'yz'], ['o']),
        node('DequantizeLinear', ['o', 'ys', 'yz'], ['h']),
        node('MatMul', ['h', 'v'], ['y']),
      ],
      outputs: [value('y', [2, 8])],
    }),
    /scales and zero points/,
  ],
};

/** Checks a model over 3 + 1 and 4 + 2 seats: equal outputs whatever single seat is dead. */
async function expectExact(whole: Model, feeds: Readonly<Record<string, Tensor>>, layers: number) {
  const prepared = await prepareModel(whole);
  const expected = await prepared.expected(feeds);
  for (const [k, r] of [
    [3, 1],
    [4, 2],
  ] as const) {
    const plan = createPlan(prepared.profile, { k, r, strategy: 'coded', layers: 'all' });
    const coded = plan.steps.filter((step) => step.kind === 'coded');
    expect(coded.map(({ answers }) => answers)).toEqual(new Array(layers).fill('int32'));
    const deadSets = [
      [],
      ...plan.seats.map(({ seat }) => [seat]),
      ...(r === 2
        ? [
            [0, 1],
            [2, 3],
            [1, 4],
          ]
        : []),
    ];
    const [healthy, ...degraded] = await prepared.run(plan, feeds, deadSets);
    for (const [name, tensor] of Object.entries(expected)) {
      expect(healthy![name]!.dims).toEqual(tensor.dims);
      expect(relativeError(healthy![name]!, tensor)).toBeLessThan(1e-6);
      for (const outputs of degraded) expect(outputs[name]!.data).toEqual(healthy![name]!.data);
    }
  }
  prepared.release();
}

describe('a quantized graph gives equal outputs with each device dead:', () => {
  it.each(Object.entries(GRAPHS))('%s', async (name, quantized) => {
    await expectExact(quantized, feedsFor(quantized), name.startsWith('a QDQ network') ? 2 : 1);
  });

  it.skipIf(!REAL_MODELS_ARE_HERE).each(['matmul_integer', 'qlinear_conv', 'qdq_gemm'])(
    'the published graph %s',
    async (name) => {
      const { modelPath, inputs } = loadRealModel(name);
      await expectExact(readModel(readFileSync(modelPath)), inputs, 1);
    },
  );
});

describe('a quantized layer stays local', () => {
  it.each(Object.entries(LOCAL))('with %s, and the plan says why', async (_, [whole, reason]) => {
    const prepared = await prepareModel(whole);
    const feeds = feedsFor(whole);
    const plan = createPlan(prepared.profile, { k: 2, r: 1, strategy: 'coded', layers: 'all' });
    const local = plan.decisions.filter(({ distributed }) => !distributed);
    expect(local.map((decision) => decision.reason).join()).toMatch(reason);
    const expected = await prepared.expected(feeds);
    for (const outputs of await prepared.run(plan, feeds, [[], [0]])) {
      expect(relativeError(outputs.y!, expected.y!)).toBeLessThan(1e-5);
    }
    prepared.release();
  });

  it('if two parities cannot recover its largest outputs exactly', async () => {
    const [k, r] = [8, 2];
    const columns = 2 ** 13 + 64;
    const wide = model({
      inputs: [value('x', [1, columns], DATA_TYPE.uint8)],
      initializers: [integers('w', 'int8', [columns, 8], new Array(8 * columns).fill(-128))],
      nodes: [node('MatMulInteger', ['x', 'w'], ['y'])],
      outputs: [value('y', [1, 8], DATA_TYPE.int32)],
    });
    const prepared = await prepareModel(wide);
    const { decisions } = createPlan(prepared.profile, { k, r, strategy: 'coded', layers: 'all' });
    expect(decisions).toMatchObject([{ distributed: false }]);
    expect(decisions[0]!.reason).toMatch(/28 bits that are recovered exactly with k = 8, r = 2/);
    const single = createPlan(prepared.profile, { k, r: 1, strategy: 'coded', layers: 'all' });
    const x = new Tensor('uint8', new Uint8Array(columns).fill(255), [1, columns]);
    const [healthy, ...degraded] = await prepared.run(single, { x }, [[], [0], [7], [8]]);
    for (const outputs of degraded) expect(outputs.y!.data).toEqual(healthy!.y!.data);
    prepared.release();
  });

  it('not if its own weights are small enough, although the largest ones would not be', async () => {
    const columns = 2 ** 13 + 64;
    const wide = model({
      inputs: [value('x', [1, columns], DATA_TYPE.uint8)],
      initializers: [integers('w', 'int8', [columns, 8])],
      nodes: [node('MatMulInteger', ['x', 'w'], ['y'])],
      outputs: [value('y', [1, 8], DATA_TYPE.int32)],
    });
    const prepared = await prepareModel(wide);
    const plan = createPlan(prepared.profile, { k: 8, r: 2, strategy: 'coded', layers: 'all' });
    expect(plan.decisions).toMatchObject([{ distributed: true }]);
    // Inputs that give the largest outputs: 255 for each positive weight of the first column.
    const { bytes } = wide.graph.initializers[0]!.storage as { bytes: Uint8Array };
    const weights = new Int8Array(bytes.buffer);
    const x = Uint8Array.from({ length: columns }, (_, i) => (weights[8 * i]! > 0 ? 255 : 0));
    const dead = [[], [0, 1], [3, 7], [0, 8], [8, 9]];
    const feeds = { x: new Tensor('uint8', x, [1, columns]) };
    const expected = await prepared.expected(feeds);
    for (const outputs of await prepared.run(plan, feeds, dead)) {
      expect(outputs.y!.data).toEqual(expected.y!.data);
    }
    prepared.release();
  });

  it('costs one more plane of int8 on the parity device', async () => {
    const prepared = await prepareModel(GRAPHS['weights on the left']!);
    const { seats } = createPlan(prepared.profile, { k: 3, r: 1, strategy: 'coded', layers: 'all' });
    expect(seats.map(({ weightsBytes }) => weightsBytes)).toEqual([36, 36, 36, 72]);
    prepared.release();
  });
});
