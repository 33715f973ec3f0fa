import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalize, openCanonical } from '@sparewheel/onnx-import';
import { expect, test } from 'vitest';
import type { Plan, PlanOptions } from './plan.ts';
import { createPlan } from './planner.ts';
import { profileLoaded } from './profile-loaded.ts';
import { buildArtifacts } from './steps/build.ts';
import { directorySink, PlanExecutor } from './testing/execute.ts';
import { relativeError } from './testing/public-graphs.ts';
import { loadRealModel, REAL_MODELS_ARE_HERE } from './testing/real-models.ts';

/** The product's limit for the relative error of every network, healthy and with a dead device. */
const TOLERANCE = 1e-4;

/** By graph: the layers that are divided over 3 + 1 devices with the layers "all". */
const DIVIDED: Readonly<Record<string, number>> = {
  constant_node_weight: 1,
  float16_matmul: 1,
  free_batch_and_length: 2,
  free_unnamed_batch: 1,
  if_with_weights: 1,
  loop_over_linear: 1,
  lstm: 2,
  matmul_integer: 1,
  no_linear_layer: 0,
  one_output_head: 1,
  only_a_narrow_layer: 0,
  outputs_read_inside: 1,
  qdq_gemm: 1,
  qlinear_conv: 1,
  two_class_head: 1,
  weights_listed_as_inputs: 1,
};

const CHOICES: readonly PlanOptions[] = [
  { k: 3, r: 1, strategy: 'coded', layers: 'all' },
  { k: 4, r: 2, strategy: 'coded', layers: 'all' },
  { k: 3, r: 1, strategy: 'coded', layers: 'auto' },
  { k: 3, r: 1, strategy: 'paper', layers: 'all' },
  { k: 1, r: 1, strategy: 'replicated', layers: 'all' },
];

test.skipIf(!REAL_MODELS_ARE_HERE).each(Object.entries(DIVIDED))(
  'a real kind of model gives its expected outputs, healthy and with each device dead: %s',
  async (name, divided) => {
    const directory = mkdtempSync(join(tmpdir(), 'real-'));
    const { modelPath, inputs, outputs } = loadRealModel(name);
    const canonical = await canonicalize({
      modelPath,
      scratchDirectory: directory,
      outputDirectory: join(directory, 'models'),
    });
    const loaded = openCanonical(canonical.graph.path);
    const identity = { name, sha256: canonical.graph.sha256 };
    const profile = profileLoaded(loaded, identity, canonical.nodeMs, undefined, canonical.free);
    const check = async (plan: Plan) => {
      const artifacts = await buildArtifacts(plan, loaded, directorySink(directory));
      const executor = new PlanExecutor(plan, artifacts, directory);
      for (const dead of [[], ...plan.seats.map(({ seat }) => [seat])]) {
        const answer = await executor.run(inputs, new Set(dead));
        for (const [output, expected] of Object.entries(outputs)) {
          expect(answer[output]!.dims).toEqual(expected.dims);
          expect(relativeError(answer[output]!, expected)).toBeLessThan(TOLERANCE);
        }
      }
      await executor.release();
    };
    for (const [index, options] of CHOICES.entries()) {
      const plan = createPlan(profile, options);
      const coded = plan.steps.filter(({ kind }) => kind === 'coded');
      if (index === 0) expect(coded).toHaveLength(divided);
      await check(plan);
    }
    loaded.close();
    rmSync(directory, { recursive: true, force: true });
  },
);
