import { generatorMatrix, NonFiniteWeightError, type Partition } from '@sparewheel/cdc';
import {
  analyseLinear,
  constantsOf,
  cutSubgraph,
  detachWeights,
  dividedDims,
  isCodable,
  type LinearLayer,
  type LoadedModel,
  loadLayerConstants,
  type Model,
  reshapeInputs,
  shapesOf,
  shardModel,
} from '@sparewheel/onnx';
import { PlanMismatchError, PlanRefusedError } from './errors.ts';
import type { Artifact, Artifacts, BlobRef, CodedStep, Plan, Seat, Step } from './plan.ts';

/** Takes files and names them by their hash. */
export interface ArtifactSink {
  /** Stores one file. A chunk must not be changed, and is there until the next one is asked for. */
  write(chunks: Iterable<Uint8Array>): Promise<BlobRef>;
}

export interface BuildProgress {
  readonly artifactsDone: number;
  readonly artifactsTotal: number;
  /** Bytes written so far. */
  readonly bytes: number;
  /** The artifact that was just written, and the seats that compute it; none of a local step. */
  readonly made: { readonly artifact: Artifact; readonly seats: readonly Seat[] };
}

/**
 * Makes all files of a plan: a subgraph per local step, k + r shards per coded layer, parity encoded. Of a
 * layer whose rows lie together only pieces are in memory, of others the layer and one shard. The same plan and model give the same files.
 * @param model  the canonical model that the plan was made from
 * @throws {PlanMismatchError} the plan was made from another model
 * @throws {PlanRefusedError} LAYER_NOT_CODABLE  a layer's weights are not finite, which only shows now
 */
export async function buildArtifacts(
  plan: Plan,
  model: LoadedModel,
  sink: ArtifactSink,
  onProgress: (progress: BuildProgress) => void = () => {},
): Promise<Artifacts> {
  const artifactsTotal = plan.steps.reduce((sum, step) => sum + artifactCount(step), 0);
  let artifactsDone = 0;
  let bytes = 0;
  const store = async (part: LoadedModel, seats: readonly Seat[]): Promise<Artifact> => {
    const detached = detachWeights(part);
    const weights = detached.weightsBytes > 0 ? await sink.write(detached.weights()) : null;
    const graph = await sink.write(detached.graph(weights?.sha256 ?? ''));
    artifactsDone++;
    bytes += graph.bytes + (weights?.bytes ?? 0);
    const artifact = { graph, weights };
    onProgress({ artifactsDone, artifactsTotal, bytes, made: { artifact, seats } });
    return artifact;
  };

  /** Parities are summed while they are written: only then it shows that a layer cannot be coded. */
  const storeCoded = async (shard: LoadedModel, step: CodedStep, seat: Seat): Promise<Artifact> => {
    try {
      return await store(shard, [seat]);
    } catch (error) {
      throw notCodable(step, error);
    }
  };

  const layers = new Map<CodedStep, LinearLayer>();
  for (const step of plan.steps) if (step.kind === 'coded') layers.set(step, findLayer(step, model.model));
  const received = regrouped(layers, model.model);
  const adapt = (part: Model): LoadedModel => ({
    model: reshapeInputs(part, received),
    external: model.external,
  });
  const artifacts: Record<string, Artifact[]> = {};
  for (const step of plan.steps) {
    const made: Artifact[] = [];
    if (step.kind === 'coded') {
      for (const shard of shards(step, layers.get(step)!, model)) {
        made.push(await storeCoded(adapt(shard), step, step.seats[made.length]!));
      }
    } else {
      const seats = step.kind === 'replicated' ? step.seats : [];
      made.push(await store(adapt(cutStep(step, model.model)), seats));
    }
    artifacts[step.id] = made;
  }
  return artifacts;
}

/** The shapes in which grouped convolutions' results come: with the groups folded into the batch. */
function regrouped(
  layers: ReadonlyMap<CodedStep, LinearLayer>,
  model: Model,
): Map<string, readonly number[]> {
  const shapes = shapesOf(model.graph);
  const received = new Map<string, readonly number[]>();
  for (const layer of layers.values()) {
    if (layer.groups === 1) continue;
    received.set(layer.fetch, dividedDims(layer, shapes.get(layer.fetch)!, layer.layout.rows));
  }
  return received;
}

/** How many files-with-weights a step has: one subgraph, or one per shard. */
export function artifactCount(step: Step): number {
  return step.kind === 'coded' ? step.dataShards + step.parityShards : 1;
}

function cutStep(step: Exclude<Step, CodedStep>, model: Model): Model {
  if (step.nodes.some((node) => !model.graph.nodes[node])) {
    throw new PlanMismatchError(step.id, `it has nodes beyond the model's ${model.graph.nodes.length}`);
  }
  try {
    return cutSubgraph(model, step);
  } catch (error) {
    if (error instanceof RangeError) throw new PlanMismatchError(step.id, error.message);
    throw error;
  }
}

/** The k + r shard models of a layer, one at a time. */
function* shards(step: CodedStep, layer: LinearLayer, loaded: LoadedModel): Generator<Model> {
  const generator = generatorMatrix(step.dataShards, step.parityShards);
  const partition: Partition = { rows: layer.layout.rows, height: step.height, blocks: step.blocks };
  const constants = loadLayerConstants(loaded, layer);
  for (let shard = 0; shard < step.dataShards + step.parityShards; shard++) {
    try {
      yield shardModel(loaded, layer, constants, partition, generator, shard);
    } catch (error) {
      throw notCodable(step, error);
    }
  }
}

/** What to throw for an error of making a layer's shards. */
function notCodable({ layer }: CodedStep, error: unknown): unknown {
  if (!(error instanceof NonFiniteWeightError)) return error;
  return new PlanRefusedError(
    'LAYER_NOT_CODABLE',
    `layer "${layer}" has weights that are NaN or infinite, or so large that their sum is; they cannot be coded`,
    'name the layers to distribute, without this one',
    layer,
  );
}

function findLayer(step: CodedStep, model: Model): LinearLayer {
  const { graph } = model;
  if (!graph.nodes[step.node]) throw new PlanMismatchError(step.id, `the model has no node ${step.node}`);
  const layer = analyseLinear(graph, step.node, constantsOf(graph), shapesOf(model.graph));
  if (!isCodable(layer)) throw new PlanMismatchError(step.id, `node ${step.node} is not a layer to be coded`);
  const rows = step.blocks.reduce((sum, block) => sum + block.rows, 0);
  if (layer.fetch !== step.fetch || layer.feed !== step.feed || layer.layout.rows !== rows) {
    throw new PlanMismatchError(step.id, `layer "${step.layer}" looks different there`);
  }
  return layer;
}
