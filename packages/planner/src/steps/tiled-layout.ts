import { isTileable } from '@sparewheel/onnx';
import { DEFAULT_COSTS } from '../costs/costs.ts';
import { predictStepsMs, requestMs, stepLoad } from '../costs/predict.ts';
import { PlanRefusedError } from '../errors.ts';
import { decideFree, type LayerSelection } from '../layers/choose-layers.ts';
import { homeOf, layerTimes } from '../layers/optimize-layers.ts';
import type { LayerDecision, Step } from '../plan.ts';
import { isLinear, type LayerProfile, type ModelProfile } from '../profile.ts';
import { divide, type Layout, type LayoutOptions, range, stepId } from './divide.ts';
import { tileSteps, type Unnumbered } from './part-steps.ts';
import { type CutPoint, cutPoints, type Segment, segmentsEndingAt } from './segments.ts';

/** A part of a model, between two cut points. */
type Part =
  | { readonly kind: 'tiles'; readonly segment: Segment }
  /** Its linear layers are coded. */
  | { readonly kind: 'coded'; readonly from: number; readonly to: number }
  | { readonly kind: 'whole'; readonly from: number; readonly to: number };

/** The parts of the model up to a cut point, chosen in the cheapest way for the place where they end. */
interface Path {
  readonly ms: number;
  /** Whether the last part is undivided. */
  readonly atHome: boolean;
  /** Whether any part is computed in tiles. */
  readonly tiled: boolean;
  readonly last: Part | null;
  readonly before: Path | null;
}

/** Milliseconds for a layer that must be divided but is not: more than any plan. */
const NEVER_MS = 1e9;
/** Milliseconds for a coded layer where tiles are preferred: more than any segment, less than an undivided layer. */
const UNWANTED_MS = 1e6;

/**
 * Lays out a model with the fastest segments of tiles, by dynamic programming over the positions that one value
 * crosses. What lies between the segments is coded or stays undivided. The costs of the parts are those of steps
 * that run alone, so the caller compares the complete plan with others.
 * @param predictMs  predicts a complete layout
 * @param preferTiles  whether layers are coded only if no segment contains them
 * @returns null if no part can be computed in tiles
 */
export function tiledLayout(
  profile: ModelProfile,
  options: LayoutOptions,
  selection: LayerSelection,
  predictMs: (layout: Layout) => number,
  preferTiles = false,
): Layout | null {
  const every = { ...selection, chosen: new Set([...selection.chosen, ...selection.free]) };
  const layouts = [selection, every].flatMap((wanted) => {
    const { parts } = fastestParts(profile, options, wanted, preferTiles);
    return parts ? [layOutParts(profile, options, selection, parts)] : [];
  });
  const timed = layouts.map((layout) => ({ layout, ms: predictMs(layout) }));
  return timed.sort((a, b) => a.ms - b.ms)[0]?.layout ?? null;
}

/**
 * Lays out a model with tiles only, as the splits "tiles" require. With the layers "auto", divides nothing if there is
 * no segment.
 * @throws {PlanRefusedError} NOT_TILEABLE  a named layer is in no segment, or there is no segment
 */
export function requireTiles(
  profile: ModelProfile,
  options: LayoutOptions,
  selection: LayerSelection,
): Layout {
  const costs = options.costs ?? DEFAULT_COSTS;
  const layout = tiledLayout(profile, options, selection, ({ steps }) =>
    predictStepsMs(profile, steps, options.seated ?? [], costs),
  );
  const why = () =>
    fastestParts(profile, options, selection).problem ?? 'no layer has one input and one output';
  if (!layout && options.layers === 'auto') {
    const decisions = new Map(selection.decisions);
    for (const node of selection.free) {
      const { name: layer, op } = profile.layers[node]!;
      decisions.set(node, { layer, op, distributed: false, reason: why() });
    }
    return divide(profile, options, { chosen: new Set(), decisions, free: [] });
  }
  if (!layout) {
    throw new PlanRefusedError(
      'NOT_TILEABLE',
      `no run of layers can be computed in ${options.k} tiles: ${why()}`,
      'choose a smaller k, or another value of "splits"',
    );
  }
  const named = typeof options.layers === 'string' ? [] : options.layers;
  const left = layout.decisions.find(({ layer, distributed }) => named.includes(layer) && !distributed);
  if (left) {
    throw new PlanRefusedError(
      'NOT_TILEABLE',
      `layer "${left.layer}" (${left.op}) cannot be computed in ${options.k} tiles: ${why()}`,
      'remove it from the list of layers, or choose a smaller k',
      left.layer,
    );
  }
  return layout;
}

