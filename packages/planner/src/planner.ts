import { chooseLayers, keepUnsendableTogether, type SelectionOptions } from './choose-layers.ts';
import { DEFAULT_COSTS, type DeviceCapacity, localMs } from './costs.ts';
import { PlanRefusedError } from './errors.ts';
import { explainPlan, type PlanExplanation } from './explain.ts';
import type { LayerDecision, Plan, PlanOptions, Seat, Step } from './plan.ts';
import type { LayerProfile, ModelProfile } from './profile.ts';
import {
  assignByMemory,
  findMemoryShortage,
  memoryRefusal,
  seatGroup,
  unifyMachineSpeeds,
} from './seating.ts';
import { coverageOf, summarizeSeats } from './seats.ts';
import { cutIntoStages } from './stages.ts';
import { codedStep, localStep, replicatedStep } from './steps.ts';
import { partition, unevenPartition } from './uneven-partition.ts';

/** A plan with its predicted costs and the devices for its seats. */
export interface Planned {
  readonly plan: Plan;
  /** Device ids by seat. Null if any device will do: the plan does not depend on speeds or memory sizes. */
  readonly seats: readonly (string | null)[];
  readonly explanation: PlanExplanation;
}

/**
 * Plans how a model runs: which layers are divided over devices, what is replicated, what stays on the data
 * plane.
 * @throws {PlanRefusedError} no plan with these options exists
 */
export function createPlan(profile: ModelProfile, options: PlanOptions): Plan {
  return planFleet(profile, options).plan;
}

/**
 * Creates a plan as `createPlan` does, with an explanation and the devices for the seats. Faster devices get
 * more rows if the speeds of all devices are known and differ.
 * @throws {PlanRefusedError} no plan with these options exists
 */
export function planFleet(profile: ModelProfile, options: PlanOptions): Planned {
  const r = options.strategy === 'uncoded' ? 0 : options.r;
  requireCounts(options.k, r);
  const devices = options.devices && unifyMachineSpeeds(options.devices, profile.speed?.served);
  const attempt = layOutAndSeat(profile, { ...options, r, ...(devices ? { devices } : {}) });
  if (attempt.shortage) {
    throw memoryRefusal(attempt.shortage, smallestFittingK(profile, { ...options, r }, devices!.length));
  }
  const { layout, summaries, seated, pinned } = attempt;
  const plan: Plan = {
    version: 1,
    model: profile.model,
    strategy: options.strategy,
    k: options.k,
    r,
    inputs: profile.inputs,
    outputs: profile.outputs,
    steps: layout.steps,
    seats: summaries,
    decisions: layout.decisions,
    coverage: coverageOf(layout.steps),
  };
  return {
    plan,
    seats: summaries.map(({ seat }) => (pinned ? (seated[seat]?.id ?? null) : null)),
    explanation: explainPlan(profile, plan, seated, options.costs, pinned),
  };
}

/** Lays out the steps, assigns devices to seats, and checks their memory. */
function layOutAndSeat(profile: ModelProfile, options: PlanOptions) {
  const { devices, k, r } = options;
  const costs = options.costs ?? DEFAULT_COSTS;
  // With one group, the number of seats is known before the layers are chosen.
  const grouped = options.strategy === 'coded' || options.strategy === 'uncoded';
  if (grouped) requireDevices(k + r, devices);
  const group = grouped && devices ? seatGroup(profile, devices, { k, r }, costs) : null;
  const layout = layOut(profile, {
    ...options,
    ...(group ? { seated: group.devices, uneven: group.uneven } : { uneven: false }),
  });
  const summaries = summarizeSeats(profile, layout.steps);
  requireDevices(summaries.length, devices);
  const known = devices ?? [];
  // If some device is too small for some seat, the assignment must consider memory.
  const largest = Math.max(0, ...summaries.map(({ weightsBytes }) => weightsBytes));
  const tight = known.some(({ memoryBytes }) => memoryBytes !== undefined && memoryBytes < largest);
  const pinned = (group?.uneven ?? false) || tight;
  const seated = tight && !group?.uneven ? assignByMemory(summaries, known) : (group?.devices ?? known);
  return {
    layout,
    summaries,
    seated,
    pinned,
    shortage: devices ? findMemoryShortage(summaries, devices, group?.uneven ? group.devices : null) : null,
  };
}

