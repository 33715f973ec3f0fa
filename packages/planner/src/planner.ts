import { type ChoiceOptions, chooseLayers, keepUnsendableTogether } from './choose-layers.ts';
import { DEFAULT_COSTS, localMs } from './costs.ts';
import { coverageOf } from './coverage.ts';
import { PlanRefusedError } from './errors.ts';
import { explainPlan, type PlanExplanation } from './explain.ts';
import { misfit, tooLittleMemory } from './memory.ts';
import type { LayerDecision, Plan, Seat, SeatSummary, Step } from './plan.ts';
import type { PlanOptions } from './plan-options.ts';
import type { LayerProfile, ModelProfile } from './profile.ts';
import { type DeviceCapacity, levelMachines, seatGroup } from './seating.ts';
import { summariseSeats } from './seats.ts';
import { stages } from './stages.ts';
import { codedStep, localStep, replicatedStep } from './steps.ts';
import { partition, unevenPartition } from './uneven-partition.ts';

/** A plan, with what it is expected to cost and who should sit where. */
export interface Planned {
  readonly plan: Plan;
  /** Device ids by seat where the plan depends on them: blocks that suit speeds, or memories; else null. */
  readonly seats: readonly (string | null)[];
  readonly explanation: PlanExplanation;
}

/**
 * Plans how a model runs: which layers are divided over devices, what is replicated, what stays on the data plane.
 * @throws {PlanRefusedError} there is no such plan, and why
 */
export function createPlan(profile: ModelProfile, options: PlanOptions): Plan {
  return planFleet(profile, options).plan;
}

/**
 * As `createPlan`, and explains itself. Where devices were measured and are not alike, the faster ones get more rows.
 * @throws {PlanRefusedError} there is no such plan, and why
 */
