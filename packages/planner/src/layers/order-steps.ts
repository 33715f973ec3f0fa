import type { LayerProfile, ModelProfile } from '../profile.ts';

/** A step of the plan before it has seats: one distributed layer, or a group of nodes that run together. */
export interface StepDraft {
  readonly kind: 'distributed' | 'subgraph';
  /** Node indices, ascending. */
  readonly nodes: readonly number[];
  readonly feeds: readonly string[];
  readonly fetches: readonly string[];
}

/**
 * Orders a graph around its distributed layers, with the fewest groups of other nodes between them.
 *
 * The depth of a value is the largest number of distributed layers on any path to it. A distributed layer at
 * depth t runs after everything at depth ≤ t, and its output has depth t + 1. Every other node may run at any
 * depth between that of its inputs (earliest) and that of the first distributed layer that needs it (latest).
 * The fewest groups are the fewest points that hit all these intervals; a greedy choice by the latest depth
 * finds them. Each node then runs in the last chosen group that is not too late, so work that no distributed
 * layer needs is deferred. Groups at increasing depths cannot depend on each other in a cycle, so each group
 * is convex.
 * @param distributed  node indices of the layers that run on devices
 */
export function orderSteps(profile: ModelProfile, distributed: ReadonlySet<number>): StepDraft[] {
  const { layers } = profile;
  const { earliest, latest, depths } = depthsOf(layers, distributed);
  const points = choosePoints(layers, distributed, earliest, latest);

  const groups = new Map<number, number[]>();
  for (const { node } of layers) {
    if (distributed.has(node) || layers[node]!.folded) continue;
    const point = lastAtMost(points, latest[node]!);
    const group = groups.get(point);
    if (group) group.push(node);
    else groups.set(point, [node]);
  }
  const order: { kind: StepDraft['kind']; nodes: number[] }[] = [];
  for (let depth = 0; depth <= depths; depth++) {
    const group = groups.get(depth);
    if (group) order.push({ kind: 'subgraph', nodes: group });
    for (const { node } of layers) {
      if (distributed.has(node) && earliest[node] === depth)
        order.push({ kind: 'distributed', nodes: [node] });
    }
  }
  return addFeedsAndFetches(profile, order);
}

/** Maps each value's name to the node that computes it. */
function producers(layers: readonly LayerProfile[]): Map<string, number> {
  return new Map(layers.flatMap(({ node, outputs }) => outputs.map((name) => [name, node] as const)));
}

function depthsOf(layers: readonly LayerProfile[], distributed: ReadonlySet<number>) {
  const producer = producers(layers);
  const earliest = new Array<number>(layers.length).fill(0);
  for (const { node, inputs } of layers) {
    for (const name of inputs) {
      const from = producer.get(name);
      if (from === undefined) continue;
      earliest[node] = Math.max(earliest[node]!, earliest[from]! + (distributed.has(from) ? 1 : 0));
    }
  }
  let depths = 0;
  for (const { node } of layers) {
    depths = Math.max(depths, earliest[node]! + (distributed.has(node) ? 1 : 0));
  }
  const latest = new Array<number>(layers.length).fill(depths);
  for (const { node, inputs } of [...layers].reverse()) {
    // A distributed layer runs as early as possible, because later layers may wait for it.
    const needed = distributed.has(node) ? earliest[node]! : latest[node]!;
    for (const name of inputs) {
      const from = producer.get(name);
      if (from !== undefined) latest[from] = Math.min(latest[from]!, needed);
    }
  }
  return { earliest, latest, depths };
}

/**
 * Returns the fewest depths, ascending, such that every local node has one between its earliest and latest.
 */
function choosePoints(
  layers: readonly LayerProfile[],
  distributed: ReadonlySet<number>,
  earliest: readonly number[],
  latest: readonly number[],
): number[] {
  const nodes = layers
    .filter(({ node, folded }) => !folded && !distributed.has(node))
    .map(({ node }) => node);
  const points: number[] = [];
  for (const node of nodes.sort((a, b) => latest[a]! - latest[b]!)) {
    const last = points.at(-1);
    if (last === undefined || last < earliest[node]!) points.push(latest[node]!);
  }
  return points;
}

function lastAtMost(ascending: readonly number[], limit: number): number {
  return ascending.findLast((value) => value <= limit)!;
}

/**
 * Computes what each step reads and returns.
 * @param order  every node exactly once, in a valid order
 */
export function addFeedsAndFetches(
  profile: ModelProfile,
  order: readonly Pick<StepDraft, 'kind' | 'nodes'>[],
): StepDraft[] {
  const { layers } = profile;
  const producer = producers(layers);
  const inputs = new Set(profile.inputs.map(({ name }) => name));
  const wanted = new Set(profile.outputs.map(({ name }) => name));
  const stepOf = new Map<number, number>();
  for (const [step, { nodes }] of order.entries()) for (const node of nodes) stepOf.set(node, step);
  for (const { node, inputs: reads } of layers) {
    for (const name of reads) {
      const from = producer.get(name);
      if (from !== undefined && stepOf.get(from) !== stepOf.get(node)) wanted.add(name);
    }
  }
  // The last subgraph returns the model outputs that are constants.
  const constantOutputs = profile.outputs
    .map(({ name }) => name)
    .filter((name) => !producer.has(name) && !inputs.has(name));
  const drafts = [...order];
  let lastSubgraph = drafts.findLastIndex(({ kind }) => kind === 'subgraph');
  if (constantOutputs.length > 0 && lastSubgraph < 0) {
    lastSubgraph = drafts.push({ kind: 'subgraph', nodes: [] }) - 1;
  }
  return drafts.map(({ kind, nodes }, step) => {
    const own = new Set(nodes.flatMap((node) => layers[node]!.outputs));
    const feeds = new Set(nodes.flatMap((node) => layers[node]!.inputs).filter((name) => !own.has(name)));
    // A step needs at least one feed, even if its nodes read nothing, such as a random source.
    if (feeds.size === 0) feeds.add(profile.inputs[0]!.name);
    const fetches = [...own].filter((name) => wanted.has(name));
    if (step === lastSubgraph) fetches.push(...constantOutputs);
    return { kind, nodes, feeds: [...feeds], fetches };
  });
}
