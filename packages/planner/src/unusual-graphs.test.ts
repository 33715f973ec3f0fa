import { type ConstantTensor, DATA_TYPE, type Graph, type Model } from '@sparewheel/onnx';
import { floats, model, node, value } from '@sparewheel/onnx/testing';
import { describe, expect, it } from 'vitest';
import { PlanMismatchError } from './errors.ts';
import type { Strategy } from './plan.ts';
import { createPlan } from './planner.ts';
import { body, feedsFor, int, ints, real } from './testing/exported.ts';
import { relativeError } from './testing/public-graphs.ts';
import { prepareModel } from './testing/run-plans.ts';

const scalar = (name: string, number: number): ConstantTensor => ({
  name,
  dims: [],
  dataType: DATA_TYPE.int64,
  storage: { kind: 'raw', bytes: new Uint8Array(BigInt64Array.of(BigInt(number)).buffer) },
});
const cast = (from: string, to: string, type: keyof typeof DATA_TYPE) =>
  node('Cast', [from], [to], [int('to', DATA_TYPE[type])]);

/**
 * Builds a model with the constants w [4, 8] and w2 [8, 8]. Defaults: input x [2, 4], output y [2, 8], y = x
 * · w.
 */
function small(parts: Partial<Graph>): Model {
  return model({
    initializers: [
      ...[floats('w', [4, 8]), floats('w2', [8, 8])].filter(
        ({ name }) => !parts.initializers?.some((given) => given.name === name),
      ),
      ...(parts.initializers ?? []),
    ],
    inputs: parts.inputs ?? [value('x', [2, 4])],
    outputs: parts.outputs ?? [value('y', [2, 8])],
    nodes: parts.nodes ?? [node('MatMul', ['x', 'w'], ['y'])],
  });
}

const GRAPHS: Readonly<Record<string, Model>> = {
  'an unused input': small({ inputs: [value('x', [2, 4]), value('unread', [3])] }),
  'an input that is also an output': small({ outputs: [value('y', [2, 8]), value('x', [2, 4])] }),
  'one value under several output names': small({
    nodes: [
      node('MatMul', ['x', 'w'], ['h']),
      node('Identity', ['h'], ['a']),
      node('Identity', ['h'], ['b']),
      node('Relu', ['h'], ['c']),
    ],
    outputs: ['a', 'b', 'h', 'c'].map((name) => value(name, [2, 8])),
  }),
  'a constant that is an output': small({
    nodes: [node('MatMul', ['x', 'w'], ['y']), node('Relu', ['c'], ['d'])],
    initializers: [floats('c', [3])],
    outputs: [value('y', [2, 8]), value('c', [3]), value('d', [3])],
  }),
  'weights shared by two layers, transposed in one': small({
    nodes: [node('MatMul', ['x', 'w'], ['h']), node('Gemm', ['h', 'w'], ['y'], [int('transB', 1)])],
    outputs: [value('y', [2, 4])],
  }),
  'weights that are also the bias': small({
    nodes: [node('Gemm', ['x', 'w2', 'w2'], ['y'])],
    inputs: [value('x', [8, 8])],
    outputs: [value('y', [8, 8])],
  }),
  'MatMul with a bias over three dimensions': small({
    nodes: [node('MatMul', ['x', 'w'], ['h']), node('Add', ['h', 'b'], ['y'])],
    initializers: [floats('b', [8])],
    inputs: [value('x', [2, 5, 4])],
    outputs: [value('y', [2, 5, 8])],
  }),
  'a broadcast batch of weights': small({
    nodes: [node('MatMul', ['x', 'many'], ['y'])],
    initializers: [floats('many', [3, 4, 9])],
    inputs: [value('x', [2, 1, 5, 4])],
    outputs: [value('y', [2, 3, 5, 9])],
  }),
  'a batch of weights on the left of a vector': small({
    nodes: [node('MatMul', ['many', 'x'], ['y'])],
    initializers: [floats('many', [3, 8, 4])],
    inputs: [value('x', [4])],
    outputs: [value('y', [3, 8])],
  }),
  'Gemm with alpha, and without addend (beta = 0)': small({
    nodes: [node('Gemm', ['x', 'w', 'c'], ['y'], [real('alpha', 2), real('beta', 0)])],
    initializers: [floats('c', [1])],
  }),
  'an If whose branches read outer weights and values': small({
    nodes: [
      node('MatMul', ['x', 'w'], ['h']),
      node(
        'If',
        ['choice'],
        ['k'],
        [
          body('then_branch', { nodes: [node('MatMul', ['h', 'w2'], ['t'])], outputs: [value('t', [2, 8])] }),
          body('else_branch', { nodes: [node('Neg', ['h'], ['e'])], outputs: [value('e', [2, 8])] }),
        ],
      ),
      node('MatMul', ['k', 'w2'], ['y']),
    ],
    inputs: [value('x', [2, 4]), value('choice', [1], DATA_TYPE.bool)],
  }),
  'a loop': small({
    nodes: [
      node(
        'Loop',
        ['trips', '', 'x'],
        ['l'],
        [
          body('body', {
            inputs: [
              value('i', [], DATA_TYPE.int64),
              value('go', [], DATA_TYPE.bool),
              value('state', [2, 4]),
            ],
            nodes: [node('Identity', ['go'], ['on']), node('Add', ['state', 'state'], ['next'])],
            outputs: [value('on', [], DATA_TYPE.bool), value('next', [2, 4])],
          }),
        ],
      ),
      node('MatMul', ['l', 'w'], ['y']),
    ],
    initializers: [scalar('trips', 3)],
  }),
  'a sequence value, which cannot be sent': small({
    nodes: [
      node('SequenceConstruct', ['x', 'x'], ['s']),
      node('MatMul', ['x', 'w'], ['h']),
      node('SequenceAt', ['s', 'one'], ['q']),
      node('MatMul', ['q', 'w'], ['g']),
      node('Add', ['h', 'g'], ['y']),
    ],
    initializers: [scalar('one', 1)],
  }),
  'float16 values between layers, and strings, which cannot be sent': small({
    nodes: [
      cast('x', 'half', 'float16'),
      node('MatMul', ['x', 'w'], ['h']),
      cast('h', 'text', 'string'),
      cast('text', 'back', 'float32'),
      node('MatMul', ['back', 'w2'], ['g']),
      cast('g', 'halfG', 'float16'),
      node('Concat', ['half', 'halfG'], ['both'], [int('axis', 1)]),
      cast('both', 'y', 'float32'),
    ],
    outputs: [value('y', [2, 12])],
  }),
  'a source of random numbers': small({
    nodes: [
      node('RandomNormal', [], ['noise'], [ints('shape', 2, 4)]),
      node('Mul', ['noise', 'zero'], ['nothing']),
      node('Add', ['x', 'nothing'], ['sum']),
      node('MatMul', ['sum', 'w'], ['y']),
    ],
    initializers: [floats('zero', [1], [0])],
  }),
  'an output with a data-dependent size': small({
    nodes: [
      node('MatMul', ['x', 'w'], ['h']),
      node('Relu', ['h'], ['r']),
      node('NonZero', ['r'], ['where']),
      cast('where', 'y', 'float32'),
    ],
    outputs: [value('y', [2, 'count'])],
  }),
  'a bool output': small({
    nodes: [node('MatMul', ['x', 'w'], ['h']), node('Greater', ['h', 'zero'], ['y'])],
    initializers: [floats('zero', [1], [0])],
    outputs: [value('y', [2, 8], DATA_TYPE.bool)],
  }),
  'an omitted optional input': small({
    nodes: [node('Clip', ['x', '', 'most'], ['c']), node('MatMul', ['c', 'w'], ['y'])],
    initializers: [floats('most', [], [0.5])],
  }),
  'names with special characters': small({
    nodes: [node('MatMul', ['a/b:0', 'w'], ['../h']), node('Relu', ['../h'], ['y y'])],
    inputs: [value('a/b:0', [2, 4])],
    outputs: [value('y y', [2, 8])],
  }),
};

