import { type ConstantTensor, DATA_TYPE, halfToFloat32, type Model, writeModel } from '@sparewheel/onnx';
import { floats, model, node, value } from '@sparewheel/onnx/testing';
import { float16Value } from '@sparewheel/protocol';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { createPlan } from './planner.ts';
import { feedsFor, int, ints, result } from './testing/exported.ts';
import { relativeError } from './testing/public-graphs.ts';
import { prepareModel } from './testing/run-plans.ts';

/** Creates a half-precision constant of values in [-1, 1]. */
function halves(name: string, type: 'float16' | 'bfloat16', dims: readonly number[]): ConstantTensor {
  const count = dims.reduce((product, dim) => product * dim, 1);
  // 1 has the bits 0x3c00 in float16 and 0x3f80 in bfloat16; below are smaller values.
  const [lowest, span] = type === 'float16' ? [0x3000, 0x0c00] : [0x3e00, 0x0180];
  const bits = Uint16Array.from(
    { length: count },
    (_, i) => (lowest + ((i * 7919) % span)) | (i % 3 === 0 ? 0x8000 : 0),
  );
  return {
    name,
    dims,
    dataType: DATA_TYPE[type],
    storage: { kind: 'raw', bytes: new Uint8Array(bits.buffer) },
  };
}

const cast = (from: string, to: string, type: 'float16' | 'float32') =>
  node('Cast', [from], [to], [int('to', DATA_TYPE[type])]);

/** By name: a model, and the bytes of the weights of one data and of the parity seat over 3 + 1. */
const GRAPHS: Readonly<Record<string, readonly [model: Model, data: number, parity: number]>> = {
  'float16 weights and activations, in two layers': [
    model({
      inputs: [value('x', [2, 40])],
      initializers: [halves('w', 'float16', [40, 30]), halves('v', 'float16', [30, 24])],
      nodes: [
        cast('x', 'h', 'float16'),
        node('MatMul', ['h', 'w'], ['a']),
        node('Relu', ['a'], ['r']),
        node('MatMul', ['r', 'v'], ['b']),
        cast('b', 'y', 'float32'),
      ],
      outputs: [value('y', [2, 24])],
    }),
    2 * (40 * 10 + 30 * 8),
    4 * (40 * 10 + 30 * 8),
  ],
  'a float16 convolution with groups, a bias and blocks of different heights': [
    model({
      inputs: [value('x', [1, 4, 8, 8])],
      initializers: [halves('w', 'float16', [14, 2, 3, 3]), halves('b', 'float16', [14])],
      nodes: [
        cast('x', 'h', 'float16'),
        node('Conv', ['h', 'w', 'b'], ['c'], [int('group', 2), ints('pads', 1, 1, 1, 1)]),
        cast('c', 'y', 'float32'),
      ],
      outputs: [result('y')],
    }),
    // Each of the 2 groups has 7 rows, in blocks of at most 3.
    3 * (2 * (2 * 2 * 9) + 4 * 2),
    3 * (4 * (2 * 2 * 9) + 4 * 2),
  ],
  'bfloat16 weights with float32 activations, in a file': [
    model({
      inputs: [value('x', [2, 64])],
      initializers: [halves('w', 'bfloat16', [30, 64]), floats('b', [30])],
      nodes: [cast('w', 'wide', 'float32'), node('Gemm', ['x', 'wide', 'b'], ['y'], [int('transB', 1)])],
      outputs: [value('y', [2, 30])],
    }),
    10 * (2 * 64 + 4),
    10 * (4 * 64 + 4),
  ],
  'float16 weights of a last block that is shorter': [
    model({
      inputs: [value('x', [1, 64])],
      initializers: [halves('w', 'float16', [28, 64])],
      nodes: [cast('w', 'wide', 'float32'), node('Gemm', ['x', 'wide'], ['y'], [int('transB', 1)])],
      outputs: [value('y', [1, 28])],
    }),
    10 * 2 * 64,
    10 * 4 * 64,
  ],
};

/** By name: a model with float16 inputs and outputs, and the number of its coded layers over 3 + 1. */
const HALF_TENSORS: Readonly<Record<string, readonly [model: Model, coded: number]>> = {
  'a network in float16': [
    model({
      inputs: [value('x', [2, 40], DATA_TYPE.float16)],
      initializers: [
        halves('w', 'float16', [40, 30]),
        halves('b', 'float16', [30]),
        halves('v', 'float16', [30, 24]),
      ],
      nodes: [
        node('Gemm', ['x', 'w', 'b'], ['a']),
        node('Relu', ['a'], ['r']),
        node('MatMul', ['r', 'v'], ['y']),
      ],
      outputs: [value('y', [2, 24], DATA_TYPE.float16)],
    }),
    2,
  ],
  'a convolution in float16': [
    model({
      inputs: [value('x', [1, 4, 8, 8], DATA_TYPE.float16)],
      initializers: [halves('w', 'float16', [12, 4, 3, 3])],
      nodes: [
        node('Conv', ['x', 'w'], ['c'], [ints('pads', 1, 1, 1, 1)]),
        node('Sigmoid', ['c'], ['s']),
        node('GlobalAveragePool', ['s'], ['y']),
      ],
      outputs: [value('y', [1, 12, 1, 1], DATA_TYPE.float16)],
    }),
    1,
  ],
  'float16 values that pass between steps, and no layer': [
    model({
      inputs: [value('x', [2, 6], DATA_TYPE.float16)],
      initializers: [],
      nodes: [node('Transpose', ['x'], ['t']), node('Neg', ['t'], ['y'])],
      outputs: [value('y', [6, 2], DATA_TYPE.float16)],
    }),
    0,
  ],
};

