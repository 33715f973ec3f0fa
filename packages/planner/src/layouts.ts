import {
  chooseLayers,
  decideFree,
  keepUnsendableTogether,
  type LayerSelection,
  recordSplits,
} from './choose-layers.ts';
import { DEFAULT_COSTS, localMs } from './costs.ts';
import { PlanRefusedError } from './errors.ts';
import { layerTimes, optimizeLayers } from './optimize-layers.ts';
import type { LayerDecision, LocalStep, PlanOptions, Seat, Split, Step } from './plan.ts';
import { predictSteps } from './predict.ts';
import { isLinear, type LayerProfile, type ModelProfile } from './profile.ts';
import { ReplicaSeats, requireSendable } from './replica-seats.ts';
import { memoryOf } from './seating.ts';
import type { SelectionOptions } from './selection-options.ts';
import { cutIntoStages } from './stages.ts';
import { codedStep, inputSplitStep, localStep, replicatedStep } from './steps.ts';
import { partition, unevenPartition } from './uneven-partition.ts';

/** The steps of a plan and the decisions about its layers. */
export interface Layout {
  readonly steps: readonly Step[];
  readonly decisions: readonly LayerDecision[];
}

export interface LayoutOptions extends SelectionOptions {
  readonly uneven: boolean;
  /** Whether blocks must fit the memory of the seated devices. */
  readonly limited: boolean;
}

/**
 * Lays out the steps of a plan over seats.
 * @throws {PlanRefusedError} no layout with these options exists
 */
export function layOut(profile: ModelProfile, options: LayoutOptions): Layout {
  switch (options.strategy) {
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
 * what contains a linear layer runs on 1 + r of these seats instead.
 */
function oneGroup(profile: ModelProfile, options: LayoutOptions): Layout {
  const costs = options.costs ?? DEFAULT_COSTS;
  const selection = chooseLayers(profile, options);
  if (selection.free.length === 0) return divide(profile, options, selection);
  const localBytes = options.dataPlaneMemoryBytes ?? Number.POSITIVE_INFINITY;
  const predictMs = (divided: ReadonlySet<number>) => {
    try {
      const { steps } = divide(profile, options, {
        chosen: new Set(divided),
        decisions: new Map(selection.decisions),
        free: [],
      });
      const tooLarge = steps.some((step) => step.kind === 'local' && stepBytes(profile, step) > localBytes);
      return tooLarge
        ? Number.POSITIVE_INFINITY
        : predictSteps(profile, steps, options.seated ?? [], costs).ms;
    } catch (error) {
      if (error instanceof PlanRefusedError) return Number.POSITIVE_INFINITY;
      throw error;
    }
  };
  const divided = optimizeLayers(profile, selection.free, options, predictMs);
  return divide(profile, options, decideFree(profile, selection, divided, options));
}

function divide(
  profile: ModelProfile,
  options: LayoutOptions,
  { chosen, decisions }: LayerSelection,
): Layout {
  const { k, r, seated = [], uneven, limited } = options;
  const costs = options.costs ?? DEFAULT_COSTS;
  const drafts = keepUnsendableTogether(profile, chosen, decisions);
  const seats = range(0, k + r);
  // Without a coded group, the seats are only those of the replicas.
  const group = drafts.some(({ kind }) => kind === 'distributed') ? k + r : 1 + r;
  const replicas = new ReplicaSeats(profile, group, seated, uneven && !limited, costs);
  const replicaSeats = drafts.map((draft) =>
    options.objective === 'devices-only' && draft.kind === 'subgraph' && hasLinear(profile, draft.nodes)
      ? replicas.take(draft, 1 + r)
      : null,
  );
  recordSplits(profile, drafts, decisions, options);
  const layersWith = (split: Split) =>
    drafts
      .filter(({ kind, nodes }) => kind === 'distributed' && decisions.get(nodes[0]!)!.split === split)
      .map(({ nodes }) => profile.layers[nodes[0]!]!);
  const codedBytes = layersWith('weights').reduce(
    (sum, { coding }) => sum + coding!.bytesPerRow * coding!.rows,
    0,
  );
  const everywhereBytes = layersWith('inputs').reduce((sum, { weightsBytes }) => sum + weightsBytes, 0);
  const room =
    limited && codedBytes > 0
      ? seated.map(
          (device, seat) => (memoryOf(device) - everywhereBytes - replicas.usedBytes[seat]!) / codedBytes,
        )
      : undefined;
  const blocksOf = (layer: LayerProfile) =>
    // Blocks that fit no memory stay even, and the seats are then reported as too small.
    (uneven && unevenPartition(profile, layer, k, seated, costs, room)) || partition(layer, k);
  const steps = drafts.map((draft, index) => {
    if (draft.kind === 'distributed') {
      return decisions.get(draft.nodes[0]!)!.split === 'inputs'
        ? inputSplitStep(profile, draft, stepId(index), seats, k)
        : codedStep(profile, draft, stepId(index), seats, blocksOf(profile.layers[draft.nodes[0]!]!));
    }
    const copies = replicaSeats[index];
    return copies
      ? replicatedStep(profile, draft, stepId(index), copies)
      : localStep(profile, draft, stepId(index));
  });
  return { steps, decisions: [...decisions.values()] };
}

function hasLinear(profile: ModelProfile, nodes: readonly number[]): boolean {
  return nodes.some((node) => isLinear(profile.layers[node]!));
}

function stepBytes(profile: ModelProfile, { nodes }: LocalStep): number {
  return nodes.reduce((sum, node) => sum + profile.layers[node]!.weightsBytes, 0);
}

/**
 * Lays out the paper's pipeline [paper §6]: every distributed layer has its own k + r devices, and every
 * stage between them one device and r replicas (2MR for r = 1). A stage without weights that is faster than a
 * hop stays on the data plane, which merges the previous layer.
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
    if (!hasWeights && !mustLeave && ms < costs.hopMs) return localStep(profile, draft, stepId(index));
    if (mustLeave) requireSendable(profile, draft, layers.find(isLinear)!.name);
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

/** Lays out k consecutive stages, each on one device and r replicas (2MR for r = 1). No layer is divided. */
function replicatedStages(profile: ModelProfile, options: PlanOptions): Layout {
  const { k, r } = options;
  const steps = cutIntoStages(profile, k, options.costs ?? DEFAULT_COSTS).map((draft, stage) => {
    const seats = range(0, 1 + r).map((replica) => replica * k + stage);
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

/** A subgraph with fewer bytes of constants, such as shapes and scales, does not need a device for them. */
const STAGE_WEIGHTS_BYTES = 1024;

export function stepId(index: number): string {
  return `step-${index}`;
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}
