import type { SliceableRun } from '@sparewheel/onnx';
import { PlanRefusedError } from '../errors.ts';
import type { LayerDecision } from '../plan.ts';
import { isSendable, type ModelProfile } from '../profile.ts';
import { layerTimes } from './optimize-layers.ts';
import { orderSteps, type StepDraft } from './order-steps.ts';
import type { SelectionOptions } from './selection-options.ts';
import { chooseSplit, mostRows, whyNotDivided } from './splits.ts';

/** The linear layers to distribute, and the reason for each decision. */
export interface LayerSelection {
  /** Node indices. */
  readonly chosen: Set<number>;
  /** By node index; linear layers only. */
  readonly decisions: Map<number, LayerDecision>;
  /** Node indices of the layers that the option "auto" leaves to the optimizer. */
  readonly free: readonly number[];
  /** Runs that are computed in slices, by the node of their last layer. Absent if there are none. */
  readonly runs?: ReadonlyMap<number, SliceableRun>;
}

/**
 * Chooses the layers to distribute, as `options.layers` requires. None is chosen if none can be divided.
 * @throws {PlanRefusedError} a named layer cannot be distributed, or no layer can be computed in tiles as demanded
 */
export function chooseLayers(profile: ModelProfile, options: SelectionOptions): LayerSelection {
  const { layers: choice } = options;
  const free: number[] = [];
  const named = typeof choice === 'string' ? undefined : new Set(choice);
  const chosen = new Set<number>();
  const decisions = new Map<number, LayerDecision>();
  for (const name of named ?? []) requireNamed(profile, name, options);

  for (const layer of profile.layers) {
    const { coding } = layer;
    if (!coding && layer.notCodable === null) continue;
    const divisible = coding || options.splits === 'tiles';
    const decide = (distributed: boolean, reason: string) => {
      decisions.set(layer.node, { layer: layer.name, op: layer.op, distributed, reason });
      if (distributed) chosen.add(layer.node);
    };
    const problem = whyNotDivided(profile, layer, options);
    if (problem !== null && !divisible) decide(false, problem);
    else if (named && !named.has(layer.name)) decide(false, 'it is not in the list of layers to distribute');
    else if (problem !== null) decide(false, problem);
    else if (choice === 'auto') free.push(layer.node);
    else
      decide(true, named ? 'it is in the list of layers to distribute' : 'the option "all" distributes it');
  }
  // Tiles that the options demand must exist. Otherwise, a model that cannot be divided runs whole.
  const demandsTiles = options.splits === 'tiles' && choice !== 'auto';
  if (demandsTiles && chosen.size === 0) refuseWithoutTiles(profile, options);
  return { chosen, decisions, free };
}

function requireNamed(profile: ModelProfile, name: string, options: SelectionOptions): void {
  const layer = profile.layers.find((candidate) => candidate.name === name);
  if (!layer) {
    const names = profile.layers
      .filter((candidate) => mostRows(candidate, options) > 0)
      .map((candidate) => `"${candidate.name}"`);
    throw new PlanRefusedError(
      'UNKNOWN_LAYER',
      `the model has no layer "${name}"`,
      `choose from the layers that can be distributed: ${names.join(', ') || 'none'}`,
      name,
    );
  }
  const problem = whyNotDivided(profile, layer, options);
  if (problem === null) return;
  const most = mostRows(layer, options);
  if (most > 0 && most < options.k) {
    throw new PlanRefusedError(
      'MORE_SHARDS_THAN_ROWS',
      problem,
      `choose k ≤ ${most}, or remove the layer from the list`,
      name,
    );
  }
  const message = `layer "${name}" (${layer.op}) cannot be distributed: ${problem}`;
  throw new PlanRefusedError('LAYER_NOT_CODABLE', message, 'remove it from the list of layers', name);
}

