import { type Partition, partitionRows } from '@sparewheel/cdc';
import { type Arrangement, arrange } from './arrange.ts';
import { type Costs, DEFAULT_COSTS, distributedMs, localMs, tensorBytes } from './costs.ts';
import { PlanRefusedError } from './errors.ts';
import type {
  CodedStep,
  LayerChoice,
  LayerDecision,
  LocalStep,
  Plan,
  SeatSummary,
  Step,
  Strategy,
} from './plan.ts';
import { type LayerProfile, type ModelProfile, travels } from './profile.ts';

/** What planning needs to know of a device; what is not known is not checked. */
export interface DeviceCapacity {
  readonly id: string;
  /** Bytes that it has for weights. */
  readonly memoryBytes?: number;
}

export interface PlanOptions {
  /** Data shards: devices that each compute a block of every distributed layer. */
  readonly k: number;
  /** Parity shards: devices that may fail at once without a loss. Ignored where the strategy is `uncoded`. */
  readonly r: number;
  readonly strategy: Strategy;
  readonly layers: LayerChoice;
  /** The devices at hand; a plan is made without regard to them where they are not given. */
  readonly devices?: readonly DeviceCapacity[];
  /** For `layers: "auto"`. */
  readonly costs?: Costs;
}

/**
 * Plans how a model runs: which layers are divided over devices, and what runs where in between.
 * @throws {PlanRefusedError} there is no such plan, and why
 */
export function createPlan(profile: ModelProfile, options: PlanOptions): Plan {
  const { k, strategy } = options;
  const r = strategy === 'uncoded' ? 0 : options.r;
  requireCounts(k, r);
  requireDevices(k + r, options.devices);
  const { chosen, decisions } = chooseLayers(profile, { ...options, r });
  const arrangement = keepUnsendableTogether(profile, chosen, decisions);
  const steps = arrangement.map((place, index) =>
    place.kind === 'distributed'
      ? codedStep(profile, place, `step-${index}`, k, r)
      : localStep(profile, place, `step-${index}`),
  );
  const seats = summariseSeats(profile, steps, k, r);
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
    decisions: [...decisions.values()],
    coverage: seats.length === 0 || r > 0 ? 1 : 0,
  };
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

interface Choice {
  readonly chosen: Set<number>;
  /** By node index, linear layers only. */
  readonly decisions: Map<number, LayerDecision>;
}

function chooseLayers(profile: ModelProfile, options: PlanOptions): Choice {
  const { k, r, layers: choice } = options;
  const costs = options.costs ?? DEFAULT_COSTS;
  const named = typeof choice === 'string' ? undefined : new Set(choice);
  const chosen = new Set<number>();
  const decisions = new Map<number, LayerDecision>();
  for (const name of named ?? []) requireNamed(profile, name, k);

  for (const layer of profile.layers) {
    const { coding } = layer;
    if (!coding && layer.notCodable === null) continue;
    const decide = (distributed: boolean, reason: string) => {
      decisions.set(layer.node, { layer: layer.name, op: layer.op, distributed, reason });
      if (distributed) chosen.add(layer.node);
    };
    if (!coding) decide(false, layer.notCodable!);
    else if (named && !named.has(layer.name)) decide(false, 'it is not among the layers that were named');
    else if (coding.rows < k) decide(false, tooNarrow(layer, k));
    else if (choice === 'auto') decide(...worthAHop(profile, layer, k, r, costs));
    else decide(true, named ? 'it was named' : 'every layer that can be is distributed');
  }
  if (![...decisions.values()].some(({ distributed }) => distributed) && choice !== 'auto') {
    refuseWithoutLayers(profile, k);
  }
  if (choice === 'auto' && !profile.layers.some(({ coding }) => coding && coding.rows >= k)) {
    refuseWithoutLayers(profile, k);
  }
  return { chosen, decisions };
}

function requireNamed(profile: ModelProfile, name: string, k: number): void {
  const layer = profile.layers.find((candidate) => candidate.name === name);
  if (!layer) {
    const names = profile.layers.filter(({ coding }) => coding).map((candidate) => `"${candidate.name}"`);
    throw new PlanRefusedError(
      'UNKNOWN_LAYER',
      `the model has no layer "${name}"`,
      `layers that can be distributed: ${names.join(', ') || 'none'}`,
      name,
    );
  }
  if (!layer.coding) {
    throw new PlanRefusedError(
      'LAYER_NOT_CODABLE',
      `layer "${name}" (${layer.op}) cannot be distributed: ${layer.notCodable ?? 'it is not linear in constant weights'}`,
      'leave it out',
      name,
    );
  }
  if (layer.coding.rows < k) {
    throw new PlanRefusedError(
      'MORE_SHARDS_THAN_ROWS',
      tooNarrow(layer, k),
      `choose k of at most ${layer.coding.rows}, or leave the layer out`,
      name,
    );
  }
}

function refuseWithoutLayers(profile: ModelProfile, k: number): never {
  const narrow = profile.layers.filter(({ coding }) => coding);
  const widest = narrow.sort((a, b) => b.coding!.rows - a.coding!.rows)[0];
  if (widest) {
    throw new PlanRefusedError(
      'MORE_SHARDS_THAN_ROWS',
      tooNarrow(widest, k),
      `choose k of at most ${widest.coding!.rows}`,
      widest.name,
    );
  }
  const linear = profile.layers.find(({ notCodable }) => notCodable !== null);
  throw new PlanRefusedError(
    'NO_LINEAR_LAYER',
    linear
      ? `no layer of the model can be distributed; "${linear.name}" (${linear.op}), for example, cannot because ${linear.notCodable}`
      : 'the model has no linear layer (Conv, ConvTranspose, Gemm, MatMul) that could be distributed',
    'choose the strategy "replicated", which runs any model',
  );
}