/** @returns the parts in order, or null with the first problem that was met */
function fastestParts(
  profile: ModelProfile,
  options: LayoutOptions,
  selection: LayerSelection,
  preferTiles = false,
): { readonly parts: readonly Part[] | null; readonly problem: string | null } {
  const { chosen, free } = selection;
  const { k } = options;
  const wanted = new Set([...chosen, ...free]);
  const named = typeof options.layers !== 'string';
  const mayTile = (layer: LayerProfile) => !named || !isLinear(layer) || wanted.has(layer.node);
  const points = cutPoints(profile);
  const priced = new Prices(profile, options, chosen);
  let problem: string | null = null;
  const paths: Path[][] = [[{ ms: 0, atHome: false, tiled: false, last: null, before: null }]];
  for (let end = 1; end < points.length; end++) {
    const { at: from } = points[end - 1]!;
    const { at: to } = points[end]!;
    const between = profile.layers.slice(from, to);
    const next = paths[end - 1]!.flatMap((path): Path[] => {
      const whole: Path = {
        ...path,
        ms: path.ms + priced.wholeMs(between, !path.atHome),
        atHome: true,
        last: { kind: 'whole', from, to },
        before: path,
      };
      const linear = between.filter(isLinear);
      const codable = linear.length > 0 && linear.every(({ node }) => wanted.has(node));
      if (options.splits === 'tiles' || !codable) return [whole];
      const unwantedMs = preferTiles ? linear.length * UNWANTED_MS : 0;
      const ms = path.ms + priced.codedMs(between) + unwantedMs;
      return [whole, { ...path, ms, atHome: false, last: { kind: 'coded', from, to }, before: path }];
    });
    for (const segment of segmentsEndingAt(profile, points, end, k, mayTile)) {
      if ('reason' in segment) {
        problem ??= segment.reason;
        continue;
      }
      const segmentMs = priced.segmentMs(segment);
      for (const path of paths[startOf(points, segment)]!) {
        const last: Part = { kind: 'tiles', segment };
        next.push({ ms: path.ms + segmentMs, atHome: false, tiled: true, last, before: path });
      }
    }
    paths.push(cheapest(next));
  }
  const [best] = paths
    .at(-1)!
    .filter(({ tiled }) => tiled)
    .sort((a, b) => a.ms - b.ms);
  if (!best) return { parts: null, problem };
  const parts: Part[] = [];
  for (let path: Path | null = best; path?.last; path = path.before) parts.unshift(path.last);
  return { parts, problem };
}

function startOf(points: readonly CutPoint[], { from }: Segment): number {
  return points.findIndex(({ at }) => at === from);
}

/** Keeps the cheapest path of each state. */
function cheapest(paths: readonly Path[]): Path[] {
  const best = new Map<string, Path>();
  for (const path of paths) {
    const state = `${path.atHome} ${path.tiled}`;
    const known = best.get(state);
    if (!known || path.ms < known.ms) best.set(state, path);
  }
  return [...best.values()];
}

/** Predicts the parts of a model, each alone. */
class Prices {
  constructor(
    private readonly profile: ModelProfile,
    private readonly options: LayoutOptions,
    private readonly chosen: ReadonlySet<number>,
  ) {}

  /** @param enters  whether the part before runs elsewhere */
  wholeMs(layers: readonly LayerProfile[], enters: boolean): number {
    const { profile, options, chosen } = this;
    const home = homeOf(profile, options, options.costs ?? DEFAULT_COSTS);
    const missed = layers.filter(({ node }) => chosen.has(node)).length;
    const computeMs = layers.reduce((sum, layer) => sum + home.layerMs(layer), 0);
    return (enters && layers[0] ? home.enterMs(layers[0]) : 0) + computeMs + missed * NEVER_MS;
  }

  codedMs(layers: readonly LayerProfile[]): number {
    const { profile, options } = this;
    const others = layers.filter((layer) => !isLinear(layer));
    const home = homeOf(profile, options, options.costs ?? DEFAULT_COSTS);
    return layers.reduce(
      (sum, layer) => sum + (isLinear(layer) ? layerTimes(profile, layer, options).dividedMs : 0),
      others.length > 0 ? (options.costs ?? DEFAULT_COSTS).engineCallMs + home.betweenMs(others) : 0,
    );
  }

  segmentMs(segment: Segment): number {
    const { profile, options } = this;
    const costs = options.costs ?? DEFAULT_COSTS;
    const steps = tileSteps(profile, segment, 0, range(0, options.k + options.r), options.k).map(
      (step) => ({ ...step, id: '' }) as Step,
    );
    return requestMs(
      steps.map((step) => stepLoad(profile, step, options.seated ?? [], costs)),
      costs,
    );
  }
}