describe('float16 inputs and outputs', () => {
  it.each(Object.entries(HALF_TENSORS))(
    'give the answers of ONNX Runtime, to one unit in the last place: %s',
    async (_, [whole, layers]) => {
      const prepared = await prepareModel(whole);
      expect([...prepared.profile.inputs, ...prepared.profile.outputs].map(({ type }) => type)).toEqual([
        'float16',
        'float16',
      ]);
      const feeds = feedsFor(whole);
      const expected = (await prepared.expected(feeds)).y!;
      for (const options of [
        { k: 3, r: 1, strategy: 'coded', layers: 'all' },
        { k: 4, r: 2, strategy: 'coded', layers: 'all' },
        { k: 1, r: 1, strategy: 'replicated', layers: 'all' },
      ] as const) {
        const plan = createPlan(prepared.profile, options);
        if (options.k === 3) {
          expect(plan.steps.filter(({ kind }) => kind === 'coded')).toHaveLength(layers);
        }
        for (const { y } of await prepared.run(plan, feeds, [[], ...plan.seats.map(({ seat }) => [seat])])) {
          expect([y!.type, y!.dims]).toEqual(['float16', expected.dims]);
          expect(relativeError(widened(y!), widened(expected))).toBeLessThan(2 ** -10);
        }
      }
      prepared.release();
    },
  );
});

function widened(tensor: Tensor): Tensor {
  const { buffer, byteOffset, length } = tensor.data as Uint16Array;
  const bits = new Uint16Array(buffer, byteOffset, length);
  return new Tensor('float32', Float32Array.from(bits, float16Value), tensor.dims);
}

describe('half-precision weights', () => {
  it.each(Object.entries(GRAPHS))('are divided at half the bytes: %s', async (_, [whole, data, parity]) => {
    const prepared = await prepareModel(whole);
    const feeds = feedsFor(whole);
    const expected = await prepared.expected(feeds);
    for (const [k, r] of [
      [3, 1],
      [4, 2],
    ] as const) {
      const plan = createPlan(prepared.profile, {
        k,
        r,
        strategy: 'coded',
        layers: 'all',
        splits: 'weights',
      });
      const seats = plan.seats.map(({ seat }) => seat);
      if (k === 3) {
        expect(plan.seats.map(({ weightsBytes }) => weightsBytes)).toEqual([data, data, data, parity]);
        const local = plan.steps.filter((step) => step.kind === 'local');
        // A Cast of weights belongs to the shards.
        expect(
          local.flatMap(({ nodes }) => nodes).filter((at) => prepared.profile.layers[at]!.folded),
        ).toEqual([]);
      }
      for (const outputs of await prepared.run(
        plan,
        feeds,
        [[], ...seats.map((seat) => [seat]), [0, k]].slice(0, k + r + (r > 1 ? 2 : 1)),
      )) {
        expect(outputs.y!.dims).toEqual(expected.y!.dims);
        // The sums of half-precision weights are exact in float32, so recovery is as exact as in float32.
        expect(relativeError(outputs.y!, expected.y!)).toBeLessThan(3e-6);
      }
    }
    // The whole model, and stages with replicas, read the same weights.
    const replicated = createPlan(prepared.profile, { k: 1, r: 1, strategy: 'replicated', layers: 'all' });
    for (const outputs of await prepared.run(replicated, feeds, [[], [0]])) {
      expect(relativeError(outputs.y!, expected.y!)).toBeLessThan(3e-6);
    }
    prepared.release();
  });

  it('have the size of half precision in the files of data shards', async () => {
    const prepared = await prepareModel(GRAPHS['bfloat16 weights with float32 activations, in a file']![0]);
    const plan = createPlan(prepared.profile, {
      k: 3,
      r: 1,
      strategy: 'coded',
      layers: 'all',
      splits: 'weights',
    });
    const [shards] = Object.values(await prepared.build(plan));
    expect(shards!.map(({ weights }) => weights!.bytes)).toEqual([1280, 1280, 1280, 2560]);
    prepared.release();
  });

  it.each(['float16', 'bfloat16'] as const)('every %s converts as in ONNX Runtime', async (type) => {
    const bits = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i);
    const converter = model({
      inputs: [value('x', [1])],
      initializers: [
        {
          name: 'all',
          dims: [bits.length],
          dataType: DATA_TYPE[type],
          storage: { kind: 'raw', bytes: new Uint8Array(bits.buffer) },
        },
      ],
      nodes: [cast('all', 'wide', 'float32'), node('Mul', ['wide', 'x'], ['y'])],
      outputs: [value('y', [bits.length])],
    });
    const session = await InferenceSession.create(Buffer.concat(writeModel(converter)), {
      logSeverityLevel: 4,
    });
    const { y } = await session.run({ x: new Tensor('float32', Float32Array.of(1), [1]) });
    await session.release();
    expect(halfToFloat32(bits, DATA_TYPE[type])).toEqual(y!.data);
  });
});
