import { DEFAULT_COSTS, localMs } from '../costs/costs.ts';
import { predictStepsMs } from '../costs/predict.ts';
import { PlanRefusedError } from '../errors.ts';
import {
  chooseLayers,
  decideFree,
  keepUnsendableTogether,
  type LayerSelection,
  recordSplits,
} from '../layers/choose-layers.ts';
import { layerTimes, optimizeLayers } from '../layers/optimize-layers.ts';
import type { LocalStep, PlanOptions, Seat, Step } from '../plan.ts';
import { isLinear, type ModelProfile } from '../profile.ts';
import { allSendable, requireSendable } from '../seats/replica-seats.ts';
import { partition } from '../seats/uneven-partition.ts';
import { divide, type Layout, type LayoutOptions, range, stepId } from './divide.ts';
import { explainLack, refuseWithoutSlices, slicedLayout } from './sliced-layout.ts';
import { cutIntoStages } from './stages.ts';
import { codedStep, inputSplitStep, localStep, replicatedStep } from './steps.ts';
import { requireTiles, tiledLayout } from './tiled-layout.ts';

/**
 * Lays out the steps of a plan over seats.
 * @throws {PlanRefusedError} no layout with these options exists
 */
export function layOut(profile: ModelProfile, options: LayoutOptions): Layout {
  const { strategy, splits } = options;
  const inParts = splits === 'tiles' || splits === 'slices';
  if (inParts && (strategy === 'paper' || strategy === 'replicated')) {
    throw new PlanRefusedError(
      splits === 'tiles' ? 'NOT_TILEABLE' : 'NOT_SLICEABLE',
      `the strategy "${strategy}" does not compute layers in ${splits}`,
      'use the strategy "coded", or another value of "splits"',
    );
  }
  switch (strategy) {
    case 'coded':
    case 'uncoded':
      return oneGroup(profile, options);
    case 'paper':
      return pipelineOfGroups(profile, options);
    case 'replicated':
      return replicatedStages(profile, options);
  }
}

/**
 * Puts every distributed layer on the same k + r seats, and the rest on the data plane. Under `devices-only`,
 * what contains a linear layer runs on 1 + r of these seats instead. With the layers and splits "auto", uses tiles or
 * slices if the plan is then predicted to be faster.
 */
function oneGroup(profile: ModelProfile, options: LayoutOptions): Layout {
  const costs = options.costs ?? DEFAULT_COSTS;
  const selection = chooseLayers(profile, options);
  const undecided = selection.free.length > 0;
  if (!undecided && selection.chosen.size === 0) return divide(profile, options, selection);
  if (options.splits === 'tiles') {
    return tilesAndCodedLayers(profile, options) ?? requireTiles(profile, options, selection);
  }
  if (!undecided) {
    if (options.splits !== 'slices') return divide(profile, options, selection);
    const sliced = slicedLayout(profile, options, selection, [selection.chosen], () => 0);
    if (!sliced) throw refuseWithoutSlices(profile, options, selection);
    return sliced;
  }
  const localBytes = options.dataPlaneMemoryBytes ?? Number.POSITIVE_INFINITY;
  const msOf = ({ steps }: Layout) => {
    const tooLarge = steps.some((step) => step.kind === 'local' && stepBytes(profile, step) > localBytes);
    return tooLarge ? Number.POSITIVE_INFINITY : predictStepsMs(profile, steps, options.seated ?? [], costs);
  };
  const predictMs = (divided: ReadonlySet<number>) =>
    orInfinity(() =>
      msOf(
        divide(profile, options, {
          chosen: new Set(divided),
          decisions: new Map(selection.decisions),
          free: [],
        }),
      ),
    );
  const divided = optimizeLayers(profile, selection.free, options, predictMs);
  const coded = divide(profile, options, decideFree(profile, selection, divided, options));
  const mayFail = (layout: Layout) => orInfinity(() => msOf(layout));
  const { splits = 'auto', tiles = true, slices = true, limited } = options;
  const others = [divided, new Set(selection.free), new Set<number>()];
  const sliced = () => slicedLayout(profile, options, selection, others, mayFail);
  if (splits === 'slices') return sliced() ?? coded;
  if (splits !== 'auto') return coded;
  // Then not even equal shards fit, and a backup needs more.
  if (limited) return explainLack(profile, coded);
  const inParts = [tiles ? tiledLayout(profile, options, selection, mayFail) : null, slices ? sliced() : null]
    .flatMap((layout) => (layout ? [{ layout, ms: msOf(layout) }] : []))
    .sort((a, b) => a.ms - b.ms)[0];
  if (inParts && inParts.ms * WORTH_PARTS < msOf(coded)) return inParts.layout;
  return slices ? coded : explainLack(profile, coded);
}

/**
 * With the layers "all", codes the linear layers that no segment of tiles contains, such as the last layers of a
 * classifier.
 * @returns null with other layers, or if there is no segment
 */
