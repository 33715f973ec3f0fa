import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalize, openCanonical } from '@sparewheel/onnx-import';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { whyNot } from './layers/splits.ts';
import type { Plan } from './plan.ts';
import { createPlan } from './planner.ts';
import type { ModelProfile } from './profile.ts';
import { profileLoaded } from './profile-loaded.ts';
import { buildArtifacts } from './steps/build.ts';
import { directorySink, PlanExecutor } from './testing/execute.ts';
import { caseNames, GRAPHS, GRAPHS_ARE_HERE, loadCase, relativeError } from './testing/public-graphs.ts';

/** The product's limit for the relative error of every network, healthy and with a dead device. */
const TOLERANCE = 1e-4;

describe.skipIf(!GRAPHS_ARE_HERE)('a public graph gives its expected outputs:', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'planner-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const prepare = async (name: string) => {
    const expected = loadCase(GRAPHS, name);
    const canonical = await canonicalize({
      modelPath: expected.modelPath,
      scratchDirectory: directory,
      outputDirectory: join(directory, 'models'),
    });
    const loaded = openCanonical(canonical.graph.path);
    const identity = { name, sha256: canonical.graph.sha256 };
    const profile = profileLoaded(loaded, identity, canonical.nodeMs, undefined, canonical.free);
    return { expected, loaded, profile };
  };

  /** Runs the plan with no dead seats, then with each set of dead seats. */
  const check = async (
    { expected, loaded }: Awaited<ReturnType<typeof prepare>>,
    plan: Plan,
    deadSets: readonly (readonly number[])[],
  ) => {
    expect(JSON.parse(JSON.stringify(plan)) as Plan).toEqual(plan);
    const artifacts = await buildArtifacts(plan, loaded, directorySink(directory));
    const executor = new PlanExecutor(plan, artifacts, directory);
    for (const dead of [[], ...deadSets]) {
      const outputs = await executor.run(expected.inputs, new Set(dead));
      for (const [output, tensor] of Object.entries(expected.outputs)) {
        expect(outputs[output]!.dims).toEqual(tensor.dims);
        expect(relativeError(outputs[output]!, tensor)).toBeLessThan(TOLERANCE);
      }
    }
    await executor.release();
    loaded.close();
  };

  test.each(caseNames(GRAPHS))('%s, coded over 4 + 1, with each device dead', async (name) => {
    const prepared = await prepare(name);
    const plan = createPlan(prepared.profile, { k: 4, r: 1, strategy: 'coded', layers: 'all' });
    await check(prepared, plan, [[0], [1], [2], [3], [4]]);
  });

  test.each(caseNames(GRAPHS))(
    '%s, divided inputs over 3 + 2, with one or two devices dead',
    async (name) => {
      const prepared = await prepare(name);
      const plan = inputsWhereDivisible(prepared.profile, 3, 2);
      await check(prepared, plan, [[0], [4], [0, 1], [1, 3], [3, 4]]);
    },
  );

  test.each(['unet', 'text_encoder', 'conv1d_lstm'])(
    '%s, coded over 6 + 2, with two devices dead',
    async (name) => {
      const prepared = await prepare(name);
      const plan = createPlan(prepared.profile, { k: 6, r: 2, strategy: 'coded', layers: 'all' });
      await check(prepared, plan, [
        [0, 1],
        [2, 5],
        [4, 7],
        [6, 7],
      ]);
    },
  );

  test.each(['unet', 'text_encoder', 'grouped_depthwise'])('%s, in replicated stages', async (name) => {
    const prepared = await prepare(name);
    const plan = createPlan(prepared.profile, { k: 3, r: 1, strategy: 'replicated', layers: 'all' });
    await check(
      prepared,
      plan,
      [0, 1, 2, 3, 4, 5].map((seat) => [seat]),
    );
  });

  test.each(['two_inputs_two_outputs', 'conv1d_lstm'])('%s, with the strategy "paper"', async (name) => {
    const prepared = await prepare(name);
    const plan = createPlan(prepared.profile, { k: 2, r: 1, strategy: 'paper', layers: 'all' });
    await check(
      prepared,
      plan,
      plan.seats.map(({ seat }) => [seat]),
    );
  });
});

/** Divides the input of every layer where that is possible, and the weights of the others. */
function inputsWhereDivisible(profile: ModelProfile, k: number, r: number): Plan {
  const layers = profile.layers.map((layer) =>
    whyNot(profile, layer, 'inputs', { k }) === null
      ? { ...layer, coding: null, notCodable: 'this test divides its input' }
      : layer,
  );
  return createPlan({ ...profile, layers }, { k, r, strategy: 'coded', layers: 'all' });
}
