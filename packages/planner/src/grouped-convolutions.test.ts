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
    const plan = createPlan(model.profile, { k: 3, r: 1, strategy: 'coded', layers: 'all' });
    expect(plan.decisions.filter((decision) => decision.distributed)).toHaveLength(layers.length);
    for (const { y } of await model.run(plan, feeds, [[], [0], [1], [2], [3]])) {
      expect(y!.dims).toEqual(expected.dims);
      expect(relativeError(y!, expected)).toBeLessThan(1e-5);
    }
    model.release();
  });

  test('are not divided if they are depthwise, and give the reason', async () => {
    const model = await prepareModel(convNetwork([conv(8, 8, 8), conv(8, 4, 1)]));
    const plan = createPlan(model.profile, { k: 2, r: 1, strategy: 'coded', layers: 'all' });
    expect(plan.decisions.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/depthwise: each of its 8 groups/),
      'the option "all" distributes it',
    ]);
    model.release();
  });
});
