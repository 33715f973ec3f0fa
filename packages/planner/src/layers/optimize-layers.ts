import { type Costs, DEFAULT_COSTS, layerMs, localMs, tensorBytes } from '../costs/costs.ts';
import { stepTime } from '../costs/timeline.ts';
import { isLinear, type LayerProfile, type ModelProfile } from '../profile.ts';
import type { SelectionOptions } from './selection-options.ts';
import { chooseSplit, splitCost } from './splits.ts';

/** Predicted times of one layer, divided and undivided. */
export interface LayerTimes {
  readonly dividedMs: number;
  /** On the data plane, or on one device under `devices-only`. */
  readonly wholeMs: number;
}

/** Predicts one layer alone, divided over k + r devices and undivided. */
export function layerTimes(
  profile: ModelProfile,
  layer: LayerProfile,
  options: SelectionOptions,
): LayerTimes {
  const costs = options.costs ?? DEFAULT_COSTS;
  const { split } = chooseSplit(profile, layer, options)!;
  const home = homeOf(profile, options, costs);
  return { dividedMs: splitCost(profile, layer, split, options).ms, wholeMs: home.layerMs(layer) };
}

/** The place of the layers that are not divided, and what they cost there. */
export interface Home {
  layerMs(layer: LayerProfile): number;
  /** Cost of moving to this place before a layer, and of leaving it after a layer. */
  enterMs(layer: LayerProfile): number;
  leaveMs(layer: LayerProfile): number;
  /** Cost of nodes between two layers that are both here. */
  betweenMs(nodes: readonly LayerProfile[]): number;
}

/** Returns the place of the layers that are not divided: the data plane, or one device under `devices-only`. */
export function homeOf(profile: ModelProfile, options: SelectionOptions, costs: Costs): Home {
  const sum = (layers: readonly LayerProfile[], of: (layer: LayerProfile) => number) =>
    layers.reduce((total, layer) => total + of(layer), 0);
  if (options.objective !== 'devices-only') {
    const here = (layer: LayerProfile) => localMs(profile, layer, costs);
    return {
      layerMs: here,
      enterMs: () => costs.engineCallMs,
      leaveMs: () => 0,
      betweenMs: (nodes) => sum(nodes, here),
    };
  }
  const seated = (options.seated ?? []).slice(0, options.k + options.r);
  const there = (layer: LayerProfile) =>
    seated.length === 0
      ? layerMs(profile, layer, undefined, costs) * costs.deviceSlowdown
      : Math.min(...seated.map(({ speed }) => layerMs(profile, layer, speed, costs)));
  const transferMs = (bytes: number) =>
    stepTime([{ seat: 0, computeMs: 0, bytes, speed: seated[0]?.speed }], 1, costs).ms;
  const emptyMs = transferMs(0);
  return {
    layerMs: there,
    enterMs: ({ inputs }) =>
      transferMs(inputs.reduce((bytes, name) => bytes + tensorBytes(profile, name), 0)),
    leaveMs: ({ outputs }) => transferMs(tensorBytes(profile, outputs[0] ?? '')) - emptyMs,
    betweenMs: (nodes) => sum(nodes, there),
  };
}

/** A prefix of the model's linear layers, decided in the cheapest way for its last place. */
interface Prefix {
  readonly ms: number;
  readonly divided: boolean;
  /** Whether any layer is divided. */
  readonly some: boolean;
  readonly chosen: { readonly node: number; readonly before: Prefix['chosen'] } | null;
}

/**
 * Chooses the layers to divide so that the predicted request is fastest, by dynamic programming over the
 * sequence of linear layers. Each layer is divided or whole. A change of place costs what it costs in the
 * plan: the call of the data plane's engine, or the hop to a device and back. At least one layer is divided,
 * so that the result can be compared with the undivided model.
 *
 * The recursion is exact for a chain of layers. For a graph with branches it is a heuristic, so the result is
 * compared with dividing all layers, by the prediction of the complete plan.
 * @param free  nodes of the layers that may be divided; not empty
 * @param predictMs  predicts the complete plan with these layers divided; infinity if it does not fit
 */
export function optimizeLayers(
  profile: ModelProfile,
  free: readonly number[],
  options: SelectionOptions,
  predictMs: (divided: ReadonlySet<number>) => number,
): Set<number> {
  const candidates = [bestOfChain(profile, new Set(free), options), new Set(free)];
  const timed = candidates.map((divided) => ({ divided, ms: predictMs(divided) }));
  const [chain, all] = timed as [(typeof timed)[0], (typeof timed)[0]];
  return chain.ms < all.ms ? chain.divided : all.divided;
}

function bestOfChain(
  profile: ModelProfile,
  free: ReadonlySet<number>,
  options: SelectionOptions,
): Set<number> {
  const costs = options.costs ?? DEFAULT_COSTS;
  const home = homeOf(profile, options, costs);
  const localOf = (nodes: readonly LayerProfile[]) =>
    nodes.length === 0
      ? 0
      : costs.engineCallMs + nodes.reduce((sum, node) => sum + localMs(profile, node, costs), 0);
  let prefixes: Prefix[] = [{ ms: 0, divided: true, some: false, chosen: null }];
  let previous: LayerProfile | null = null;
  let between: LayerProfile[] = [];
  for (const layer of profile.layers) {
    if (!isLinear(layer)) {
      between.push(layer);
      continue;
    }
    const nodes = between;
    const last = previous;
    const times = free.has(layer.node) ? layerTimes(profile, layer, options) : null;
    const wholeMs = home.layerMs(layer);
    prefixes = cheapest(
      prefixes.flatMap((prefix): Prefix[] => {
        const whole: Prefix = {
          ...prefix,
          divided: false,
          ms: prefix.ms + wholeMs + home.betweenMs(nodes) + (prefix.divided ? home.enterMs(layer) : 0),
        };
        if (!times) return [whole];
        const gapMs = prefix.divided
          ? localOf(nodes)
          : home.betweenMs(nodes) + (last ? home.leaveMs(last) : 0);
        const divided: Prefix = {
          ms: prefix.ms + gapMs + times.dividedMs,
          divided: true,
          some: true,
          chosen: { node: layer.node, before: prefix.chosen },
        };
        return [whole, divided];
      }),
    );
    previous = layer;
    between = [];
  }
  const ended = prefixes
    .filter(({ some }) => some)
    .map((prefix) => ({
      ...prefix,
      ms: prefix.ms + (prefix.divided ? localOf(between) : home.betweenMs(between)),
    }));
  const best = ended.reduce((fastest, each) => (each.ms < fastest.ms ? each : fastest));
  const chosen = new Set<number>();
  for (let link = best.chosen; link !== null; link = link.before) chosen.add(link.node);
  return chosen;
}

/** Keeps the fastest prefix for each state. */
function cheapest(prefixes: readonly Prefix[]): Prefix[] {
  const best = new Map<string, Prefix>();
  for (const prefix of prefixes) {
    const state = `${prefix.divided} ${prefix.some}`;
    const known = best.get(state);
    if (!known || prefix.ms < known.ms) best.set(state, prefix);
  }
  return [...best.values()];
}
