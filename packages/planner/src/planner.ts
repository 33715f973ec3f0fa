import { chooseLayers, keepUnsendableTogether } from './choose-layers.ts';
import { type Costs, DEFAULT_COSTS, localMs } from './costs.ts';
import { coverageOf } from './coverage.ts';
import { PlanRefusedError } from './errors.ts';
import type { LayerChoice, LayerDecision, Plan, Seat, SeatSummary, Step, Strategy } from './plan.ts';
import type { ModelProfile } from './profile.ts';
import { summariseSeats } from './seats.ts';
import { stages } from './stages.ts';
import { codedStep, localStep, replicatedStep } from './steps.ts';

/** What planning needs to know of a device; what is not known is not checked. */
export interface DeviceCapacity {
  readonly id: string;
  /** Bytes that it has for weights. */
  readonly memoryBytes?: number;
}

export interface PlanOptions {
  /** Data shards of every distributed layer; with the strategy `replicated`, stages that the model is cut into. */
  readonly k: number;
  /**
   * Parity shards of every distributed layer, and replicas of every stage: devices of a group that may fail at once
   * without a loss. Ignored where the strategy is `uncoded`.
   */
  readonly r: number;
  readonly strategy: Strategy;
  readonly layers: LayerChoice;
  /** The devices at hand; a plan is made without regard to them where they are not given. */
  readonly devices?: readonly DeviceCapacity[];
  /** For `layers: "auto"`. */
  readonly costs?: Costs;
}

/**
 * Plans how a model runs: which layers are divided over devices, what is replicated, what stays on the data plane.
 * @throws {PlanRefusedError} there is no such plan, and why
 */
export function createPlan(profile: ModelProfile, options: PlanOptions): Plan {
  const { k, strategy } = options;
  const r = strategy === 'uncoded' ? 0 : options.r;
  requireCounts(k, r);
  const { steps, decisions } = layOut(profile, { ...options, r });
  const seats = summariseSeats(profile, steps);
  requireDevices(seats.length, options.devices);
  requireMemory(seats, options.devices);
  return {
    version: 1,
    model: profile.model,
    strategy,
    k,
    r,
    inputs: profile.inputs,
    outputs: profile.outputs,
    steps,
    seats,
    decisions,
    coverage: coverageOf(steps),
  };
}

interface Layout {
  readonly steps: readonly Step[];
  readonly decisions: readonly LayerDecision[];
}

function layOut(profile: ModelProfile, options: PlanOptions): Layout {
  switch (options.strategy) {
    case 'coded':
    case 'uncoded':
      // Here the number of seats is known before the layers are looked at.
      requireDevices(options.k + options.r, options.devices);
      return oneGroup(profile, options);
    case 'paper':
      return pipelineOfGroups(profile, options);
    case 'replicated':
      return replicatedStages(profile, options);
  }
}

/** Every distributed layer over the same k + r seats, the rest on the data plane. */
function oneGroup(profile: ModelProfile, options: PlanOptions): Layout {
  const { k, r } = options;
  const { chosen, decisions } = chooseLayers(profile, options);
  const places = keepUnsendableTogether(profile, chosen, decisions);
  const seats = range(0, k + r);
  const steps = places.map((place, index) =>
    place.kind === 'distributed'
      ? codedStep(profile, place, stepId(index), k, seats)
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
    if (place.kind === 'distributed') return codedStep(profile, place, stepId(index), k, take(k + r));
    const layers = place.nodes.map((node) => profile.layers[node]!);
    const hasWeights = layers.some(({ weightsBytes }) => weightsBytes >= STAGE_WEIGHTS_BYTES);
    const ms = layers.reduce((sum, layer) => sum + localMs(layer, costs), 0);
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

/** The most demanding seat must fit on the largest device, and so on down. */
function requireMemory(seats: readonly SeatSummary[], devices: readonly DeviceCapacity[] | undefined): void {
  if (!devices) return;
  const memory = devices
    .map(({ memoryBytes }) => memoryBytes ?? Number.POSITIVE_INFINITY)
    .sort((a, b) => b - a);
  const demands = seats.map(({ weightsBytes }) => weightsBytes).sort((a, b) => b - a);
  for (const [index, demand] of demands.entries()) {
    const free = memory[index]!;
    if (demand <= free) continue;
    throw new PlanRefusedError(
      'TOO_LITTLE_MEMORY',
      `a shard of ${megabytes(demand)} MB is ${megabytes(demand - free)} MB too large for the device that would hold it`,
      'choose a larger k, so that each device holds less, or devices with more memory',
    );
  }
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
