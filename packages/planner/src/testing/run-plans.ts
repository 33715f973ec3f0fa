import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Model, writeModel } from '@sparewheel/onnx';
import { canonicalize, type DimensionValues, openCanonical } from '@sparewheel/onnx-import';
import { InferenceSession, type Tensor } from 'onnxruntime-node';
import type { Artifacts, Plan } from '../plan.ts';
import type { ModelProfile } from '../profile.ts';
import { profileLoaded } from '../profile-loaded.ts';
import { buildArtifacts } from '../steps/build.ts';
import { directorySink, PlanExecutor } from './execute.ts';

type Tensors = Readonly<Record<string, Tensor>>;

/** A canonicalized model, ready to be planned and run in this process. Call `release` after use. */
export interface PreparedModel {
  readonly profile: ModelProfile;
  /** Returns the outputs of plain ONNX Runtime on the original, undivided model. */
  expected(feeds: Tensors): Promise<Tensors>;
  /** Runs the plan once for each set of dead seats. */
  run(plan: Plan, feeds: Tensors, deadSets: readonly (readonly number[])[]): Promise<readonly Tensors[]>;
  /** Builds the files of the plan. */
  build(plan: Plan): Promise<Artifacts>;
  release(): void;
}

export async function prepareModel(
  model: Model,
  name = 'model',
  values: DimensionValues = {},
): Promise<PreparedModel> {
  const directory = mkdtempSync(join(tmpdir(), 'prepared-'));
  const modelPath = join(directory, 'model.onnx');
  writeFileSync(modelPath, Buffer.concat(writeModel(model)));
  const canonical = await canonicalize({
    ...values,
    modelPath,
    scratchDirectory: directory,
    outputDirectory: join(directory, 'models'),
  });
  const loaded = openCanonical(canonical.graph.path);
  return {
    profile: profileLoaded(
      loaded,
      { name, sha256: canonical.graph.sha256 },
      canonical.nodeMs,
      undefined,
      canonical.free,
    ),
    async expected(feeds) {
      const session = await InferenceSession.create(modelPath, { logSeverityLevel: 4 });
      const outputs = await session.run(feeds);
      await session.release();
      return outputs as unknown as Tensors;
    },
    async run(plan, feeds, deadSets) {
      const artifacts = await buildArtifacts(plan, loaded, directorySink(directory));
      const executor = new PlanExecutor(plan, artifacts, directory);
      const outputs: Tensors[] = [];
      for (const dead of deadSets) outputs.push(await executor.run(feeds, new Set(dead)));
      await executor.release();
      return outputs;
    },
    build: (plan) => buildArtifacts(plan, loaded, directorySink(directory)),
    release() {
      loaded.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
