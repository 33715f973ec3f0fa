import {
  chooseLayers,
  decideFree,
  keepUnsendableTogether,
  type LayerSelection,
  recordSplits,
  type SelectionOptions,
} from './choose-layers.ts';
import { type Costs, DEFAULT_COSTS, type DeviceCapacity, localMs } from './costs.ts';
import { PlanRefusedError } from './errors.ts';
import { explainPlan, type PlanExplanation } from './explain.ts';
import { layerTimes, optimizeLayers } from './optimize-layers.ts';
import { orderSteps } from './order-steps.ts';
import type { LayerDecision, LocalStep, Plan, PlanOptions, Seat, SeatSummary, Split, Step } from './plan.ts';
import { predictSteps, predictUndivided, predictWholeOn, type Undivided } from './predict.ts';
import { isLinear, type LayerProfile, type ModelProfile } from './profile.ts';
import { ReplicaSeats, requireSendable } from './replica-seats.ts';
import {
  assignByMemory,
  assumeSpeeds,
  findMemoryShortage,
  type MemoryShortage,
  memoryOf,
  memoryRefusal,
  requireThreads,
  type SeatedGroup,
  seatGroup,
  seatGroupByMemory,
  unifyMachineSpeeds,
} from './seating.ts';
import { coverageOf, summarizeSeats } from './seats.ts';
import { whyNot } from './splits.ts';
import { cutIntoStages } from './stages.ts';
import { codedStep, inputSplitStep, localStep, replicatedStep } from './steps.ts';
import { partition, unevenPartition, unitOf } from './uneven-partition.ts';

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
 * more rows if speeds differ; a device that is not measured counts as fast as the median of the others.
 *
 * With the layers "auto", nothing is divided if the whole model is predicted to be faster on the fastest single
 * participant: a device, or the data plane if the objective is `latency`.
 * @throws {PlanRefusedError} no plan with these options exists
 */
export function planFleet(profile: ModelProfile, given: PlanOptions): Planned {
  const r = given.strategy === 'uncoded' ? 0 : given.r;
  requireCounts(given.k, r);
  requireThreads(given.devices ?? []);
  const devices = given.devices && assumeSpeeds(unifyMachineSpeeds(given.devices, profile.speed?.served));
  const options = { ...given, r, ...(devices ? { devices } : {}) };
  const costs = options.costs ?? DEFAULT_COSTS;
  const { devices: _, ...anyFleet } = options;
  const undivided = predictUndivided(profile, devices, costs, options.dataPlaneMemoryBytes);
  const divided = layOutWithinMemory(profile, options);
  const whole = isGrouped(options) ? runWhole(profile, options, divided, undivided) : null;
  const chosen = whole ?? divided;
  if (chosen.shortage) {
    const even = layOutAndSeat(profile, { ...anyFleet }).summaries;
    throw memoryRefusal(
      chosen.shortage,
      smallestShardBytes(profile, divided, even, options.k),
      smallestFittingK(profile, options, devices!.length),
    );
  }
  const { layout, summaries, seated, pinned } = chosen;
  const plan: Plan = {
    version: 1,
    model: profile.model,
    strategy: options.strategy,
    objective: options.objective ?? 'latency',
    splits: options.splits ?? 'auto',
    k: options.k,
    r,
    inputs: profile.inputs,
    outputs: profile.outputs,
    steps: layout.steps,
    seats: summaries,
    decisions: layout.decisions,
    coverage: coverageOf(layout.steps),
    predictions: { ...undivided, plan: predictSteps(profile, layout.steps, seated, costs) },
    runsWhole: whole?.runsWhole ?? null,
  };
  return {
    plan,
    seats: summaries.map(({ seat }) => (pinned ? (seated[seat]?.id ?? null) : null)),
    explanation: explainPlan(profile, plan, seated, costs, pinned),
  };
}

/** Steps whose seats have devices. */
interface Attempt {
  readonly layout: Layout;
  readonly summaries: readonly SeatSummary[];
  readonly seated: readonly DeviceCapacity[];
  /** Whether the seats require these devices. */
  readonly pinned: boolean;
  readonly shortage: MemoryShortage | null;
}

function isGrouped({ strategy }: PlanOptions): boolean {
  return strategy === 'coded' || strategy === 'uncoded';
}

/**
 * Lays out the steps and assigns devices to seats. If the devices have too little memory for layers that divide
 * their input, divides the weights of these layers instead, the largest first.
 */
