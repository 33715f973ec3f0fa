import { type Attribute, DATA_TYPE, type Model, type Node } from '@sparewheel/onnx';
import { floats, model, node, value } from '@sparewheel/onnx/testing';
import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { createPlan } from './planner.ts';
import { int, int64s, text } from './testing/exported.ts';
import { relativeError } from './testing/public-graphs.ts';
import { type PreparedModel, prepareModel } from './testing/run-plans.ts';

const WORDS = ['red', 'green', 'blue', 'gray'];
const { string, float32 } = DATA_TYPE;

const texts = (name: string, values: readonly string[]): Attribute => ({
  name,
  kind: 'strings',
  value: values.map((each) => new TextEncoder().encode(each)),
});
const numbers = (name: string, values: readonly number[]): Attribute => ({
  name,
  kind: 'ints',
  value: values.map(BigInt),
});
const encoder = (input: string, output: string, attributes: readonly Attribute[]): Node => ({
  ...node('LabelEncoder', [input], [output], attributes),
  domain: 'ai.onnx.ml',
});
const withMl = (parts: Parameters<typeof model>[0]): Model => {
  const made = model(parts);
  return { ...made, opsetImports: [...made.opsetImports, { domain: 'ai.onnx.ml', version: 3 }] };
};
// A machine may lack the operator's default locale, en_US.
const lower = (input: string, output: string) =>
  node('StringNormalizer', [input], [output], [text('case_change_action', 'LOWER'), text('locale', 'C')]);

/** Words → numbers → two linear layers → the most probable word and its scores. */
const classifier = withMl({
  inputs: [value('words', [4], string)],
  initializers: [floats('w', [4, 24]), floats('v', [24, 12]), int64s('front', 0)],
  nodes: [
    lower('words', 'lowered'),
    encoder('lowered', 'codes', [
      texts('keys_strings', WORDS),
      { name: 'values_floats', kind: 'floats', value: [0.25, -1, 2, 0.5] },
      { name: 'default_float', kind: 'float', value: 0 },
    ]),
    node('Unsqueeze', ['codes', 'front'], ['x']),
    node('MatMul', ['x', 'w'], ['h']),
    node('Relu', ['h'], ['a']),
    node('MatMul', ['a', 'v'], ['scores']),
    node('ArgMax', ['scores'], ['best'], [int('axis', 1), int('keepdims', 0)]),
    encoder('best', 'label', [
      numbers('keys_int64s', [0, 1, 2, 3]),
      texts('values_strings', WORDS),
      text('default_string', 'other'),
    ]),
  ],
  outputs: [value('label', [1], string), value('scores', [1, 12])],
});
const strings = (...values: string[]) => new Tensor('string', values, [values.length]);

async function expectSame(prepared: PreparedModel, feeds: Record<string, Tensor>, coded: number) {
  const expected = await prepared.expected(feeds);
  for (const [k, r] of [
    [3, 1],
    [4, 2],
  ] as const) {
    const plan = createPlan(prepared.profile, { k, r, strategy: 'coded', layers: 'all' });
    expect(plan.steps.filter(({ kind }) => kind === 'coded')).toHaveLength(coded);
    const dead = plan.seats.map(({ seat }) => [seat]);
    for (const outputs of await prepared.run(plan, feeds, [[], ...dead])) {
      for (const [name, tensor] of Object.entries(expected)) {
        const found = outputs[name]!;
        expect([found.type, found.dims]).toEqual([tensor.type, tensor.dims]);
        if (tensor.type === 'string') expect(found.data).toEqual(tensor.data);
        else expect(relativeError(found, tensor)).toBeLessThan(1e-5);
      }
    }
  }
}

describe('a model with strings', () => {
  it('divides its linear layers, and computes with strings on the data plane', async () => {
    const prepared = await prepareModel(classifier);
    expect(prepared.profile.inputs).toMatchObject([{ name: 'words', type: 'string', dims: [4] }]);
    expect(prepared.profile.outputs.map(({ type }) => type)).toEqual(['string', 'float32']);
    await expectSame(prepared, { words: strings('RED', 'Blue', 'unknown', 'gray') }, 2);
    await expectSame(prepared, { words: strings('', 'é😀', 'green', 'GREEN') }, 2);
    prepared.release();
  });

  it('runs whole without a linear layer, with any number of strings', async () => {
    const prepared = await prepareModel(
      model({
        inputs: [value('a', ['n'], string), value('b', ['m'], string)],
        initializers: [
          {
            name: 'suffix',
            dims: [1],
            dataType: string,
            storage: { kind: 'strings', values: [new TextEncoder().encode('the end')] },
          },
        ],
        nodes: [
          node('Identity', ['a'], ['same']),
          node('Concat', ['same', 'b', 'suffix'], ['both'], [int('axis', 0)]),
          lower('both', 'y'),
        ],
        outputs: [value('y', [null], string)],
      }),
    );
    expect(prepared.profile.inputs.map(({ dims }) => dims)).toEqual([[-1], [-1]]);
    await expectSame(prepared, { a: strings('A', 'b'), b: strings('CdÉ') }, 0);
    await expectSame(prepared, { a: strings('x'), b: strings('', 'z', 'Q') }, 0);
    prepared.release();
  });

  it('converts strings to numbers and back', async () => {
    const to = (type: number) => [int('to', type)];
    const prepared = await prepareModel(
      model({
        inputs: [value('x', [2], string)],
        initializers: [floats('two', [1], [2])],
        nodes: [
          node('Cast', ['x'], ['numbers'], to(float32)),
          node('Mul', ['numbers', 'two'], ['doubled']),
          node('Cast', ['doubled'], ['y'], to(string)),
        ],
        outputs: [value('y', [2], string)],
      }),
    );
    await expectSame(prepared, { x: strings('1.5', '-4') }, 0);
    prepared.release();
  });

  it('keeps slow parts with strings on the data plane, also with the strategy "paper"', async () => {
    const { profile, release } = await prepareModel(classifier);
    const slow = { ...profile, layers: profile.layers.map((layer) => ({ ...layer, timeMs: 1000 })) };
    const plan = createPlan(slow, { k: 3, r: 1, strategy: 'paper', layers: 'all' });
    expect(plan.steps.map(({ kind }) => kind)).toEqual(['local', 'coded', 'replicated', 'coded', 'local']);
    release();
  });

  it.each([
    [
      'as replicated stages',
      { k: 1, r: 1, strategy: 'replicated', layers: 'all' },
      /layer "StringNormalizer_lowered" can run on no device: "words" \(string\) cannot be sent/,
      /use the strategy "coded"/,
    ],
    [
      'with an undivided layer under the objective "devices-only"',
      { k: 3, r: 1, strategy: 'coded', layers: [], objective: 'devices-only' },
      /layer "MatMul_scores" can run on no device: "words" \(string\) cannot be sent/,
      /use the objective "latency"/,
    ],
  ] as const)('is refused by name %s', async (_what, options, message, hint) => {
    const { profile, release } = await prepareModel(classifier);
    expect(() => createPlan(profile, options)).toThrow(message);
    expect(() => createPlan(profile, options)).toThrow(
      expect.objectContaining({ code: 'LAYER_NOT_PLACEABLE', hint: expect.stringMatching(hint) }),
    );
    release();
  });
});
