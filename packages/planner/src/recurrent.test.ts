import { type Attribute, type ConstantTensor, DATA_TYPE, type Model, type ValueInfo } from '@sparewheel/onnx';
import { floats, model, node, value } from '@sparewheel/onnx/testing';
import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import type { PlanOptions } from './plan.ts';
import { createPlan } from './planner.ts';
import { int, real, text } from './testing/exported.ts';
import { relativeError } from './testing/public-graphs.ts';
import { prepareModel } from './testing/run-plans.ts';

const HIDDEN = 7;
const INPUTS = 5;
const BATCH = 2;
const GATES = { LSTM: 4, GRU: 3, RNN: 1 } as const;
type Op = keyof typeof GATES;

const wave = (name: string, dims: readonly number[]): ConstantTensor =>
  floats(
    name,
    dims,
    Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => 0.4 * Math.sin(1.3 * i + name.length)),
  );
const strings = (name: string, ...list: string[]): Attribute => ({
  name,
  kind: 'strings',
  value: list.map((each) => new TextEncoder().encode(each)),
});

interface Settings {
  readonly directions?: 1 | 2;
  readonly bias?: boolean;
  readonly state?: boolean;
  readonly lengths?: boolean;
  readonly peepholes?: boolean;
  readonly attributes?: readonly Attribute[];
}

/** A recurrent layer with all of its outputs. */
function recurrent(op: Op, steps: number | string, settings: Settings = {}): Model {
  const { directions = 1, bias = true, state = false, lengths = false, peepholes = false } = settings;
  const rows = GATES[op] * HIDDEN;
  const stateDims = [directions, BATCH, HIDDEN];
  const states = op === 'LSTM' ? ['h0', 'c0'] : ['h0'];
  const names = op === 'LSTM' ? ['y', 'yh', 'yc'] : ['y', 'yh'];
  const inputs = ['x', 'w', 'r', bias ? 'b' : '', lengths ? 'lengths' : ''];
  inputs.push(state ? 'h0' : '', op === 'LSTM' && state ? 'c0' : '', peepholes ? 'p' : '');
  while (inputs.at(-1) === '') inputs.pop();
  const feeds: ValueInfo[] = [value('x', [steps, BATCH, INPUTS])];
  if (state) feeds.push(...states.map((name) => value(name, stateDims)));
  if (lengths) feeds.push(value('lengths', [BATCH], DATA_TYPE.int32));
  return model({
    inputs: feeds,
    outputs: names.map((name) => ({ name })),
    nodes: [
      {
        ...node(op, inputs, names, [int('hidden_size', HIDDEN), ...(settings.attributes ?? [])]),
        name: 'cell',
      },
    ],
    initializers: [
      wave('w', [directions, rows, INPUTS]),
      wave('r', [directions, rows, HIDDEN]),
      ...(bias ? [wave('b', [directions, 2 * rows])] : []),
      ...(peepholes ? [wave('p', [directions, 3 * HIDDEN])] : []),
    ],
  });
}

function feedsOf({ graph }: Model, steps: number): Record<string, Tensor> {
  return Object.fromEntries(
    graph.inputs.map(({ name, type }, seed) => {
      if (type?.kind !== 'tensor') throw new TypeError(name);
      if (name === 'lengths')
        return [name, new Tensor('int32', Int32Array.of(steps, Math.max(1, steps - 2)), [2])];
      const dims = type.dims!.map((dim) => (typeof dim === 'number' ? dim : steps));
      const count = dims.reduce((a, b) => a * b, 1);
      const data = Float32Array.from({ length: count }, (_, i) => Math.sin(0.9 * i + seed));
      return [name, new Tensor('float32', data, dims)];
    }),
  );
}

const reverse = [text('direction', 'reverse')];
const both = { directions: 2, attributes: [text('direction', 'bidirectional')] } as const;