describe('an unusual graph gives the undivided result:', () => {
  it.each(Object.entries(GRAPHS))('%s', async (_, unusual) => {
    const prepared = await prepareModel(unusual);
    const feeds = feedsFor(unusual);
    const expected = await prepared.expected(feeds);
    for (const [strategy, k] of [
      ['coded', 2],
      ['paper', 2],
      ['replicated', 1],
    ] as [Strategy, number][]) {
      const plan = createPlan(prepared.profile, { k, r: 1, strategy, layers: 'all' });
      for (const outputs of await prepared.run(plan, feeds, [[], [0], [1]])) {
        expect(Object.keys(outputs)).toEqual(unusual.graph.outputs.map(({ name }) => name));
        for (const [name, tensor] of Object.entries(expected)) {
          expect(outputs[name]!.dims).toEqual(tensor.dims);
          expect(relativeError(outputs[name]!, tensor)).toBeLessThan(1e-5);
        }
      }
    }
    prepared.release();
  });

  it('a data-dependent dimension is declared as -1', async () => {
    const prepared = await prepareModel(GRAPHS['an output with a data-dependent size']!);
    expect(prepared.profile.outputs).toEqual([{ name: 'y', type: 'float32', dims: [2, -1] }]);
    prepared.release();
  });
});

describe('buildArtifacts refuses', () => {
  it('weights that are not finite, and names the layer', async () => {
    const weights = floats('w', [4, 8], [Number.NaN, ...new Array<number>(31).fill(1)]);
    const prepared = await prepareModel(small({ initializers: [weights] }));
    const plan = createPlan(prepared.profile, { k: 2, r: 1, strategy: 'coded', layers: 'all' });
    await expect(prepared.run(plan, {}, [])).rejects.toMatchObject({
      code: 'LAYER_NOT_CODABLE',
      layer: 'MatMul_y',
    });
    prepared.release();
  });

  it('a plan of a different model', async () => {
    const prepared = await prepareModel(small({}));
    const other = await prepareModel(GRAPHS['names with special characters']!);
    for (const strategy of ['coded', 'replicated'] as const) {
      const plan = createPlan(other.profile, { k: 1, r: 1, strategy, layers: 'all' });
      await expect(prepared.run(plan, {}, [])).rejects.toBeInstanceOf(PlanMismatchError);
    }
    prepared.release();
    other.release();
  });
});
