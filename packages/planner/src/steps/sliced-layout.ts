import type { SliceableRun } from '@sparewheel/onnx';
import { DEFAULT_COSTS } from '../costs/costs.ts';
import { requestMs, stepLoad } from '../costs/predict.ts';
import { PlanRefusedError } from '../errors.ts';
import { decideFree, type LayerSelection } from '../layers/choose-layers.ts';
import { homeOf, layerTimes } from '../layers/optimize-layers.ts';
import type { SelectionOptions } from '../layers/selection-options.ts';
import type { LayerDecision, Step } from '../plan.ts';
import { isLinear, isSendable, type ModelProfile } from '../profile.ts';
import { divide, type Layout, type LayoutOptions, range } from './divide.ts';
import { sliceSteps } from './part-steps.ts';

/** The predicted times of one run of layers that runs alone. */
interface RunTimes {
  readonly slicedMs: number;
  /** With its layers coded; infinity if one of them cannot be. */
  readonly codedMs: number;
  /** Undivided, where undivided layers run. */
  readonly wholeMs: number;
}

/**
 * Lays out a model with runs of layers in slices: all of them, or those that are predicted to be faster than their
 * layers alone. The other layers are coded or stay undivided.
 * @param others  sets of layers to divide beside the runs; the fastest is used
 * @param predictMs  predicts a complete layout
 * @returns null if there is no such run
 */
export function slicedLayout(
  profile: ModelProfile,
  options: LayoutOptions,
  selection: LayerSelection,
  others: readonly ReadonlySet<number>[],
  predictMs: (layout: Layout) => number,
): Layout | null {
  const timed = possibleRuns(profile, options, selection).runs.map((run) => ({
    run,
    times: runTimes(profile, options, run),
  }));
  const chosen = separate(
    timed.filter(
      ({ times }) => options.splits === 'slices' || times.slicedMs < Math.min(times.codedMs, times.wholeMs),
    ),
  );
  if (chosen.length === 0) return null;
  const inside = new Set(chosen.flatMap(({ run }) => run.nodes));
  const outside = (nodes: Iterable<number>) => new Set([...nodes].filter((node) => !inside.has(node)));
  const free = selection.free.filter((node) => !inside.has(node));
  const layouts = others.map((divided) => {
    const rest = { ...selection, chosen: outside(selection.chosen), free };
    const decided = decideFree(profile, rest, outside(divided), options);
    const decisions = new Map(decided.decisions);
    for (const { run, times } of chosen) decideRun(profile, options, run, times, decisions);
    const runs = new Map(chosen.map(({ run }) => [run.nodes.at(-1)!, run]));
    return divide(profile, options, { chosen: new Set(decided.chosen), decisions, free: [], runs });
  });
  const ranked = layouts.map((layout) => ({ layout, ms: predictMs(layout) }));
  return ranked.sort((a, b) => a.ms - b.ms)[0]!.layout;
}

/** Returns the error for a model without a run of layers that can be computed in slices. */
export function refuseWithoutSlices(
  profile: ModelProfile,
  options: SelectionOptions,
  selection: LayerSelection,
): PlanRefusedError {
  const why =
    profile.slices === undefined
      ? 'the model was analyzed by an older version; upload it again to use slices'
      : (possibleRuns(profile, options, selection).problem ??
        'no two of its linear layers have only operators between them that work on columns or heads alone');
  return new PlanRefusedError(
    'NOT_SLICEABLE',
    `no run of layers can be computed in ${options.k} slices: ${why}`,
    'choose another value of "splits"',
  );
}

/** Adds to the reasons of a layout's layers that the devices have too little memory for slices. */
export function explainLack(profile: ModelProfile, layout: Layout): Layout {
  const nodes = (profile.slices ?? []).flatMap((run) => run.nodes);
  const names = new Set(nodes.map((node) => profile.layers[node]!.name));
  const decisions = layout.decisions.map((decision) =>
    names.has(decision.layer) && decision.distributed
      ? {
          ...decision,
          reason: `${decision.reason}; the backups of slices do not fit the memory of the devices`,
        }
      : decision,
  );
  return { ...layout, decisions };
}

