import { type Attribute, DATA_TYPE, type Graph, type Model } from '@sparewheel/onnx';
import { floats, model, node, value } from '@sparewheel/onnx/testing';
import { Tensor } from 'onnxruntime-node';
import { expect, it } from 'vitest';
import type { Strategy } from './plan.ts';
import { createPlan } from './planner.ts';
import { body, int, int64s } from './testing/exported.ts';
import { relativeError } from './testing/public-graphs.ts';
import { prepareModel } from './testing/run-plans.ts';

/** A constant of 16 KiB: large enough to be stored beside the graph. */
const large = (name: string, factor = 1) =>
  floats(
    name,
    [64, 64],
    Array.from({ length: 64 * 64 }, (_, i) => (factor * Math.sin(i + name.length)) / 8),
  );
const wide = (name: string) => value(name, [1, 64]);
const flag = (name: string) => value(name, [], DATA_TYPE.bool);

/** The model's input passes through `inside`, which computes `h`, and then through a layer that can be divided. */
function around(inside: Partial<Graph>): Model {
  return model({
    inputs: [wide('x'), flag('choice')],
    outputs: [value('y', [1, 12]), ...(inside.outputs ?? [])],
    nodes: [...(inside.nodes ?? []), node('Gemm', ['h', 'v'], ['y'])],
    initializers: [floats('v', [64, 12]), ...(inside.initializers ?? [])],
  });
}

const product = (tag: string, input: string, weights: readonly string[]): Partial<Graph> => ({
  nodes: weights.map((name, i) => node('MatMul', [i === 0 ? input : `${tag}${i - 1}`, name], [`${tag}${i}`])),
  outputs: [wide(`${tag}${weights.length - 1}`)],
});

const constantNode = (name: string): Attribute => ({ name: 'value', kind: 'tensor', value: large(name, 2) });
const loopInputs = [value('i', [], DATA_TYPE.int64), flag('go'), wide('state')];

const GRAPHS: Readonly<Record<string, Model>> = {
  'branches with weights of the same name': around({
    nodes: [
      node(
        'If',
        ['choice'],
        ['h'],
        [
          body('then_branch', { ...product('t', 'x', ['w']), initializers: [large('w')] }),
          body('else_branch', { ...product('e', 'x', ['w']), initializers: [large('w', 3)] }),
        ],
      ),
    ],
  }),
  'a branch in a branch that reads the weights of both': around({
    nodes: [
      node(
        'If',
        ['choice'],
        ['h'],
        [
          body('then_branch', {
            nodes: [
              node(
                'If',
                ['choice'],
                ['t'],
                [
                  body('then_branch', {
                    ...product('u', 'x', ['w', 'inner']),
                    initializers: [large('inner')],
                  }),
                  body('else_branch', {
                    ...product('v', 'x', ['inner', 'w']),
                    initializers: [large('inner', 2)],
                  }),
                ],
              ),
            ],
            outputs: [wide('t')],
            initializers: [large('w')],
          }),
          body('else_branch', { nodes: [node('Neg', ['x'], ['e'])], outputs: [wide('e')] }),
        ],
      ),
    ],
  }),
  'a branch that returns its weights, and a small constant': around({
    nodes: [
      node(
        'If',
        ['choice'],
        ['h', 'kept'],
        [
          body('then_branch', {
            nodes: [node('MatMul', ['x', 'w'], ['m']), node('Add', ['m', 'small'], ['t'])],
            outputs: [wide('t'), value('w', [64, 64])],
            initializers: [large('w'), floats('small', [64])],
          }),
          body('else_branch', {
            nodes: [node('Neg', ['x'], ['e'])],
            outputs: [wide('e'), value('w', [64, 64])],
            initializers: [large('w', 2)],
          }),
        ],
      ),
    ],
    outputs: [value('kept', [64, 64])],
  }),
  'a loop with weights of its own, one from a Constant node': around({
    nodes: [
      node(
        'Loop',
        ['trips', '', 'x'],
        ['h'],
        [
          body('body', {
            inputs: loopInputs,
            nodes: [
              node('Constant', [], ['made'], [constantNode('made')]),
              node('Identity', ['go'], ['on']),
              node('MatMul', ['state', 'w'], ['m']),
              node('MatMul', ['m', 'made'], ['p']),
              node('Tanh', ['p'], ['next']),
            ],
            outputs: [flag('on'), wide('next')],
            initializers: [large('w')],
          }),
        ],
      ),
    ],
    initializers: [{ ...int64s('trips', 3), dims: [] }],
  }),
  'a scan with weights of its own': around({
    nodes: [
      node('Reshape', ['x', 'rows'], ['cut']),
      node(
        'Scan',
        ['start', 'cut'],
        ['last', 'all'],
        [
          body('body', {
            inputs: [value('s', [8]), value('row', [8])],
            nodes: [
              node('Concat', ['s', 'row'], ['both'], [int('axis', 0)]),
              node('MatMul', ['both', 'mix'], ['m']),
              node('Tanh', ['m'], ['next']),
              node('Identity', ['next'], ['out']),
            ],
            outputs: [value('next', [8]), value('out', [8])],
            initializers: [floats('mix', [16, 8]), floats('unused', [2000])],
          }),
          int('num_scan_inputs', 1),
        ],
      ),
      node('Reshape', ['all', 'flat'], ['h']),
    ],
    initializers: [floats('start', [8]), int64s('rows', 8, 8), int64s('flat', 1, 64)],
    outputs: [value('last', [8])],
  }),
};

const feeds = (choice: number) => ({
  x: new Tensor(
    'float32',
    Float32Array.from({ length: 64 }, (_, i) => Math.cos(i)),
    [1, 64],
  ),
  choice: new Tensor('bool', Uint8Array.of(choice), []),
});

it.each(Object.entries(GRAPHS))('weights in bodies survive every rewrite: %s', async (_, source) => {
  const prepared = await prepareModel(source);
  for (const [strategy, k, r] of [
    ['coded', 3, 1],
    ['coded', 4, 2],
    ['paper', 3, 1],
    ['replicated', 1, 1],
  ] as [Strategy, number, number][]) {
    const plan = createPlan(prepared.profile, { k, r, strategy, layers: 'all' });
    if (strategy === 'coded') expect(plan.steps.filter(({ kind }) => kind === 'coded')).toHaveLength(1);
    const holder = plan.decisions.find(({ op }) => ['If', 'Loop', 'Scan'].includes(op));
    expect(holder).toMatchObject({ distributed: false });
    if (strategy === 'coded') expect(holder!.reason).toMatch(/MatMul|Gemm/);
    for (const choice of [1, 0]) {
      const expected = await prepared.expected(feeds(choice));
      const dead = plan.seats.map(({ seat }) => [seat]);
      for (const outputs of await prepared.run(plan, feeds(choice), [[], ...dead])) {
        for (const [name, tensor] of Object.entries(expected)) {
          expect(outputs[name]!.dims).toEqual(tensor.dims);
          expect(relativeError(outputs[name]!, tensor)).toBeLessThan(1e-5);
        }
      }
    }
  }
  prepared.release();
});

it('counts the weights in bodies like all others', async () => {
  const prepared = await prepareModel(GRAPHS['branches with weights of the same name']!);
  const { layers, parameters } = prepared.profile;
  expect(layers.find(({ op }) => op === 'If')).toMatchObject({ parameters: 2 * 64 * 64 });
  expect(parameters).toBe(2 * 64 * 64 + 64 * 12);
  prepared.release();
});