/** Creates the steps of all parts. Neighboring parts without tiles are ordered together. */
function layOutParts(
  profile: ModelProfile,
  options: LayoutOptions,
  selection: LayerSelection,
  parts: readonly Part[],
): Layout {
  const { k, r } = options;
  const coded = new Set<number>();
  for (const part of parts) {
    if (part.kind !== 'coded') continue;
    for (const layer of profile.layers.slice(part.from, part.to)) if (isLinear(layer)) coded.add(layer.node);
  }
  const segments = parts.flatMap((part) => (part.kind === 'tiles' ? [part.segment] : []));
  const decisions = decide(profile, options, selection, segments, coded);
  const steps: Unnumbered[] = [];
  const addBetween = (from: number, to: number) => {
    if (from === to) return;
    const part = slice(profile, from, to, segments);
    const shifted = (nodes: Iterable<number>) =>
      new Set([...nodes].filter((node) => node >= from && node < to).map((node) => node - from));
    const own = new Map(
      [...decisions]
        .filter(([node]) => node >= from && node < to)
        .map(([node, decision]) => [node - from, decision] as const),
    );
    const layout = divide(
      part,
      { ...options, ...(options.weightsOnly ? { weightsOnly: shifted(options.weightsOnly) } : {}) },
      { chosen: shifted(coded), decisions: own, free: [] },
    );
    for (const step of layout.steps) steps.push(shift(step, from));
    for (const [node, decision] of own) decisions.set(node + from, decision);
  };
  let at = 0;
  for (const [serial, segment] of segments.entries()) {
    addBetween(at, segment.from);
    steps.push(...tileSteps(profile, segment, serial, range(0, k + r), k));
    at = segment.to;
  }
  addBetween(at, profile.layers.length);
  return {
    steps: steps.map((step, index) => ({ ...step, id: stepId(index) }) as Step),
    decisions: [...decisions.values()],
  };
}

/** Returns a range of nodes as a model of its own, with node indices from 0. */
function slice(profile: ModelProfile, from: number, to: number, segments: readonly Segment[]): ModelProfile {
  const spec = (name: string) => ({ name, ...profile.tensors[name]! }) as ModelProfile['inputs'][number];
  const before = segments.find((segment) => segment.to === from);
  const after = segments.find((segment) => segment.from === to);
  return {
    ...profile,
    inputs: before ? [spec(before.fetch)] : profile.inputs,
    outputs: after ? [spec(after.feed)] : profile.outputs,
    layers: profile.layers.slice(from, to).map((layer) => ({ ...layer, node: layer.node - from })),
  };
}

function shift(step: Step, by: number): Unnumbered {
  return step.kind === 'coded'
    ? { ...step, node: step.node + by }
    : { ...step, nodes: step.nodes.map((node) => node + by) };
}

/** Records for each linear layer whether it is computed in tiles, coded or undivided. */
function decide(
  profile: ModelProfile,
  options: LayoutOptions,
  selection: LayerSelection,
  segments: readonly Segment[],
  coded: ReadonlySet<number>,
): Map<number, LayerDecision> {
  const { k } = options;
  const decisions =
    options.splits === 'tiles'
      ? new Map(selection.decisions)
      : new Map(decideFree(profile, selection, coded, options).decisions);
  if (options.splits === 'tiles') {
    for (const node of [...selection.free, ...selection.chosen]) {
      const { name: layer, op } = profile.layers[node]!;
      const reason =
        options.layers === 'auto' ? 'not faster in tiles' : `no run of layers around it fits into ${k} tiles`;
      decisions.set(node, { layer, op, distributed: false, reason });
    }
  }
  for (const { from, to, tiles } of segments) {
    const layers = profile.layers.slice(from, to);
    const halo = Math.max(...tiles.map(({ shares }) => shares.reduce((a, b) => Math.max(a, b), 0)));
    for (const { node, name, op, coding, notCodable, tile } of layers) {
      if ((!coding && notCodable === null) || !isTileable(tile)) continue;
      const run =
        layers.length === 1
          ? 'alone'
          : `with ${layers.length - 1} other operators, without a gather between them`;
      decisions.set(node, {
        layer: name,
        op,
        distributed: true,
        reason: `computed in ${k} tiles ${run}`,
        split: 'tiles',
        splitReason: `each device computes at most ${(100 * halo).toFixed(0)} % of the rows, halo included`,
      });
    }
  }
  return decisions;
}