/** Returns the runs that the options allow, with the first reason against another one. */
function possibleRuns(
  profile: ModelProfile,
  { k }: SelectionOptions,
  { chosen, free }: LayerSelection,
): { readonly runs: readonly SliceableRun[]; readonly problem: string | null } {
  const wanted = new Set([...chosen, ...free]);
  let problem: string | null = null;
  const runs = (profile.slices ?? []).filter(({ nodes, feeds, fetch, units }) => {
    const { name } = profile.layers[nodes.at(-1)!]!;
    const unsendable = [...feeds, fetch].find((each) => !isSendable(profile, each));
    const unwanted = nodes.find((node) => profile.layers[node]!.coding && !wanted.has(node));
    const reason =
      units < k
        ? `the run that ends with "${name}" has ${units} columns or heads, fewer than the ${k} slices`
        : unsendable !== undefined
          ? `"${unsendable}" cannot be sent to devices`
          : unwanted !== undefined
            ? `"${profile.layers[unwanted]!.name}" is not among the layers to distribute`
            : null;
    problem ??= reason;
    return reason === null;
  });
  return { runs, problem };
}

/** Keeps runs that share no node, in the order of the model. */
function separate<Item extends { readonly run: SliceableRun }>(items: readonly Item[]): Item[] {
  const taken = new Set<number>();
  return items.filter(({ run }) => {
    if (run.nodes.some((node) => taken.has(node))) return false;
    for (const node of run.nodes) taken.add(node);
    return true;
  });
}

function runTimes(profile: ModelProfile, options: LayoutOptions, run: SliceableRun): RunTimes {
  const costs = options.costs ?? DEFAULT_COSTS;
  const { k, r, seated = [] } = options;
  const home = homeOf(profile, options, costs);
  const layers = run.nodes.map((node) => profile.layers[node]!);
  const steps = sliceSteps(profile, run, 0, range(0, k + r), k).map((step) => ({ ...step, id: '' }) as Step);
  const slicedMs = requestMs(
    steps.map((step) => stepLoad(profile, step, seated, costs)),
    costs,
  );
  const coded = layers.filter(({ coding }) => coding);
  const between = layers.filter(({ coding }) => !coding);
  return {
    slicedMs,
    codedMs:
      coded.reduce((sum, layer) => sum + layerTimes(profile, layer, options).dividedMs, 0) +
      costs.engineCallMs +
      home.betweenMs(between),
    wholeMs: layers.reduce((sum, layer) => sum + home.layerMs(layer), 0),
  };
}

/** Records that the linear layers of a run are computed in slices. @param decisions  by node; mutated */
function decideRun(
  profile: ModelProfile,
  { k, splits }: SelectionOptions,
  { nodes, units }: SliceableRun,
  { slicedMs, codedMs, wholeMs }: RunTimes,
  decisions: Map<number, LayerDecision>,
): void {
  const others = nodes.length - 1;
  const figures = `predicted ${slicedMs.toFixed(2)} ms in slices, ${codedMs.toFixed(2)} ms as coded layers, ${wholeMs.toFixed(2)} ms undivided`;
  for (const node of nodes) {
    const layer = profile.layers[node]!;
    if (!isLinear(layer)) continue;
    decisions.set(node, {
      layer: layer.name,
      op: layer.op,
      distributed: true,
      reason: `computed in ${k} slices with ${others} other operators, without a gather between them`,
      split: 'slices',
      splitReason: `${splits === 'slices' ? 'the option "splits" is "slices"; ' : ''}each device computes at most ${Math.ceil(units / k)} of ${units} columns or heads: ${figures}`,
    });
  }
}
