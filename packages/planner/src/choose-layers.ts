import { type Arrangement, arrange } from './arrange.ts';
import { type Costs, DEFAULT_COSTS, isMemoryBound, layerMs, localMs, tensorBytes } from './costs.ts';
import { PlanRefusedError } from './errors.ts';
import type { LayerDecision } from './plan.ts';
import type { PlanOptions } from './plan-options.ts';
import { type LayerProfile, type ModelProfile, travels } from './profile.ts';
import { stepTime } from './seat-times.ts';
import type { DeviceCapacity } from './seating.ts';
import { partition } from './uneven-partition.ts';

/** Which linear layers are distributed, and why the others are not. */
export interface Choice {
  readonly chosen: Set<number>;
  /** By node index, linear layers only. */
  readonly decisions: Map<number, LayerDecision>;
}

/** With who sits where, as far as that is known. */
export interface ChoiceOptions extends PlanOptions {
  readonly seated?: readonly DeviceCapacity[];
}

/**
 * Chooses the layers to distribute as the options say.
 * @throws {PlanRefusedError} a named layer cannot be distributed, or none can
 */
export function chooseLayers(profile: ModelProfile, options: ChoiceOptions): Choice {
  const { k, layers: choice } = options;
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
    else if (endsGrouped(profile, layer)) decide(false, ENDS_GROUPED);
    else if (choice === 'auto') decide(...worthAHop(profile, layer, options, costs));
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
  if (endsGrouped(profile, layer)) {
    const message = `layer "${name}" (${layer.op}) cannot be distributed: ${ENDS_GROUPED}`;
    throw new PlanRefusedError('LAYER_NOT_CODABLE', message, 'leave it out', name);
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
  const { rows, groups } = layer.coding!;
  const which = groups > 1 ? `${rows} output rows in each of its ${groups} groups` : `${rows} output rows`;
  return `layer "${layer.name}" has ${which}, which cannot be divided into ${k} shards`;
}

const ENDS_GROUPED =
  'it is a grouped convolution and its result an output of the model: its groups come folded into the batch, and nothing follows that could unfold them';

function endsGrouped(profile: ModelProfile, { coding }: LayerProfile): boolean {
  return coding !== null && coding.groups > 1 && profile.outputs.some(({ name }) => name === coding.fetch);
}

/** A layer goes to the devices where that is predicted to be faster than to keep it. */
function worthAHop(
  profile: ModelProfile,
  layer: LayerProfile,
  options: ChoiceOptions,
  costs: Costs,
): [distributed: boolean, reason: string] {
  const { k, r, seated } = options;
  const { height } = partition(layer, k);
  const { rows, feed, fetch } = layer.coding!;
  const share = height / rows;
  const bytes = tensorBytes(profile, feed) + share * tensorBytes(profile, fetch);
  const here = localMs(profile, layer, costs);
  const work = Array.from({ length: k + r }, (_, seat) => {
    const speed = seated?.[seat]?.speed;
    const computeMs = share * layerMs(profile, layer, speed, costs) * (speed ? 1 : costs.deviceSlowdown);
    const memoryMs = speed && isMemoryBound(layer, speed) ? computeMs : 0;
    return { seat, computeMs, memoryMs, bytes, speed };
  });
  const there = stepTime(work, k, costs).ms;
  const figures = `${there.toFixed(2)} ms over ${k} + ${r} devices, ${here.toFixed(2)} ms here`;
  return there < here ? [true, `worth the hop: ${figures}`] : [false, `not worth the hop: ${figures}`];
}

/**
 * Values of types that do not travel must be made and used in one place. Where a distributed layer would come in
 * between, it stays local.
 */
export function keepUnsendableTogether(
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
