/** What the workshop's thread does, free of the thread, so that tests can call it. */
import { join } from 'node:path';
import { canonicalise, openCanonical } from '@sparewheel/onnx/canonical';
import {
  type Artifact,
  type Artifacts,
  buildArtifacts,
  createPlan,
  type ModelProfile,
  type Plan,
  profileModel,
} from '@sparewheel/planner';
import type { LinearLayerView } from '@sparewheel/protocol';
import type { BlobStore } from './blob-store.ts';
import type { ImportedModel, PlanningChoice, WorkshopJob, WorkshopResults } from './messages.ts';

export interface Tools {
  readonly blobs: BlobStore;
  /** An existing directory on the file system of the blobs. */
  readonly scratch: string;
}

/** @param onProgress  from 0 to 1 */
export async function runJob<J extends WorkshopJob>(
  job: J,
  tools: Tools,
  onProgress: (fraction: number) => void,
): Promise<WorkshopResults[J['kind']]>;
export async function runJob(job: WorkshopJob, tools: Tools, onProgress: (fraction: number) => void) {
  switch (job.kind) {
    case 'import-model':
      return importModel(job, tools);
    case 'plan':
      return plan(job, tools);
    case 'build':
      return build(job, tools, onProgress);
  }
}

async function importModel(
  { path, name, dimensions }: Extract<WorkshopJob, { kind: 'import-model' }>,
  { blobs, scratch }: Tools,
): Promise<ImportedModel> {
  const { graph, weights, nodeMs } = await canonicalise({
    modelPath: path,
    scratchDirectory: scratch,
    outputDirectory: blobs.directory,
    dims: dimensions,
  });
  const canonical: Artifact = {
    graph: { sha256: graph.sha256, bytes: graph.bytes },
    weights: weights && { sha256: weights.sha256, bytes: weights.bytes },
  };
  const opened = openCanonical(join(blobs.directory, graph.sha256));
  try {
    const profile = profileModel(opened.model, { name, sha256: graph.sha256 }, nodeMs);
    return {
      canonical,
      profile: blobs.write([new TextEncoder().encode(JSON.stringify(profile))]),
      inputs: profile.inputs,
      outputs: profile.outputs,
      layers: linearLayers(profile),
      parameters: profile.parameters,
    };
  } finally {
    opened.close();
  }
}

function linearLayers(profile: ModelProfile): LinearLayerView[] {
  return profile.layers
    .filter(({ coding, notCodable }) => coding !== null || notCodable !== null)
    .map(({ name, op, outputDims, parameters, multiplyAdds, coding, notCodable }) => ({
      name,
      op,
      outputDims: outputDims ?? [],
      parameters,
      multiplyAdds,
      codable: coding !== null,
      reason: notCodable,
    }));
}

async function plan(
  { profileSha256, choice }: { profileSha256: string; choice: PlanningChoice },
  { blobs }: Tools,
): Promise<Plan> {
  const profile = JSON.parse(await blobs.readText(profileSha256)) as ModelProfile;
  return createPlan(profile, choice);
}

async function build(
  { plan, canonical }: Extract<WorkshopJob, { kind: 'build' }>,
  { blobs }: Tools,
  onProgress: (fraction: number) => void,
): Promise<Artifacts> {
  const opened = openCanonical(blobs.path(canonical.graph.sha256));
  try {
    return await buildArtifacts(
      plan,
      opened,
      { write: async (chunks) => blobs.write(chunks) },
      ({ artifactsDone, artifactsTotal }) => onProgress(artifactsDone / artifactsTotal),
    );
  } finally {
    opened.close();
  }
}
