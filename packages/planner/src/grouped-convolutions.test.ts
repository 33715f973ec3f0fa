import { Tensor } from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { createPlan } from './planner.ts';
import { type ConvLayer, convNetwork } from './testing/conv-network.ts';
import { relativeError } from './testing/public-graphs.ts';
import { prepareModel } from './testing/run-plans.ts';

const conv = (inputs: number, outputs: number, group: number, relu = true): ConvLayer => ({
  op: 'Conv',
  inputs,
  outputs,
  group,
  relu,
});
const transposed = (...rest: Parameters<typeof conv>): ConvLayer => ({
  ...conv(...rest),
  op: 'ConvTranspose',
});

describe('grouped convolutions', () => {
  test.each([
    ['between dense convolutions', [conv(3, 8, 1), conv(8, 12, 2), conv(12, 4, 1)]],
    [
      'without activation, before a grouped and a dense convolution',
      [conv(4, 8, 2, false), conv(8, 12, 4, false), conv(12, 4, 1)],
    ],
    ['with blocks of unequal height', [conv(6, 21, 3), conv(21, 6, 1)]],
    ['transposed', [transposed(4, 12, 2), transposed(12, 8, 1)]],
  ])('are divided within their groups: %s, healthy and with each device dead', async (_, layers) => {
    const model = await prepareModel(convNetwork(layers));
    const input = Float32Array.from({ length: layers[0]!.inputs * 36 }, (_value, i) => Math.cos(i));
    const feeds = { x: new Tensor('float32', input, [1, layers[0]!.inputs, 6, 6]) };
    const expected = (await model.expected(feeds)).y!;
    const plan = createPlan(model.profile, {
      k: 3,
      r: 1,
      strategy: 'coded',
      layers: 'all',
      splits: 'weights',
    });
    expect(plan.decisions.filter((decision) => decision.distributed)).toHaveLength(layers.length);
    for (const { y } of await model.run(plan, feeds, [[], [0], [1], [2], [3]])) {
      expect(y!.dims).toEqual(expected.dims);
      expect(relativeError(y!, expected)).toBeLessThan(1e-5);
    }
    model.release();
  });

  test.each([
    ['grouped', [conv(4, 8, 2), conv(8, 12, 4, false), conv(12, 4, 1)]],
    ['depthwise', [conv(8, 8, 8), conv(8, 4, 1)]],
    ['with one output channel', [conv(3, 1, 1), conv(1, 4, 1)]],
  ])('have inputs that can be divided: %s, healthy and with each device dead', async (_, layers) => {
    const model = await prepareModel(convNetwork(layers));
    const input = Float32Array.from({ length: layers[0]!.inputs * 36 }, (_value, i) => Math.cos(i));
    const feeds = { x: new Tensor('float32', input, [1, layers[0]!.inputs, 6, 6]) };
    const expected = (await model.expected(feeds)).y!;
    for (const [k, r] of [
      [2, 1],
      [3, 2],
    ] as const) {
      const plan = createPlan(model.profile, { k, r, strategy: 'coded', layers: 'all', splits: 'inputs' });
      expect(plan.decisions.map(({ split }) => split)).toEqual(layers.map(() => 'inputs'));
      const pairs =
        r === 2
          ? [
              [0, 1],
              [0, 4],
              [2, 3],
            ]
          : [];
      for (const { y } of await model.run(plan, feeds, [[], [0], [k - 1], [k], ...pairs])) {
        expect(y!.dims).toEqual(expected.dims);
        expect(relativeError(y!, expected)).toBeLessThan(1e-5);
      }
    }
    model.release();
  });

  test('divide their input after a step that divides the weights of a group, and before one', async () => {
    const layers = [conv(4, 8, 2, false), conv(8, 12, 4, false), conv(12, 8, 2, false)];
    const model = await prepareModel(convNetwork(layers));
    const feeds = {
      x: new Tensor(
        'float32',
        Float32Array.from({ length: 4 * 36 }, (_value, i) => Math.cos(i)),
        [1, 4, 6, 6],
      ),
    };
    const expected = (await model.expected(feeds)).y!;
    const [weights, inputs] = (['weights', 'inputs'] as const).map((splits) =>
      createPlan(model.profile, { k: 2, r: 1, strategy: 'coded', layers: 'all', splits }),
    );
    for (const mixed of [0b010, 0b101]) {
      const steps = weights!.steps.map((step, i) => ((mixed >> i) & 1 ? inputs!.steps[i]! : step));
      for (const { y } of await model.run({ ...weights!, steps }, feeds, [[], [0], [1], [2]])) {
        expect(relativeError(y!, expected)).toBeLessThan(1e-5);
      }
    }
    model.release();
  });

  test('with one channel in each group have weights that cannot be divided, and give the reason', async () => {
    const model = await prepareModel(convNetwork([conv(8, 8, 8), conv(8, 4, 1)]));
    const options = { k: 2, r: 1, strategy: 'coded', layers: 'all' } as const;
    const weights = createPlan(model.profile, { ...options, splits: 'weights' });
    expect(weights.decisions.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/depthwise: each of its 8 groups/),
      'the option "all" distributes it',
    ]);
    const [depthwise] = createPlan(model.profile, options).decisions;
    expect(depthwise).toMatchObject({ distributed: true, split: 'inputs' });
    expect(depthwise!.splitReason).toMatch(
      /^the input is divided: weights cannot be divided because it is depth/,
    );
    model.release();
  });
});
