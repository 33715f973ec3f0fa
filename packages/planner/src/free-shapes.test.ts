import type { Model } from '@sparewheel/onnx';
import { floats, model, node, value } from '@sparewheel/onnx/testing';
import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import type { PlanOptions } from './plan.ts';
import { createPlan } from './planner.ts';
import { int, int64s, ints } from './testing/exported.ts';
import { relativeError } from './testing/public-graphs.ts';
import { prepareModel } from './testing/run-plans.ts';

const small = (name: string, dims: readonly number[]) =>
  floats(
    name,
    dims,
    Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => 0.3 * Math.sin(1.7 * i + dims.length)),
  );
const conv = (input: string, output: string, weights: string, group = 1) =>
  node(
    'Conv',
    [input, weights],
    [output],
    [ints('kernel_shape', 3, 3), ints('pads', 1, 1, 1, 1), int('group', group)],
  );

interface Case {
  readonly model: Model;
  readonly output: string;
  /** The layers that are divided over 3 + 1. */
  readonly divided: number;
  /** Shapes of the input x at request time. */
  readonly shapes: readonly (readonly number[])[];
}

const CASES: Readonly<Record<string, Case>> = {
  'a free batch and a free length': {
    model: model({
      nodes: [
        node('MatMul', ['x', 'w'], ['a']),
        node('Relu', ['a'], ['r']),
        node('MatMul', ['r', 'v'], ['y']),
      ],
      initializers: [small('w', [8, 13]), small('v', [13, 7])],
      inputs: [value('x', ['batch', 'length', 8])],
      outputs: [value('y', ['batch', 'length', 7])],
    }),
    output: 'y',
    divided: 2,
    shapes: [
      [1, 16, 8],
      [1, 1, 8],
      [3, 5, 8],
      [7, 40, 8],
    ],
  },
  'attention that reshapes by computed shapes': {
    model: model({
      nodes: [
        node('Shape', ['x'], ['s']),
        node('Gather', ['s', 'zero'], ['b']),
        node('Gather', ['s', 'one'], ['l']),
        node('Concat', ['b', 'l', 'heads', 'size'], ['split'], [int('axis', 0)]),
        node('Concat', ['b', 'l', 'all'], ['join'], [int('axis', 0)]),
        ...['q', 'k', 'v'].flatMap((name) => [
          node('MatMul', ['x', `w${name}`], [name]),
          node('Reshape', [name, 'split'], [`${name}4`]),
          node('Transpose', [`${name}4`], [`${name}t`], [ints('perm', 0, 2, 1, 3)]),
        ]),
        node('Transpose', ['kt'], ['ktt'], [ints('perm', 0, 1, 3, 2)]),
        node('MatMul', ['qt', 'ktt'], ['scores']),
        node('Softmax', ['scores'], ['p'], [int('axis', -1)]),
        node('MatMul', ['p', 'vt'], ['mixed']),
        node('Transpose', ['mixed'], ['back'], [ints('perm', 0, 2, 1, 3)]),
        node('Reshape', ['back', 'join'], ['flat']),
        node('MatMul', ['flat', 'wo'], ['y']),
      ],
      initializers: [
        ...['wq', 'wk', 'wv', 'wo'].map((name) => small(name, [8, 8])),
        int64s('zero', 0),
        int64s('one', 1),
        int64s('heads', 2),
        int64s('size', 4),
        int64s('all', 8),
      ],
      inputs: [value('x', ['batch', 'length', 8])],
      outputs: [value('y', ['batch', 'length', 8])],
    }),
    output: 'y',
    divided: 2,
    shapes: [
      [1, 16, 8],
      [2, 3, 8],
      [5, 33, 8],
    ],
  },
  'an unnamed batch of images, through a grouped convolution': {
    model: model({
      nodes: [
        conv('x', 'a', 'w0'),
        node('Relu', ['a'], ['r']),
        conv('r', 'g', 'w1', 2),
        node('Relu', ['g'], ['t']),
        node('GlobalAveragePool', ['t'], ['m']),
        node('Flatten', ['m'], ['f']),
        node('Gemm', ['f', 'w2', 'c'], ['y']),
      ],
      initializers: [
        small('w0', [10, 3, 3, 3]),
        small('w1', [14, 5, 3, 3]),
        small('w2', [14, 9]),
        small('c', [9]),
      ],
      inputs: [value('x', [null, 3, 12, 12])],
      outputs: [value('y', [null, 9])],
    }),
    output: 'y',
    divided: 3,
    shapes: [
      [1, 3, 12, 12],
      [4, 3, 12, 12],
    ],
  },
  'images of any size, through a grouped convolution': {
    model: model({
      nodes: [
        conv('x', 'g', 'w0', 3),
        node('Relu', ['g'], ['r']),
        node('MaxPool', ['r'], ['m'], [ints('kernel_shape', 2, 2), ints('strides', 2, 2)]),
        conv('m', 'y', 'w1'),
      ],
      initializers: [small('w0', [15, 1, 3, 3]), small('w1', [7, 15, 3, 3])],
      inputs: [value('x', ['batch', 3, 'height', 'width'])],
      outputs: [value('y', ['batch', 7, null, null])],
    }),
    output: 'y',
    divided: 2,
    shapes: [
      [1, 3, 20, 24],
      [3, 3, 9, 31],
    ],
  },
};

