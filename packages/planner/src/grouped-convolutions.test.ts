import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeModel } from '@sparewheel/onnx';
import { canonicalise, openCanonical } from '@sparewheel/onnx/canonical';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildArtifacts } from './build.ts';
import { createPlan } from './planner.ts';
import { profileModel } from './profile.ts';
import { type ConvLayer, convNetwork } from './testing/conv-network.ts';
import { directorySink, PlanExecutor } from './testing/execute.ts';
import { relativeError } from './testing/public-graphs.ts';

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

describe('a grouped convolution is divided within its groups', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'groups-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test.each([
    ['between dense ones', [conv(3, 8, 1), conv(8, 12, 2), conv(12, 4, 1)]],
    [
      'straight into a dense and a grouped one',
      [conv(4, 8, 2, false), conv(8, 12, 4, false), conv(12, 4, 1)],
    ],
    ['with blocks of unequal height', [conv(6, 21, 3), conv(21, 6, 1)]],
    ['transposed', [transposed(4, 12, 2), transposed(12, 8, 1)]],
  ])('%s, healthy and with each device dead', async (name, layers) => {
    const modelPath = join(directory, 'model.onnx');
    writeFileSync(modelPath, Buffer.concat(writeModel(convNetwork(layers))));
    const input = Float32Array.from({ length: layers[0]!.inputs * 36 }, (_, i) => Math.cos(i));
    const feeds = { x: new Tensor('float32', input, [1, layers[0]!.inputs, 6, 6]) };
    const session = await InferenceSession.create(modelPath);
    const expected = (await session.run(feeds)).y!;
    await session.release();

    const canonical = await canonicalise({
      modelPath,
      scratchDirectory: directory,
      outputDirectory: join(directory, 'models'),
    });
    const loaded = openCanonical(canonical.graph.path);
    const profile = profileModel(loaded.model, { name, sha256: canonical.graph.sha256 });
    const plan = createPlan(profile, { k: 3, r: 1, strategy: 'coded', layers: 'all' });
    const distributed = plan.decisions.filter((decision) => decision.distributed);
    expect(distributed).toHaveLength(layers.length);
    const artifacts = await buildArtifacts(plan, loaded, directorySink(directory));
    loaded.close();
    const executor = new PlanExecutor(plan, artifacts, directory);
    for (const dead of [[], [0], [1], [2], [3]]) {
      const { y } = await executor.run(feeds, new Set(dead));
      expect(y!.dims).toEqual(expected.dims);
      expect(relativeError(y!, expected)).toBeLessThan(1e-5);
    }
    await executor.release();
  });

  test('and one that is depthwise is not, with the reason', async () => {
    const modelPath = join(directory, 'model.onnx');
    writeFileSync(modelPath, Buffer.concat(writeModel(convNetwork([conv(8, 8, 8), conv(8, 4, 1)]))));
    const canonical = await canonicalise({
      modelPath,
      scratchDirectory: directory,
      outputDirectory: join(directory, 'models'),
    });
    const loaded = openCanonical(canonical.graph.path);
    const profile = profileModel(loaded.model, { name: 'depthwise', sha256: canonical.graph.sha256 });
    loaded.close();
    const plan = createPlan(profile, { k: 2, r: 1, strategy: 'coded', layers: 'all' });
    expect(plan.decisions.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/depthwise: each of its 8 groups/),
      'every layer that can be is distributed',
    ]);
  });
});