function refuseWithoutTiles(profile: ModelProfile, options: SelectionOptions): never {
  const linear = profile.layers.filter(({ coding, notCodable }) => coding || notCodable !== null);
  const tileable = linear.filter((layer) => mostRows(layer, options) > 0);
  const tallest = tileable.sort((a, b) => mostRows(b, options) - mostRows(a, options))[0];
  if (tallest) {
    const problem = whyNotDivided(profile, tallest, options)!;
    throw new PlanRefusedError(
      'MORE_SHARDS_THAN_ROWS',
      problem,
      `choose k ≤ ${mostRows(tallest, options)}`,
      tallest.name,
    );
  }
  const [first] = linear;
  throw new PlanRefusedError(
    'NOT_TILEABLE',
    first
      ? `no layer of the model can be computed in tiles; for example, "${first.name}" (${first.op}): ${whyNotDivided(profile, first, options)}`
      : 'the model has no linear layer (Conv, ConvTranspose, Gemm, MatMul) with constant weights',
    'use another value of "splits"',
  );
}

/** Records the optimizer's decision for each layer that was free, with the layer's own predicted times. */
export function decideFree(
  profile: ModelProfile,
  selection: LayerSelection,
  divided: ReadonlySet<number>,
  options: SelectionOptions,
): LayerSelection {
  const decisions = new Map(selection.decisions);
  for (const node of selection.free) {
    const layer = profile.layers[node]!;
    const { dividedMs, wholeMs } = layerTimes(profile, layer, options);
    const where = options.objective === 'devices-only' ? 'on one device' : 'on the data plane';
    const figures = `${dividedMs.toFixed(2)} ms over ${options.k} + ${options.r} devices, ${wholeMs.toFixed(2)} ms ${where}`;
    const distributed = divided.has(node);
    const faster = dividedMs < wholeMs;
    const reason = distributed
      ? `${faster ? 'faster on devices' : 'part of the fastest plan'}: ${figures}`
      : `${faster ? 'not part of the fastest plan' : 'not faster on devices'}: ${figures}`;
    decisions.set(node, { layer: layer.name, op: layer.op, distributed, reason });
  }
  return { chosen: new Set([...selection.chosen, ...divided]), decisions, free: [] };
}

/** Records what each distributed layer divides. @param decisions  by node index; mutated */
export function recordSplits(
  profile: ModelProfile,
  drafts: readonly StepDraft[],
  decisions: Map<number, LayerDecision>,
  options: SelectionOptions,
): void {
  for (const { kind, nodes } of drafts) {
    if (kind !== 'distributed') continue;
    const node = nodes[0]!;
    const { split, reason } = chooseSplit(profile, profile.layers[node]!, options)!;
    decisions.set(node, { ...decisions.get(node)!, split, splitReason: reason });
  }
}

/**
 * Orders the steps, and makes layers local until no value of a type that cannot be sent crosses a step
 * border.
 * @param chosen  node indices of the distributed layers; mutated
 * @param decisions  by node index; mutated
 */
export function keepUnsendableTogether(
  profile: ModelProfile,
  chosen: Set<number>,
  decisions: Map<number, LayerDecision>,
): StepDraft[] {
  for (;;) {
    const drafts = orderSteps(profile, chosen);
    const source = drafts.findIndex((draft) => draft.fetches.some((name) => !mayCross(profile, name)));
    if (source < 0) return drafts;
    const name = drafts[source]!.fetches.find((fetch) => !mayCross(profile, fetch))!;
    const user = drafts.findIndex((draft, at) => at > source && draft.feeds.includes(name));
    const between = drafts.slice(source, user + 1).filter(({ kind }) => kind === 'distributed');
    for (const node of between.flatMap(({ nodes }) => nodes)) {
      chosen.delete(node);
      const { name: layer, op } = profile.layers[node]!;
      const type = profile.tensors[name]?.type ?? 'not a tensor';
      const reason = `"${name}" (${type}) is computed before it and used after it, and cannot be sent between steps`;
      decisions.set(node, { layer, op, distributed: false, reason });
    }
    if (between.length === 0)
      throw new Error(`"${name}" cannot be sent, but no distributed layer separates its steps`);
  }
}

/**
 * Returns whether a step may return a value. Constant outputs have no tensor profile and are always allowed.
 */
function mayCross(profile: ModelProfile, name: string): boolean {
  return isSendable(profile, name) || profile.outputs.some((output) => output.name === name);
}