const CHOICES: readonly PlanOptions[] = [
  { k: 3, r: 1, strategy: 'coded', layers: 'all' },
  { k: 4, r: 2, strategy: 'coded', layers: 'all' },
  { k: 3, r: 1, strategy: 'coded', layers: 'all', splits: 'inputs' },
  { k: 2, r: 1, strategy: 'paper', layers: 'all' },
  { k: 1, r: 1, strategy: 'replicated', layers: 'all' },
];

const feedOf = (dims: readonly number[]) => {
  const data = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(0.7 * i));
  return { x: new Tensor('float32', data, dims) };
};

describe('a model with free dimensions gives the undivided result at any size:', () => {
  it.each(Object.entries(CASES))('%s', async (_, { model: source, output, divided, shapes }) => {
    const prepared = await prepareModel(source);
    expect(prepared.profile.inputs[0]!.dims).toContain(-1);
    expect(prepared.profile.outputs[0]!.dims).toContain(-1);
    for (const [index, options] of CHOICES.entries()) {
      const plan = createPlan(prepared.profile, options);
      if (index === 0) expect(plan.steps.filter(({ kind }) => kind === 'coded')).toHaveLength(divided);
      const deadSets = [[], ...plan.seats.map(({ seat }) => [seat])];
      for (const dims of shapes) {
        const feeds = feedOf(dims);
        const expected = (await prepared.expected(feeds))[output]!;
        for (const outputs of await prepared.run(plan, feeds, deadSets)) {
          expect(outputs[output]!.dims).toEqual(expected.dims);
          expect(relativeError(outputs[output]!, expected)).toBeLessThan(1e-5);
        }
      }
    }
    prepared.release();
  });
});

describe('what a plan divides', () => {
  it('pads unequal blocks also with free dimensions', async () => {
    // 40 rows over blocks of 30 and 10: the second computes only its own rows.
    const source = model({
      nodes: [node('MatMul', ['x', 'w'], ['y'])],
      initializers: [small('w', [8, 40])],
      inputs: [value('x', ['batch', 8])],
      outputs: [value('y', ['batch', 40])],
    });
    const prepared = await prepareModel(source);
    const plan = createPlan(prepared.profile, { k: 2, r: 1, strategy: 'coded', layers: 'all' });
    const [step] = plan.steps;
    const blocks = [
      { start: 0, rows: 30 },
      { start: 30, rows: 10 },
    ];
    const { batchable: _, ...coded } = { ...step, blocks, height: 30 } as Extract<
      typeof step,
      { kind: 'coded' }
    >;
    const uneven = { ...plan, steps: [coded] };
    for (const rows of [1, 3]) {
      const feeds = feedOf([rows, 8]);
      const expected = (await prepared.expected(feeds)).y!;
      for (const { y } of await prepared.run(uneven, feeds, [[], [0], [1], [2]])) {
        expect(y!.dims).toEqual([rows, 40]);
        expect(relativeError(y!, expected)).toBeLessThan(1e-5);
      }
    }
    prepared.release();
  });

  it('computes images in tiles if only the batch is free, and says why not otherwise', async () => {
    const options: PlanOptions = { k: 3, r: 1, strategy: 'coded', layers: 'all', splits: 'tiles' };
    const { model: images } = CASES['an unnamed batch of images, through a grouped convolution']!;
    const fixed = await prepareModel(images);
    const plan = createPlan(fixed.profile, options);
    expect(plan.steps.some((step) => step.kind === 'replicated' && step.tile)).toBe(true);
    for (const batch of [1, 2]) {
      const feeds = feedOf([batch, 3, 12, 12]);
      const expected = (await fixed.expected(feeds)).y!;
      const deadSets = [[], ...plan.seats.map(({ seat }) => [seat])];
      for (const { y } of await fixed.run(plan, feeds, deadSets)) {
        expect(relativeError(y!, expected)).toBeLessThan(1e-5);
      }
    }
    fixed.release();
    const free = await prepareModel(CASES['images of any size, through a grouped convolution']!.model);
    expect(() => createPlan(free.profile, options)).toThrow('is not an image of a fixed size');
    const inputs = createPlan(free.profile, { ...options, splits: 'inputs' });
    expect(inputs.decisions.map(({ reason }) => reason)).toEqual([
      'the height of its input is not fixed',
      'the height of its input is not fixed',
    ]);
    const auto = createPlan(free.profile, { ...options, layers: 'all', splits: 'auto' });
    expect(auto.decisions.map(({ split }) => split)).toEqual(['weights', 'weights']);
    free.release();
  });

  it('predicts the costs of the usual sizes', async () => {
    const { model: source } = CASES['a free batch and a free length']!;
    const prepared = [];
    for (const length of [16, 160]) prepared.push(await prepareModel(source, 'm', { dims: { length } }));
    const [short, long] = prepared.map(({ profile }) => createPlan(profile, CHOICES[0]!).seats[0]!);
    expect(long!.bytesIn).toBe(10 * short!.bytesIn);
    expect(long!.multiplyAdds).toBe(10 * short!.multiplyAdds);
    for (const each of prepared) each.release();
  });
});