export function planFleet(profile: ModelProfile, options: PlanOptions): Planned {
  const r = options.strategy === 'uncoded' ? 0 : options.r;
  requireCounts(options.k, r);
  const devices = options.devices && levelMachines(options.devices, profile.speed?.served);
  const attempt = layOutAndSeat(profile, { ...options, r, ...(devices ? { devices } : {}) });
  if (attempt.misfit) {
    throw tooLittleMemory(attempt.misfit, fittingShards(profile, { ...options, r }, devices!.length));
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

/** One attempt at a plan: its steps, who sits where, and whether that fits. */
function layOutAndSeat(profile: ModelProfile, options: PlanOptions) {
  const { devices, k, r } = options;
  const costs = options.costs ?? DEFAULT_COSTS;
  const grouped = options.strategy === 'coded' || options.strategy === 'uncoded';
  // Here the number of seats is known before the layers are looked at.
  if (grouped) requireDevices(k + r, devices);
  const group = grouped && devices ? seatGroup(profile, devices, { k, r }, costs) : null;
  const layout = layOut(profile, {
    ...options,
    ...(group ? { seated: group.devices, uneven: group.uneven } : { uneven: false }),
  });
  const summaries = summariseSeats(profile, layout.steps);
  requireDevices(summaries.length, devices);
  const known = devices ?? [];
  // A seat that would not fit on just any device has to be on one where it does.
  const largest = Math.max(0, ...summaries.map(({ weightsBytes }) => weightsBytes));
  const tight = known.some(({ memoryBytes }) => memoryBytes !== undefined && memoryBytes < largest);
  const pinned = (group?.uneven ?? false) || tight;
  const seated = tight && !group?.uneven ? byMemory(summaries, known) : (group?.devices ?? known);
  return {
    layout,
    summaries,
    seated,
    pinned,
    misfit: devices ? misfit(summaries, devices, group?.uneven ? group.devices : null) : null,
  };
}

/** The most demanding seat on the device with the most memory, and so on down. */
function byMemory(seats: readonly SeatSummary[], devices: readonly DeviceCapacity[]): DeviceCapacity[] {
  const memory = (device: DeviceCapacity) => device.memoryBytes ?? Number.POSITIVE_INFINITY;
  const roomiest = [...devices].sort((a, b) => memory(b) - memory(a));
  const seated: DeviceCapacity[] = [];
  for (const [index, { seat }] of [...seats].sort((a, b) => b.weightsBytes - a.weightsBytes).entries()) {
    seated[seat] = roomiest[index]!;
  }
  return seated;
}

/** The smallest k above the wanted one that fits on the devices at hand, or null. */
function fittingShards(profile: ModelProfile, options: PlanOptions, count: number): number | null {
  for (let k = options.k + 1; k + options.r <= Math.min(count, MOST_SHARDS); k++) {
    try {
      if (!layOutAndSeat(profile, { ...options, k }).misfit) return k;
    } catch (error) {
      if (!(error instanceof PlanRefusedError)) throw error;
    }
  }
  return null;
}

/** As many as the API takes. */
const MOST_SHARDS = 64;

interface Layout {
  readonly steps: readonly Step[];
  readonly decisions: readonly LayerDecision[];
}

interface LayoutOptions extends ChoiceOptions {
  /** The seated devices are not alike. */
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

/** Every distributed layer over the same k + r seats, the rest on the data plane. */
function oneGroup(profile: ModelProfile, options: LayoutOptions): Layout {
  const { k, r, seated, uneven } = options;
  const divide = (layer: LayerProfile) =>
    uneven && seated
      ? unevenPartition(profile, layer, k, seated, options.costs ?? DEFAULT_COSTS)
      : partition(layer, k);
  const { chosen, decisions } = chooseLayers(profile, options);
  const places = keepUnsendableTogether(profile, chosen, decisions);
  const seats = range(0, k + r);
  const steps = places.map((place, index) =>
    place.kind === 'distributed'
      ? codedStep(profile, place, stepId(index), seats, divide(profile.layers[place.nodes[0]!]!))
      : localStep(profile, place, stepId(index)),
  );
  return { steps, decisions: [...decisions.values()] };
}

/**
 * The paper's way [paper §6]: a pipeline in which every distributed layer has k + r devices of its own, and every
 * stage between them one device and r replicas (2MR for r = 1). What has no weights and is not worth a hop is done
 * where the layer before it is merged: on the data plane.
 */
function pipelineOfGroups(profile: ModelProfile, options: PlanOptions): Layout {
  const { k, r } = options;
  const costs = options.costs ?? DEFAULT_COSTS;
  const { chosen, decisions } = chooseLayers(profile, options);
  const places = keepUnsendableTogether(profile, chosen, decisions);
  let seat = 0;
  const take = (count: number): Seat[] => {
    seat += count;
    return range(seat - count, seat);
  };
  const steps = places.map((place, index): Step => {
    if (place.kind === 'distributed') {
      const blocks = partition(profile.layers[place.nodes[0]!]!, k);
      return codedStep(profile, place, stepId(index), take(k + r), blocks);
    }
    const layers = place.nodes.map((node) => profile.layers[node]!);
    const hasWeights = layers.some(({ weightsBytes }) => weightsBytes >= STAGE_WEIGHTS_BYTES);
    const ms = layers.reduce((sum, layer) => sum + localMs(profile, layer, costs), 0);
    if (!hasWeights && ms < costs.hopMs) return localStep(profile, place, stepId(index));
    return replicatedStep(profile, place, stepId(index), take(1 + r));
  });
  return { steps, decisions: [...decisions.values()] };
}

/** k stages in a row, each on one device and r replicas of it (2MR for r = 1); nothing is divided. */
function replicatedStages(profile: ModelProfile, options: PlanOptions): Layout {
  const { k, r } = options;
  const steps = stages(profile, k, options.costs ?? DEFAULT_COSTS).map((place, stage) => {
    const seats = range(0, 1 + r).map((replica) => replica * k + stage);
    return replicatedStep(profile, place, stepId(stage), seats);
  });
  const decisions = profile.layers
    .filter(({ coding, notCodable }) => coding || notCodable !== null)
    .map(({ name, op }) => ({
      layer: name,
      op,
      distributed: false,
      reason: 'with the strategy "replicated" every layer is computed whole',
    }));
  return { steps, decisions };
}

/** Constants below this (shapes, scales) do not make a subgraph a stage that needs a device. */
const STAGE_WEIGHTS_BYTES = 1024;

function stepId(index: number): string {
  return `step-${index}`;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

function requireCounts(k: number, r: number): void {
  if (!Number.isSafeInteger(k) || k < 1) {
    throw new PlanRefusedError('BAD_COUNTS', `k is ${k}`, 'k, the number of data shards, is at least 1');
  }
  if (!Number.isSafeInteger(r) || r < 0) {
    throw new PlanRefusedError('BAD_COUNTS', `r is ${r}`, 'r, the number of parity shards, is 0 or more');
  }
}

function requireDevices(needed: number, devices: readonly DeviceCapacity[] | undefined): void {
  if (!devices || devices.length >= needed) return;
  throw new PlanRefusedError(
    'TOO_FEW_DEVICES',
    `the plan needs ${needed} devices, one per shard, and there are ${devices.length}`,
    'let more devices join, or choose a smaller k or r',
  );
}