/** Name, model, time steps at request time, and the coded layers: input product, and recurrent products. */
const CASES: readonly [string, Model, number, number][] = [
  ...(['LSTM', 'GRU', 'RNN'] as const).flatMap((op): [string, Model, number, number][] => [
    [`${op} over 6 steps`, recurrent(op, 6), 6, 1],
    [`${op} over 6 steps with a state, without a bias`, recurrent(op, 6, { state: true, bias: false }), 6, 1],
    [`${op}, reverse`, recurrent(op, 6, { attributes: reverse }), 6, 1],
    [`${op}, bidirectional`, recurrent(op, 6, both), 6, 1],
    [`${op}, bidirectional, one step with a state`, recurrent(op, 1, { ...both, state: true }), 1, 1],
    [`${op}, free steps`, recurrent(op, 'steps'), 9, 1],
    [`${op}, lengths of sequences`, recurrent(op, 6, { lengths: true, state: true }), 6, 1],
    [`${op}, clipped`, recurrent(op, 1, { state: true, attributes: [real('clip', 0.2)] }), 1, 1],
    [`${op}, one step without a state`, recurrent(op, 1), 1, 1],
  ]),
  ['LSTM, one step with a state', recurrent('LSTM', 1, { state: true }), 1, 2],
  ['LSTM, one step with a state, without a bias', recurrent('LSTM', 1, { state: true, bias: false }), 1, 2],
  ['LSTM, one step, reverse', recurrent('LSTM', 1, { state: true, attributes: reverse }), 1, 2],
  ['LSTM, peepholes', recurrent('LSTM', 1, { state: true, peepholes: true }), 1, 1],
  ['LSTM, coupled gates', recurrent('LSTM', 4, { attributes: [int('input_forget', 1)] }), 4, 1],
  [
    'LSTM, other activations',
    recurrent('LSTM', 1, { state: true, attributes: [strings('activations', 'Tanh', 'Tanh', 'Softsign')] }),
    1,
    1,
  ],
  ['GRU, one step with a state', recurrent('GRU', 1, { state: true }), 1, 3],
  ['GRU, one step without a bias', recurrent('GRU', 1, { state: true, bias: false }), 1, 3],
  [
    'GRU, one step, linear before reset',
    recurrent('GRU', 1, { state: true, attributes: [int('linear_before_reset', 1)] }),
    1,
    2,
  ],
  ['GRU, linear before reset', recurrent('GRU', 5, { attributes: [int('linear_before_reset', 1)] }), 5, 1],
  ['RNN, one step with a state', recurrent('RNN', 1, { state: true }), 1, 2],
];

const OPTIONS: PlanOptions = { k: 3, r: 1, strategy: 'coded', layers: 'all' };

describe('the matrices of a recurrent layer are coded, with the same results:', () => {
  it.each(CASES)('%s', async (_, source, steps, products) => {
    const prepared = await prepareModel(source);
    const feeds = feedsOf(source, steps);
    const expected = await prepared.expected(feeds);
    for (const options of [OPTIONS, { ...OPTIONS, k: 4, r: 2 }, { ...OPTIONS, strategy: 'paper' } as const]) {
      const plan = createPlan(prepared.profile, options);
      expect(plan.steps.filter(({ kind }) => kind === 'coded')).toHaveLength(products);
      const dead = plan.seats.map(({ seat }) => [seat]);
      for (const outputs of await prepared.run(plan, feeds, [[], ...dead])) {
        expect(Object.keys(outputs)).toEqual(Object.keys(expected));
        for (const [name, tensor] of Object.entries(expected)) {
          expect(outputs[name]!.dims).toEqual(tensor.dims);
          expect(relativeError(outputs[name]!, tensor), name).toBeLessThan(1e-5);
        }
      }
    }
    prepared.release();
  });
});

describe('a recurrent layer', () => {
  it('stays in one piece with "auto" if its products are not worth a hop, and in replicas', async () => {
    const prepared = await prepareModel(recurrent('LSTM', 6));
    const auto = createPlan(prepared.profile, { ...OPTIONS, layers: 'auto' });
    expect(auto.separated).toBeUndefined();
    expect(auto.decisions).toMatchObject([
      { layer: 'cell', distributed: false, reason: expect.stringContaining('one piece') },
    ]);
    const replicated = createPlan(prepared.profile, { ...OPTIONS, k: 1, strategy: 'replicated' });
    expect(replicated.steps).toMatchObject([{ kind: 'replicated', summary: 'LSTM' }]);
    prepared.release();
  });

  it('is divided with "auto" if that is predicted to be faster', async () => {
    const prepared = await prepareModel(recurrent('LSTM', 1, { state: true }));
    const slow = (profile: typeof prepared.profile, ms: number) => ({
      ...profile,
      layers: profile.layers.map((layer) => ({ ...layer, timeMs: layer.multiplyAdds > 0 ? ms : 0 })),
    });
    const profile = { ...slow(prepared.profile, 200), separated: slow(prepared.profile.separated!, 100) };
    const plan = createPlan(profile, { ...OPTIONS, layers: 'auto' });
    expect(plan.separated).toBe(true);
    expect(plan.steps.filter(({ kind }) => kind === 'coded')).toHaveLength(2);
    prepared.release();
  });

  it('is divided by the name of one of its products', async () => {
    const prepared = await prepareModel(recurrent('LSTM', 1, { state: true }));
    const plan = createPlan(prepared.profile, { ...OPTIONS, layers: ['cell/recurrent'] });
    expect(plan.steps.flatMap((step) => (step.kind === 'coded' ? [step.layer] : []))).toEqual([
      'cell/recurrent',
    ]);
    prepared.release();
  });

  it('with weights that are computed, or more shards than rows, stays whole', async () => {
    const prepared = await prepareModel(recurrent('RNN', 6));
    const plan = createPlan(prepared.profile, { ...OPTIONS, k: 9 });
    expect(plan).not.toHaveProperty('separated');
    expect(plan.runsWhole).toMatch(/^Runs whole/);
    prepared.release();
  });
});