/** Returns the smallest k above the requested one whose plan fits on the devices, or null. */
function smallestFittingK(profile: ModelProfile, options: PlanOptions, devices: number): number | null {
  for (let k = options.k + 1; k + options.r <= Math.min(devices, MAX_SHARDS); k++) {
    try {
      if (!layOutAndSeat(profile, { ...options, k }).shortage) return k;
    } catch (error) {
      if (!(error instanceof PlanRefusedError)) throw error;
    }
  }
  return null;
}

/** The API's limit for k + r. */
const MAX_SHARDS = 64;

interface Layout {
  readonly steps: readonly Step[];
  readonly decisions: readonly LayerDecision[];
}

interface LayoutOptions extends SelectionOptions {
  /** Whether the speeds of the seated devices differ. */
  readonly uneven: boolean;
}

function layOut(profile: ModelProfile, options: LayoutOptions): Layout {
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

/** Puts every distributed layer on the same k + r seats, and the rest on the data plane. */
function oneGroup(profile: ModelProfile, options: LayoutOptions): Layout {
  const { k, r, seated, uneven } = options;
  const divide = (layer: LayerProfile) =>
    uneven && seated
      ? unevenPartition(profile, layer, k, seated, options.costs ?? DEFAULT_COSTS)
      : partition(layer, k);
  const { chosen, decisions } = chooseLayers(profile, options);
  const drafts = keepUnsendableTogether(profile, chosen, decisions);
  const seats = range(0, k + r);
  const steps = drafts.map((draft, index) =>
    draft.kind === 'distributed'
      ? codedStep(profile, draft, stepId(index), seats, divide(profile.layers[draft.nodes[0]!]!))
      : localStep(profile, draft, stepId(index)),
  );
  return { steps, decisions: [...decisions.values()] };
}

/**
 * Lays out the paper's pipeline [paper §6]: every distributed layer has its own k + r devices, and every
 * stage between them one device and r replicas (2MR for r = 1). A stage without weights that is faster than a
 * hop stays on the data plane, which merges the previous layer.
 */
function pipelineOfGroups(profile: ModelProfile, options: PlanOptions): Layout {
  const { k, r } = options;
  const costs = options.costs ?? DEFAULT_COSTS;
  const { chosen, decisions } = chooseLayers(profile, options);
  const drafts = keepUnsendableTogether(profile, chosen, decisions);
  let seat = 0;
  const take = (count: number): Seat[] => {
    seat += count;
    return range(seat - count, seat);
  };
  const steps = drafts.map((draft, index): Step => {
    if (draft.kind === 'distributed') {
      const blocks = partition(profile.layers[draft.nodes[0]!]!, k);
      return codedStep(profile, draft, stepId(index), take(k + r), blocks);
    }
    const layers = draft.nodes.map((node) => profile.layers[node]!);
    const hasWeights = layers.some(({ weightsBytes }) => weightsBytes >= STAGE_WEIGHTS_BYTES);
    const ms = layers.reduce((sum, layer) => sum + localMs(profile, layer, costs), 0);
    if (!hasWeights && ms < costs.hopMs) return localStep(profile, draft, stepId(index));
    return replicatedStep(profile, draft, stepId(index), take(1 + r));
  });
  return { steps, decisions: [...decisions.values()] };
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

function stepId(index: number): string {
  return `step-${index}`;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

function requireCounts(k: number, r: number): void {
  if (!Number.isSafeInteger(k) || k < 1) {
    throw new PlanRefusedError(
      'BAD_COUNTS',
      `k is ${k}`,
      'choose an integer k ≥ 1: the number of data shards',
    );
  }
  if (!Number.isSafeInteger(r) || r < 0) {
    throw new PlanRefusedError(
      'BAD_COUNTS',
      `r is ${r}`,
      'choose an integer r ≥ 0: the number of parity shards',
    );
  }
}

function requireDevices(needed: number, devices: readonly DeviceCapacity[] | undefined): void {
  if (!devices || devices.length >= needed) return;
  throw new PlanRefusedError(
    'TOO_FEW_DEVICES',
    `the plan needs ${needed} devices, one per seat, but only ${devices.length} are available`,
    'add devices, or choose a smaller k or r',
  );
}