function tooNarrow(layer: LayerProfile, k: number): string {
  return `layer "${layer.name}" has ${layer.coding!.rows} output rows, which cannot be divided into ${k} shards`;
}

/** A layer goes to the devices where that is predicted to be faster than to keep it. */
function worthAHop(
  profile: ModelProfile,
  layer: LayerProfile,
  k: number,
  r: number,
  costs: Costs,
): [distributed: boolean, reason: string] {
  const { height, rows } = partition(layer, k);
  const here = localMs(layer, costs);
  const there = distributedMs(profile, layer, k + r, height / rows, costs);
  const figures = `${there.toFixed(2)} ms over ${k} + ${r} devices, ${here.toFixed(2)} ms here`;
  return there < here ? [true, `worth the hop: ${figures}`] : [false, `not worth the hop: ${figures}`];
}

function partition(layer: LayerProfile, k: number): Partition {
  return partitionRows(layer.coding!.rows, k, { align: layer.coding!.align });
}

/**
 * Values of types that do not travel must be made and used in one place. Where a distributed layer would come in
 * between, it stays local.
 */
function keepUnsendableTogether(
  profile: ModelProfile,
  chosen: Set<number>,
  decisions: Map<number, LayerDecision>,
): Arrangement[] {
  for (;;) {
    const places = arrange(profile, chosen);
    const stuck = places.findIndex((place) => place.fetches.some((name) => !sendable(profile, name)));
    if (stuck < 0) return places;
    const name = places[stuck]!.fetches.find((fetch) => !sendable(profile, fetch))!;
    const user = places.findIndex((place, at) => at > stuck && place.feeds.includes(name));
    const between = places.slice(stuck, user + 1).filter(({ kind }) => kind === 'distributed');
    for (const node of between.flatMap(({ nodes }) => nodes)) {
      chosen.delete(node);
      const { name: layer, op } = profile.layers[node]!;
      const type = profile.tensors[name]?.type ?? 'not a tensor';
      const reason = `"${name}" (${type}) would have to be kept across it, and that cannot be sent`;
      decisions.set(node, { layer, op, distributed: false, reason });
    }
    if (between.length === 0) throw new Error(`"${name}" cannot be sent, and no layer is in its way`);
  }
}

/** Constants among the outputs have no entry and are handed out where they are. */
function sendable(profile: ModelProfile, name: string): boolean {
  return travels(profile, name) || profile.outputs.some((output) => output.name === name);
}

function localStep(profile: ModelProfile, place: Arrangement, id: string): LocalStep {
  const { nodes, feeds, fetches } = place;
  return { kind: 'local', id, summary: summarise(profile, nodes), feeds, fetches, nodes };
}

/** "Relu, MaxPool", "3 × Add, 2 × Relu, Concat and 4 more". */
export function summarise(profile: ModelProfile, nodes: readonly number[]): string {
  const counts = new Map<string, number>();
  for (const node of nodes) {
    const { op } = profile.layers[node]!;
    counts.set(op, (counts.get(op) ?? 0) + 1);
  }
  const parts = [...counts].map(([op, count]) => (count === 1 ? op : `${count} × ${op}`));
  const shown = parts.slice(0, 5).join(', ');
  return parts.length > 5 ? `${shown} and ${parts.length - 5} more` : shown || 'constants';
}

function codedStep(profile: ModelProfile, place: Arrangement, id: string, k: number, r: number): CodedStep {
  const layer = profile.layers[place.nodes[0]!]!;
  const { op, feed, fetch, axis } = layer.coding!;
  const { blocks, height } = partition(layer, k);
  return {
    kind: 'coded',
    id,
    layer: layer.name,
    node: layer.node,
    op,
    feed,
    fetch,
    axis,
    blocks,
    height,
    dataShards: k,
    parityShards: r,
    seats: Array.from({ length: k + r }, (_, seat) => seat),
    multiplyAdds: layer.multiplyAdds,
  };
}

/** Adds up what each seat of the coded group holds, computes and moves. All shards of a layer are equal. */
function summariseSeats(profile: ModelProfile, steps: readonly Step[], k: number, r: number): SeatSummary[] {
  let weightsBytes = 0;
  let multiplyAdds = 0;
  let bytesIn = 0;
  let bytesOut = 0;
  let coded = 0;
  for (const step of steps) {
    if (step.kind !== 'coded') continue;
    const { coding } = profile.layers[step.node]!;
    const share = step.height / coding!.rows;
    coded++;
    weightsBytes += coding!.bytesPerRow * step.height;
    multiplyAdds += Math.round(step.multiplyAdds * share);
    bytesIn += tensorBytes(profile, step.feed);
    bytesOut += Math.round(tensorBytes(profile, step.fetch) * share);
  }
  if (coded === 0) return [];
  return Array.from({ length: k + r }, (_, seat) => ({
    seat,
    role: seat < k ? 'data' : 'parity',
    weightsBytes,
    multiplyAdds,
    bytesIn,
    bytesOut,
  }));
}