function layOutWithinMemory(profile: ModelProfile, options: PlanOptions): Attempt {
  const weightsOnly = new Set<number>();
  for (;;) {
    const attempt = layOutAndSeat(profile, { ...options, weightsOnly });
    if (!attempt.shortage || (options.splits ?? 'auto') !== 'auto') return attempt;
    const heaviest = attempt.layout.steps
      .flatMap((step) => (step.kind === 'coded' && step.pieces ? [profile.layers[step.node]!] : []))
      .filter((layer) => whyNot(profile, layer, 'weights', options.k) === null)
      .sort((a, b) => b.weightsBytes - a.weightsBytes);
    if (heaviest.length === 0) return attempt;
    let excess = attempt.shortage.weightsBytes - attempt.shortage.memoryBytes;
    for (const { node, weightsBytes } of heaviest) {
      weightsOnly.add(node);
      excess -= weightsBytes * (1 - 1 / options.k);
      if (excess <= 0) break;
    }
  }
}

/**
 * Lays out the steps, assigns devices to seats, and checks their memory. With a coded group, tries in turn the
 * fastest devices, those that have room for an equal share, and blocks that fit the memory of their devices.
 */
function layOutAndSeat(profile: ModelProfile, options: SelectionOptions): Attempt {
  const { devices, k, r } = options;
  const costs = options.costs ?? DEFAULT_COSTS;
  if (!isGrouped(options) || !devices) {
    const layout = layOut(profile, { ...options, uneven: false, limited: false });
    return seatEvenly(profile, layout, devices ?? []);
  }
  // With one group, the number of seats is known before the layers are chosen.
  requireDevices(k + r, devices);
  const attempt = (group: SeatedGroup): Attempt => {
    const { uneven, limited, devices: seated } = group;
    const layout = layOut(profile, { ...options, seated, uneven, limited });
    if (!uneven) return seatEvenly(profile, layout, devices, seated);
    const summaries = summarizeSeats(profile, layout.steps);
    return { layout, summaries, seated, pinned: true, shortage: findMemoryShortage(summaries, seated) };
  };
  const first = attempt(seatGroup(profile, devices, { k, r }, costs));
  if (!first.shortage) return first;
  const share = Math.max(...first.summaries.map(({ weightsBytes }) => weightsBytes));
  const roomy = devices.filter((device) => memoryOf(device) >= share);
  if (roomy.length >= k + r) {
    const second = attempt(seatGroup(profile, roomy, { k, r }, costs));
    if (!second.shortage) return second;
  }
  const third = attempt(seatGroupByMemory(devices, { k, r }));
  return third.shortage ? { ...first, shortage: third.shortage } : third;
}

/** Assigns devices to the seats of a layout that does not depend on their speeds. */
function seatEvenly(
  profile: ModelProfile,
  layout: Layout,
  devices: readonly DeviceCapacity[],
  preferred: readonly DeviceCapacity[] = devices,
): Attempt {
  const summaries = summarizeSeats(profile, layout.steps);
  if (devices.length > 0) requireDevices(summaries.length, devices);
  // If some device is too small for some seat, the assignment must consider memory.
  const largest = Math.max(0, ...summaries.map(({ weightsBytes }) => weightsBytes));
  const pinned = devices.some((device) => memoryOf(device) < largest);
  const seated = pinned ? assignByMemory(summaries, devices) : preferred;
  return { layout, summaries, seated, pinned, shortage: findMemoryShortage(summaries, seated) };
}

/** Returns the bytes of the smallest shard that a device of the group could hold. */
function smallestShardBytes(
  profile: ModelProfile,
  { layout }: Attempt,
  even: readonly SeatSummary[],
  k: number,
): number {
  const coded = layout.steps.filter((step) => step.kind === 'coded');
  if (coded.length === 0) return Math.min(...even.map(({ weightsBytes }) => weightsBytes));
  return coded.reduce((sum, step) => {
    const layer = profile.layers[step.node]!;
    return sum + (step.pieces ? layer.weightsBytes : layer.coding!.bytesPerRow * unitOf(layer, k));
  }, 0);
}

/**
 * Compares a divided plan with the fastest single participant whose memory holds the model: a device, or the
 * data plane if the objective is `latency`. A device gets r replicas, so that the plan survives r failures.
 * @returns the undivided layout, and the sentence that says why; null if the divided plan is to be used
 */
