import { NonFiniteWeightError, type Partition, parityBiasFactor } from '@sparewheel/cdc';
import {
  analyzeInputSplit,
  analyzeLinear,
  analyzeSlice,
  constantsOf,
  cutSubgraph,
  detachWeights,
  dividedDims,
  type InputSplitLayer,
  inputShardModel,
  isCodable,
  isDivisible,
  isSliceable,
  type LinearLayer,
  type LoadedModel,
  loadLayerConstants,
  type Model,
  reshapeInputs,
  separateRecurrent,
  shapesOf,
  shardModel,
  sliceModel,
  TILED_AXIS,
  tileableSegment,
  tileModel,
  tileNeeds,
  type ValueInfo,
} from '@sparewheel/onnx';
import { PlanMismatchError, PlanRefusedError } from '../errors.ts';
import type {
  Artifact,
  Artifacts,
  BlobRef,
  CodedStep,
  Plan,
  ReplicatedStep,
  Seat,
  SlicePlan,
  Step,
  TilePlan,
} from '../plan.ts';
import { generatorOf } from './generator-of.ts';
import { mergesParts } from './parts.ts';

/** Stores files by their hash. */
export interface ArtifactSink {
  /**
   * Stores one file. A chunk is valid only until the next one is requested.
   * @param chunks  consecutive parts of the file; the sink must not mutate them
   */
  write(chunks: Iterable<Uint8Array>): Promise<BlobRef>;
}

export interface BuildProgress {
  readonly artifactsDone: number;
  readonly artifactsTotal: number;
  /** Bytes written so far. */
  readonly bytes: number;
  /** The artifact written last, and the seats that need it. A local step has no seats. */
  readonly made: { readonly artifact: Artifact; readonly seats: readonly Seat[] };
}

/**
 * Builds all files of a plan: one subgraph per local or replicated step, k + r shards per coded layer. The
 * same plan and model give the same files. The shards of a step that divides its input share one weights file,
 * and all its data shards are the same. The tiles of a segment share one weights file, too.
 *
 * Memory: pieces of a layer if its rows are contiguous in the file, else the layer and one shard.
 * @param canonical  the canonical model that the plan was made from
 * @throws {PlanMismatchError} the plan was made from another model
 * @throws {PlanRefusedError} LAYER_NOT_CODABLE  a layer has weights that are not finite
 */
export async function buildArtifacts(
  plan: Plan,
  canonical: LoadedModel,
  sink: ArtifactSink,
  onProgress: (progress: BuildProgress) => void = () => {},
): Promise<Artifacts> {
  const model = plan.separated ? separated(canonical) : canonical;
  const artifactsTotal = plan.steps.reduce((sum, step) => sum + artifactCount(step), 0);
  let artifactsDone = 0;
  let bytes = 0;
  const store = async (part: LoadedModel, seats: readonly Seat[], shards = 1): Promise<Artifact> => {
    const detached = detachWeights(part);
    const weights = detached.weightsBytes > 0 ? await sink.write(detached.weights()) : null;
    const graph = await sink.write(detached.graph(weights?.sha256 ?? ''));
    artifactsDone += shards;
    bytes += graph.bytes + (weights?.bytes ?? 0);
    const artifact = { graph, weights };
    onProgress({ artifactsDone, artifactsTotal, bytes, made: { artifact, seats } });
    return artifact;
  };

  // Parity is summed while it is written, so non-finite weights are only found here.
  const storeCoded = async (shard: LoadedModel, step: CodedStep, seat: Seat): Promise<Artifact> => {
    try {
      return await store(shard, [seat]);
    } catch (error) {
      throw notCodable(step, error);
    }
  };

  const layers = new Map<CodedStep, LinearLayer>();
  const divided = new Map<CodedStep, InputSplitLayer>();
  for (const step of plan.steps) {
    if (step.kind !== 'coded') continue;
    if (step.pieces) divided.set(step, findInputSplit(step, model.model));
    else layers.set(step, findLayer(step, model.model));
  }
  const received = foldedShapes(layers, model.model);
  const adapt = (part: Model): LoadedModel => ({
    model: reshapeInputs(part, received),
    external: model.external,
  });
  const artifacts: Record<string, Artifact[]> = {};
  for (const step of plan.steps) {
    const made: Artifact[] = [];
    const inputSplit = step.kind === 'coded' ? divided.get(step) : undefined;
    if (step.kind === 'coded' && inputSplit) {
      const shapes = shapesOfPieces(received, step);
      for (const [factor, seats] of bySharedFile(step)) {
        const rows = { inputRows: step.pieces!.rows, outputRows: step.height };
        const shard = inputShardModel(model, inputSplit, rows, factor);
        const received = { ...shard, model: reshapeInputs(shard.model, shapes) };
        const artifact = await store(received, seats, seats.length);
        made.push(...seats.map(() => artifact));
      }
    } else if (step.kind === 'coded') {
      for (const shard of shards(step, layers.get(step)!, model)) {
        const part = step.batchable ? withOpenBatch(shard) : shard;
        made.push(await storeCoded(adapt(part), step, step.seats[made.length]!));
      }
    } else if (step.kind === 'replicated' && step.tile) {
      const shapes = shapesOfTile(received, step.feeds[0]!, step.tile);
      const tile = reshapeInputs(cutTile(step, step.tile, model.model), shapes);
      made.push(await store({ model: tile, external: model.external }, step.seats));
    } else if (step.kind === 'replicated' && step.slice) {
      made.push(await store(adapt(cutSlice(step, step.slice, model)), step.seats));
    } else if (artifactCount(step) > 0) {
      const seats = step.kind === 'replicated' ? step.seats : [];
      made.push(await store(adapt(cutStep(step, model.model)), seats));
    }
    artifacts[step.id] = made;
  }
  return artifacts;
}

