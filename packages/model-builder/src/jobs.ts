/** The jobs of the model builder, independent of its thread, so that tests can call them directly. */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  type CanonicalChild,
  canonicalizeInChild,
  openCanonical,
  writeHashed,
} from '@sparewheel/onnx-import';
import {
  type Artifact,
  type Artifacts,
  blobsOf,
  buildArtifacts,
  inputSplitOf,
  type ModelProfile,
  type Planned,
  planFleet,
  profileLoaded,
} from '@sparewheel/planner';
import { ApiError, type LinearLayerView } from '@sparewheel/protocol';
import { zooModel } from '@sparewheel/zoo';
import type { BlobStore } from './blob-store.ts';
import type {
  BuiltZooModel,
  ImportedModel,
  JobProgress,
  ModelBuilderJob,
  ModelBuilderResults,
  PlanningChoice,
} from './messages.ts';
import { type UnpackedModel, unpackModel, uploadFormat } from './model-archive.ts';

export interface Tools {
  readonly blobs: BlobStore;
  /** Existing directory for temporary files, on the same file system as the blobs. */
  readonly scratch: string;
  /** Aborted when the model builder closes; ends the child process that converts a model. */
  readonly closing?: AbortSignal;
  /** Replaces the child process that converts a model to its canonical form, in tests. */
  readonly canonicalChild?: CanonicalChild;
}

/**
 * Time limit for loading a model, running it once and writing it. VGG16 takes a few seconds on a small
 * server. A longer conversion would block every other upload.
 */
const CANONICALIZE_LIMIT_MS = 120_000;

/** Runs a job. Rejects with the error that `jobErrorReport` converts for the client. */
export async function runJob<J extends ModelBuilderJob>(
  job: J,
  tools: Tools,
  onProgress: (progress: JobProgress) => void,
): Promise<ModelBuilderResults[J['kind']]>;
export async function runJob(
  job: ModelBuilderJob,
  tools: Tools,
  onProgress: (progress: JobProgress) => void,
) {
  switch (job.kind) {
    case 'import-model':
      return importModel(job, tools);
    case 'build-zoo-model':
      return buildZooModel(job);
    case 'plan':
      return plan(job, tools);
    case 'verify-blob':
      return tools.blobs.isIntact(job.sha256);
    case 'build':
      return build(job, tools, onProgress);
  }
}

async function importModel(
  job: Extract<ModelBuilderJob, { kind: 'import-model' }>,
  tools: Tools,
): Promise<ImportedModel> {
  const format = uploadFormat(job.path);
  if (format === 'onnx') return importFiles(job, { format, path: job.path }, tools);
  const directory = mkdtempSync(join(tools.scratch, 'archive-'));
  try {
    // A model.json alone lacks its weights. The conversion says which.
    const files: UnpackedModel =
      format === 'json'
        ? { format: 'tfjs', jsonPaths: [modelJson(job.path, directory)] }
        : await unpackModel(job.path, format, directory);
    return await importFiles(job, files, tools);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Gives an upload its usual name, in a directory without other files. */
function modelJson(upload: string, directory: string): string {
  const path = join(directory, 'model.json');
  copyFileSync(upload, path);
  return path;
}

async function importFiles(
  { name, dimensions, maxDimensions, shapes }: Extract<ModelBuilderJob, { kind: 'import-model' }>,
  files: UnpackedModel,
  { blobs, scratch, closing, canonicalChild }: Tools,
): Promise<ImportedModel> {
  // ONNX Runtime is native code, and a conversion can take long. A hostile model that crashes it must not crash the control plane.
  const { graph, weights, nodeMs, speed, free } = await canonicalizeInChild(
    {
      ...(files.format === 'onnx' ? { modelPath: files.path } : { tfjsJsonPaths: files.jsonPaths }),
      scratchDirectory: scratch,
      outputDirectory: blobs.directory,
      dims: dimensions,
      maxDims: maxDimensions,
      shapes,
    },
    { timeoutMs: CANONICALIZE_LIMIT_MS, signal: closing, child: canonicalChild },
  );
  const canonical: Artifact = {
    graph: { sha256: graph.sha256, bytes: graph.bytes },
    weights: weights && { sha256: weights.sha256, bytes: weights.bytes },
  };
  const opened = openCanonical(join(blobs.directory, graph.sha256));
  try {
    const profile = profileLoaded(opened, { name, sha256: graph.sha256 }, nodeMs, speed, free);
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

async function buildZooModel({
  name,
  path,
}: Extract<ModelBuilderJob, { kind: 'build-zoo-model' }>): Promise<BuiltZooModel> {
  const model = zooModel(name);
  if (model === undefined) throw new Error(`the zoo has no model "${name}"`);
  return writeHashed(path, await model.chunks());
}

function linearLayers(profile: ModelProfile): LinearLayerView[] {
  return profile.layers
    .filter(({ coding, notCodable }) => coding !== null || notCodable !== null)
    .map((layer) => {
      const { name, op, outputDims, parameters, multiplyAdds, coding, notCodable } = layer;
      const divisible = inputSplitOf(layer) !== undefined;
      return {
        name,
        op,
        outputDims: outputDims ?? [],
        parameters,
        multiplyAdds,
        codable: coding !== null || divisible,
        reason: divisible ? null : notCodable,
      };
    });
}

async function plan(
  { profileSha256, choice }: { profileSha256: string; choice: PlanningChoice },
  { blobs }: Tools,
): Promise<Planned> {
  await requireIntact(blobs, [profileSha256]);
  const profile = JSON.parse(await blobs.readText(profileSha256)) as ModelProfile;
  return planFleet(profile, choice);
}

async function build(
  { plan, canonical }: Extract<ModelBuilderJob, { kind: 'build' }>,
  { blobs }: Tools,
  onProgress: (progress: JobProgress) => void,
): Promise<Artifacts> {
  await requireIntact(
    blobs,
    blobsOf(canonical).map(({ sha256 }) => sha256),
  );
  const opened = openCanonical(blobs.path(canonical.graph.sha256));
  try {
    return await buildArtifacts(
      plan,
      opened,
      { write: (chunks) => blobs.store(chunks) },
      ({ artifactsDone, artifactsTotal, made }) =>
        onProgress({ fraction: artifactsDone / artifactsTotal, made }),
    );
  } finally {
    opened.close();
  }
}

/** @throws {ApiError} a file of the model is damaged. Shards cut from it would give wrong answers */
async function requireIntact(blobs: BlobStore, names: readonly string[]): Promise<void> {
  for (const sha256 of names) {
    if (await blobs.isIntact(sha256)) continue;
    throw new ApiError(
      500,
      'damaged-model',
      `A stored file of the model is damaged: blob ${sha256}.`,
      'Upload the same model again under the same name. This repairs it.',
    );
  }
}