function runWhole(
  profile: ModelProfile,
  options: PlanOptions,
  divided: Attempt,
  undivided: Undivided,
): (Attempt & { readonly runsWhole: string }) | null {
  const { devices, r } = options;
  const costs = options.costs ?? DEFAULT_COSTS;
  const dividedMs = dividedTime(profile, divided, costs);
  if (options.layers !== 'auto' && dividedMs !== null) return null;
  const [draft] = orderSteps(profile, new Set());
  const devicesOnly = options.objective === 'devices-only';
  const hosts = devices ? wholeHosts(profile, devices, r, costs) : [];
  const copies = replicatedStep(profile, draft!, stepId(0), range(0, 1 + r));
  const replicatedMs = hosts ? predictSteps(profile, [copies], hosts, costs).ms : Number.POSITIVE_INFINITY;
  const dataPlaneMs = devicesOnly
    ? Number.POSITIVE_INFINITY
    : (undivided.dataPlane?.ms ?? Number.POSITIVE_INFINITY);
  const onDevice = replicatedMs < dataPlaneMs;
  if (!onDevice && !Number.isFinite(dataPlaneMs)) return null;
  const singleMs = Math.min(
    dataPlaneMs,
    hosts ? (undivided.device?.ms ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY,
  );
  if (dividedMs !== null && dividedMs < singleMs) return null;
  if (onDevice) requireSendable(profile, draft!, (profile.layers.find(isLinear) ?? profile.layers[0]!).name);
  const steps: Step[] = onDevice ? [copies] : [localStep(profile, draft!, stepId(0))];
  const where = onDevice ? `one device, with ${r} ${r === 1 ? 'replica' : 'replicas'}` : 'the data plane';
  const seated = onDevice ? hosts! : [];
  return {
    layout: { steps, decisions: divided.layout.decisions.map(wholeDecision) },
    summaries: summarizeSeats(profile, steps),
    seated,
    pinned: seated.length > 0,
    shortage: null,
    runsWhole: `Runs whole on ${where}: ${comparison(dividedMs, singleMs)}`,
  };
}

/** Returns the predicted time of a divided plan; null if it divides nothing, infinity if it does not fit. */
function dividedTime(
  profile: ModelProfile,
  { layout, seated, shortage }: Attempt,
  costs: Costs,
): number | null {
  if (!layout.steps.some(({ kind }) => kind === 'coded')) return null;
  return shortage ? Number.POSITIVE_INFINITY : predictSteps(profile, layout.steps, seated, costs).ms;
}

function comparison(dividedMs: number | null, wholeMs: number): string {
  if (dividedMs === null) return 'no layer can be divided';
  if (!Number.isFinite(dividedMs)) return 'distributed it would not fit the memory of the devices';
  return `distributed it would be ${times(dividedMs / wholeMs)} × slower`;
}

/** Returns the 1 + r devices that are fastest with the whole model and have room for it; null if too few have. */
function wholeHosts(
  profile: ModelProfile,
  devices: readonly DeviceCapacity[],
  r: number,
  costs: Costs,
): readonly DeviceCapacity[] | null {
  const hosts = devices
    .filter((device) => memoryOf(device) >= profile.weightsBytes)
    .map((device) => ({ device, ms: predictWholeOn(profile, device, costs).ms }))
    .sort((a, b) => a.ms - b.ms)
    .slice(0, 1 + r);
  return hosts.length > r ? hosts.map(({ device }) => device) : null;
}

function wholeDecision(decision: LayerDecision): LayerDecision {
  if (!decision.distributed) return decision;
  const figures = decision.reason.slice(decision.reason.indexOf(': ') + 2);
  const { layer, op } = decision;
  return { layer, op, distributed: false, reason: `the undivided model is faster: ${figures}` };
}

/** Formats a ratio with two significant digits or more: 1.2, 14, 130. */
function times(ratio: number): string {
  return ratio < 10 ? ratio.toFixed(1) : ratio.toFixed(0);
}

/** Returns the smallest k above the requested one whose plan fits on the devices, or null. */
function smallestFittingK(profile: ModelProfile, options: PlanOptions, devices: number): number | null {
  for (let k = options.k + 1; k + options.r <= Math.min(devices, MAX_SHARDS); k++) {
    try {
      if (!layOutWithinMemory(profile, { ...options, k }).shortage) return k;
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
  readonly uneven: boolean;
  /** Whether blocks must fit the memory of the seated devices. */
  readonly limited: boolean;
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