function separated(canonical: LoadedModel): LoadedModel {
  const found = separateRecurrent(canonical);
  if (!found) throw new PlanMismatchError('step-0', 'the model has no recurrent layer');
  return found.loaded;
}

/** Lets axis 0 of a shard's feed and fetch have any size. */
function withOpenBatch(shard: Model): Model {
  const open = (value: ValueInfo): ValueInfo =>
    value.type?.kind === 'tensor' && value.type.dims
      ? { ...value, type: { ...value.type, dims: ['batch', ...value.type.dims.slice(1)] } }
      : value;
  const { graph } = shard;
  return { ...shard, graph: { ...graph, inputs: graph.inputs.map(open), outputs: graph.outputs.map(open) } };
}

/** Returns the shapes of the results of grouped convolutions, which have the groups folded into the batch. */
function foldedShapes(
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

/** Returns the seats of each file of a step that divides its input, with the factor of its bias. */
function bySharedFile(step: CodedStep): [factor: number, seats: readonly Seat[]][] {
  const { dataShards: k, parityShards: r, seats } = step;
  const generator = generatorOf(step);
  const parity = Array.from({ length: r }, (_, index): [number, readonly Seat[]] => [
    parityBiasFactor(generator, index),
    [seats[k + index]!],
  ]);
  return [[1, seats.slice(0, k)], ...parity];
}

/** Returns the folded shapes as a device receives them: with the rows of a piece. */
function shapesOfPieces(
  received: ReadonlyMap<string, readonly number[]>,
  { feed, pieces }: CodedStep,
): Map<string, readonly number[]> {
  const dims = received.get(feed);
  if (!dims || !pieces) return new Map();
  const axis = pieces.axis < 0 ? dims.length + pieces.axis : pieces.axis;
  return new Map([[feed, dims.map((dim, i) => (i === axis ? pieces.rows : dim))]]);
}

/** Returns the folded shape of a tile's feed as a device receives it: with the rows of the tile. */
function shapesOfTile(
  received: ReadonlyMap<string, readonly number[]>,
  feed: string,
  { axis, input }: TilePlan,
): Map<string, readonly number[]> {
  const dims = received.get(feed);
  return dims ? new Map([[feed, dims.with(axis, input.to - input.from)]]) : new Map();
}

function cutTile(step: ReplicatedStep, { fetch, output, input }: TilePlan, model: Model): Model {
  requireNodes(step, model);
  const shapes = shapesOf(model.graph);
  const cut = { nodes: step.nodes, feeds: step.feeds, fetches: [fetch] };
  const segment = tileableSegment(model, cut, constantsOf(model.graph), shapes);
  if ('reason' in segment) throw new PlanMismatchError(step.id, segment.reason);
  const needs = tileNeeds(segment, (name) => shapes.get(name)?.[TILED_AXIS] ?? 0, output).input;
  if (needs.from !== input.from || needs.to !== input.to) {
    throw new PlanMismatchError(step.id, `its tile needs rows ${needs.from} to ${needs.to} of the input`);
  }
  return tileModel(model, segment, shapes, output, step.fetches[0]);
}

function cutSlice(step: ReplicatedStep, { part }: SlicePlan, loaded: LoadedModel): Model {
  const { model } = loaded;
  requireNodes(step, model);
  const constants = constantsOf(model.graph);
  const shapes = shapesOf(model.graph);
  const run = analyzeSlice(model, step.nodes.at(-1)!, constants, shapes);
  if (!isSliceable(run)) throw new PlanMismatchError(step.id, run.reason);
  const same = (a: readonly unknown[], b: readonly unknown[]) => a.join() === b.join();
  if (!same(run.nodes, step.nodes) || !same(run.feeds, step.feeds)) {
    throw new PlanMismatchError(step.id, 'its run of layers has other nodes or inputs');
  }
  return sliceModel(loaded, run, constants, shapes, part, step.fetches[0]!);
}

/** Returns the number of artifacts of a step: one subgraph, one per shard, or none for a step that merges parts. */
function artifactCount(step: Step): number {
  if (mergesParts(step)) return 0;
  return step.kind === 'coded' ? step.dataShards + step.parityShards : 1;
}

function requireNodes(step: Exclude<Step, CodedStep>, model: Model): void {
  if (step.nodes.some((node) => !model.graph.nodes[node])) {
    throw new PlanMismatchError(
      step.id,
      `it has a node outside the model's ${model.graph.nodes.length} nodes`,
    );
  }
}

function cutStep(step: Exclude<Step, CodedStep>, model: Model): Model {
  requireNodes(step, model);
  try {
    return cutSubgraph(model, step);
  } catch (error) {
    if (error instanceof RangeError) throw new PlanMismatchError(step.id, error.message);
    throw error;
  }
}

/** Yields the k + r shard models of a layer, one at a time to limit memory. */
function* shards(step: CodedStep, layer: LinearLayer, loaded: LoadedModel): Generator<Model> {
  const generator = generatorOf(step);
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

/** Converts the error of non-finite weights; returns any other error unchanged. */
function notCodable({ layer }: CodedStep, error: unknown): unknown {
  if (!(error instanceof NonFiniteWeightError)) return error;
  return new PlanRefusedError(
    'LAYER_NOT_CODABLE',
    `layer "${layer}" cannot be coded: weights, or sums of weights, are NaN or infinite`,
    'set "layers" to a list without this layer',
    layer,
  );
}

function findInputSplit(step: CodedStep, model: Model): InputSplitLayer {
  const { graph } = model;
  if (!graph.nodes[step.node]) throw new PlanMismatchError(step.id, `the model has no node ${step.node}`);
  const layer = analyzeInputSplit(graph, step.node, constantsOf(graph), shapesOf(graph));
  if (!isDivisible(layer))
    throw new PlanMismatchError(step.id, `the input of node ${step.node} cannot be divided`);
  const rows = step.blocks.reduce((sum, block) => sum + block.rows, 0);
  const fits = layer.outputRows === rows && layer.inputRows === step.pieces?.inputRows;
  if (!fits || layer.fetch !== step.fetch || layer.feed !== step.feed) {
    throw new PlanMismatchError(step.id, `layer "${step.layer}" has other inputs, outputs or rows`);
  }
  return layer;
}

function findLayer(step: CodedStep, model: Model): LinearLayer {
  const { graph } = model;
  if (!graph.nodes[step.node]) throw new PlanMismatchError(step.id, `the model has no node ${step.node}`);
  const layer = analyzeLinear(graph, step.node, constantsOf(graph), shapesOf(model.graph));
  if (!isCodable(layer))
    throw new PlanMismatchError(step.id, `node ${step.node} is not a layer that can be coded`);
  const rows = step.blocks.reduce((sum, block) => sum + block.rows, 0);
  if (layer.fetch !== step.fetch || layer.feed !== step.feed || layer.layout.rows !== rows) {
    throw new PlanMismatchError(step.id, `layer "${step.layer}" has other inputs, outputs or rows`);
  }
  return layer;
}
