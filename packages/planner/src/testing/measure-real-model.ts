import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { canonicalize, openCanonical } from '@sparewheel/onnx-import';
import type { PlanOptions } from '../plan.ts';
import { createPlan } from '../planner.ts';
import { profileLoaded } from '../profile-loaded.ts';
import { buildArtifacts } from '../steps/build.ts';
import { directorySink, PlanExecutor } from './execute.ts';
import { relativeError } from './public-graphs.ts';
import { loadRealModel } from './real-models.ts';

/** The largest relative errors of one plan; infinite if an answer has another shape. */
export interface MeasuredPlan {
  readonly options: PlanOptions;
  /** Number of coded steps. */
  readonly divided: number;
  readonly healthy: number;
  /** Over all single failures. */
  readonly dead: number;
}

/** The plans that every graph must run with. */
const CHOICES: readonly PlanOptions[] = [
  { k: 3, r: 1, strategy: 'coded', layers: 'all' },
  { k: 4, r: 2, strategy: 'coded', layers: 'all' },
  { k: 3, r: 1, strategy: 'coded', layers: 'auto' },
  { k: 3, r: 1, strategy: 'paper', layers: 'all' },
  { k: 1, r: 1, strategy: 'replicated', layers: 'all' },
];

/** Runs a graph with every plan, healthy and with each device dead, and compares with plain ONNX Runtime. */
export async function measureRealModel(name: string): Promise<readonly MeasuredPlan[]> {
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
  const measured: MeasuredPlan[] = [];
  for (const options of CHOICES) {
    const plan = createPlan(profile, options);
    const artifacts = await buildArtifacts(plan, loaded, directorySink(directory));
    const executor = new PlanExecutor(plan, artifacts, directory);
    const errorWithout = async (dead: readonly number[]) => {
      const answer = await executor.run(inputs, new Set(dead));
      const errors = Object.entries(outputs).map(([output, expected]) => {
        const found = answer[output]!;
        return `${found.dims}` === `${expected.dims}`
          ? relativeError(found, expected)
          : Number.POSITIVE_INFINITY;
      });
      return Math.max(...errors);
    };
    const healthy = await errorWithout([]);
    let dead = 0;
    for (const { seat } of plan.seats) dead = Math.max(dead, await errorWithout([seat]));
    await executor.release();
    const divided = plan.steps.filter(({ kind }) => kind === 'coded').length;
    measured.push({ options, divided, healthy, dead });
  }
  loaded.close();
  rmSync(directory, { recursive: true, force: true });
  return measured;
}