function tilesAndCodedLayers(profile: ModelProfile, options: LayoutOptions): Layout | null {
  if (options.layers !== 'all') return null;
  const costs = options.costs ?? DEFAULT_COSTS;
  const mixed: LayoutOptions = { ...options, splits: 'auto' };
  const predictMs = ({ steps }: Layout) => predictStepsMs(profile, steps, options.seated ?? [], costs);
  return tiledLayout(profile, mixed, chooseLayers(profile, mixed), predictMs, true);
}

/** Tiles and slices need more weights on each device than shards, so they must be faster by this factor. */
const WORTH_PARTS = 1.02;

/** Returns infinity for a plan that is refused. */
function orInfinity(predict: () => number): number {
  try {
    return predict();
  } catch (error) {
    if (error instanceof PlanRefusedError) return Number.POSITIVE_INFINITY;
    throw error;
  }
}

function stepBytes(profile: ModelProfile, { nodes }: LocalStep): number {
  return nodes.reduce((sum, node) => sum + profile.layers[node]!.weightsBytes, 0);
}

/**
 * Lays out the paper's pipeline [paper §6]: every distributed layer has its own k + r devices, and every
 * stage between them one device and r replicas (2MR for r = 1). A stage without weights that is faster than a
 * hop stays on the data plane, which merges the previous layer, and so does one with values that cannot be sent.
 */
function pipelineOfGroups(profile: ModelProfile, options: PlanOptions): Layout {
  const { k, r } = options;
  const costs = options.costs ?? DEFAULT_COSTS;
  const { chosen, decisions } = fasterAlone(profile, chooseLayers(profile, options), options);
  const drafts = keepUnsendableTogether(profile, chosen, decisions);
  recordSplits(profile, drafts, decisions, options);
  let seat = 0;
  const take = (count: number): Seat[] => {
    seat += count;
    return range(seat - count, seat);
  };
  const steps = drafts.map((draft, index): Step => {
    if (draft.kind === 'distributed') {
      if (decisions.get(draft.nodes[0]!)!.split === 'inputs') {
        return inputSplitStep(profile, draft, stepId(index), take(k + r), k);
      }
      const blocks = partition(profile.layers[draft.nodes[0]!]!, k);
      return codedStep(profile, draft, stepId(index), take(k + r), blocks);
    }
    const layers = draft.nodes.map((node) => profile.layers[node]!);
    const hasWeights = layers.some(({ weightsBytes }) => weightsBytes >= STAGE_WEIGHTS_BYTES);
    const ms = layers.reduce((sum, layer) => sum + localMs(profile, layer, costs), 0);
    const mustLeave = options.objective === 'devices-only' && layers.some(isLinear);
    if (mustLeave) requireSendable(profile, draft, layers.find(isLinear)!.name);
    const stays = !hasWeights && ms < costs.hopMs;
    if (!mustLeave && (stays || !allSendable(profile, draft))) {
      return localStep(profile, draft, stepId(index));
    }
    return replicatedStep(profile, draft, stepId(index), take(1 + r));
  });
  return { steps, decisions: [...decisions.values()] };
}

/** Divides each layer that is predicted to be faster on devices, because stages of a pipeline overlap. */
function fasterAlone(profile: ModelProfile, selection: LayerSelection, options: PlanOptions): LayerSelection {
  const faster = selection.free.filter((node) => {
    const { dividedMs, wholeMs } = layerTimes(profile, profile.layers[node]!, options);
    return dividedMs < wholeMs;
  });
  return decideFree(profile, selection, new Set(faster), options);
}

/**
 * Lays out k consecutive stages, each on one device and r replicas (2MR for r = 1). No layer is divided.
 * @throws {PlanRefusedError} LAYER_NOT_PLACEABLE  a stage has a value that cannot be sent
 */
function replicatedStages(profile: ModelProfile, options: PlanOptions): Layout {
  const { k, r } = options;
  const steps = cutIntoStages(profile, k, options.costs ?? DEFAULT_COSTS).map((draft, stage) => {
    const seats = range(0, 1 + r).map((replica) => replica * k + stage);
    requireSendable(profile, draft, profile.layers[draft.nodes[0]!]!.name, USE_LOCAL_STEPS);
    return replicatedStep(profile, draft, stepId(stage), seats);
  });
  const decisions = profile.layers
    .filter(({ coding, notCodable }) => coding || notCodable !== null)
    .map(({ name, op }) => ({
      layer: name,
      op,
      distributed: false,
      reason: 'the strategy "replicated" does not divide layers',
    }));
  return { steps, decisions };
}

const USE_LOCAL_STEPS = 'use the strategy "coded", under which layers with such values run on the data plane';

/** A subgraph with fewer bytes of constants, such as shapes and scales, does not need a device for them. */
const STAGE_WEIGHTS_BYTES = 1024;
