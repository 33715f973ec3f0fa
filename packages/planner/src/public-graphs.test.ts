import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalise, openCanonical } from '@sparewheel/onnx/canonical';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildArtifacts } from './build.ts';
import type { Plan } from './plan.ts';
import { createPlan } from './planner.ts';
import { profileModel } from './profile.ts';
import { directorySink, PlanExecutor } from './testing/execute.ts';
import { caseNames, GRAPHS, GRAPHS_ARE_HERE, loadCase, relativeError } from './testing/public-graphs.ts';

/** What the product promises of every network, healthy and with a device dead. */
const TOLERANCE = 1e-4;

describe.skipIf(!GRAPHS_ARE_HERE)('a public graph, coded over 4 + 1, gives its expected outputs', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'planner-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test.each(caseNames(GRAPHS))('%s, healthy and with each device dead', async (name) => {
    const expected = loadCase(GRAPHS, name);
    const dims = name === 'two_inputs_two_outputs' ? { dims: { batch: 1 } } : {};
    const canonical = await canonicalise({
      modelPath: expected.modelPath,
      scratchDirectory: directory,
      outputDirectory: join(directory, 'models'),
      ...dims,
    });
    const loaded = openCanonical(canonical.graph.path);
    const profile = profileModel(loaded.model, { name, sha256: canonical.graph.sha256 }, canonical.nodeMs);
    const plan = createPlan(profile, { k: 4, r: 1, strategy: 'coded', layers: 'all' });
    expect(JSON.parse(JSON.stringify(plan)) as Plan).toEqual(plan);
    const artifacts = await buildArtifacts(plan, loaded, directorySink(directory));
    loaded.close();

    const executor = new PlanExecutor(plan, artifacts, directory);
    for (const dead of [[], [0], [1], [2], [3], [4]]) {
      const outputs = await executor.run(expected.inputs, new Set(dead));
      for (const [output, tensor] of Object.entries(expected.outputs)) {
        expect(outputs[output]!.dims).toEqual(tensor.dims);
        expect(relativeError(outputs[output]!, tensor)).toBeLessThan(TOLERANCE);
      }
    }
    await executor.release();
  });
});
