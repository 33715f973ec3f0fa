import type { LayerProfile, ModelProfile } from './profile.ts';

/** One place in the order: either a distributed layer or a group of nodes that run together. */
export interface Arrangement {
  readonly kind: 'distributed' | 'together';
  /** Node indices, ascending. */
  readonly nodes: readonly number[];
  readonly feeds: readonly string[];
  readonly fetches: readonly string[];
}

/**
 * Orders a graph around its distributed layers with as few groups of other nodes between them as there can be.
 *
 * The depth of a value is how many distributed layers lie on the longest path to it. A distributed layer at depth t
 * runs after everything at depth ≤ t; what it computes has depth t + 1. Every other node may run at any depth from
 * that of its inputs (earliest) to the one at which a distributed layer waits for it (latest). The fewest groups are
 * the fewest points that meet all these intervals: greedily, by the latest. Each node then runs in the last chosen
 * group that is not too late, so that work no hop waits for is deferred. Groups at growing depths cannot depend on
 * one another in a circle, hence each is convex.
 * @param distributed  node indices of the layers that run on devices
 */
export function arrange(profile: ModelProfile, distributed: ReadonlySet<number>): Arrangement[] {
  const { layers } = profile;
  const { earliest, latest, depths } = depthsOf(layers, distributed);
  const points = choosePoints(layers, distributed, earliest, latest);

  const groups = new Map<number, number[]>();
  for (const { node } of layers) {
    if (distributed.has(node)) continue;
    const point = lastAtMost(points, latest[node]!);
    const group = groups.get(point);
    if (group) group.push(node);
    else groups.set(point, [node]);
  }
  const order: { kind: Arrangement['kind']; nodes: number[] }[] = [];
  for (let depth = 0; depth <= depths; depth++) {
    const group = groups.get(depth);
    if (group) order.push({ kind: 'together', nodes: group });
    for (const { node } of layers) {
      if (distributed.has(node) && earliest[node] === depth)
        order.push({ kind: 'distributed', nodes: [node] });
    }
  }
  return connect(profile, order);
}

/** Which node computes which name. */
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
    // A distributed layer runs as early as it can: what follows it may already be waiting.
    const needed = distributed.has(node) ? earliest[node]! : latest[node]!;
    for (const name of inputs) {
      const from = producer.get(name);
      if (from !== undefined) latest[from] = Math.min(latest[from]!, needed);
    }
  }
  return { earliest, latest, depths };
}

/** The fewest depths such that every undistributed node has one between its earliest and its latest; ascending. */
function choosePoints(
  layers: readonly LayerProfile[],
  distributed: ReadonlySet<number>,
  earliest: readonly number[],
  latest: readonly number[],
): number[] {
  const nodes = layers.map(({ node }) => node).filter((node) => !distributed.has(node));
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

/** Works out what goes into each place and what comes out of it. @param order  every node, in a valid order */
export function connect(
  profile: ModelProfile,
  order: readonly { readonly kind: Arrangement['kind']; readonly nodes: readonly number[] }[],
): Arrangement[] {
  const { layers } = profile;
  const producer = producers(layers);
  const inputs = new Set(profile.inputs.map(({ name }) => name));
  const wanted = new Set(profile.outputs.map(({ name }) => name));
  const place = new Map<number, number>();
  for (const [at, { nodes }] of order.entries()) for (const node of nodes) place.set(node, at);
  for (const { node, inputs: reads } of layers) {
    for (const name of reads) {
      const from = producer.get(name);
      if (from !== undefined && place.get(from) !== place.get(node)) wanted.add(name);
    }
  }
  // A model output that is a constant is handed out by whichever group runs last.
  const constantOutputs = profile.outputs
    .map(({ name }) => name)
    .filter((name) => !producer.has(name) && !inputs.has(name));
  const places = [...order];
  let lastGroup = places.findLastIndex(({ kind }) => kind === 'together');
  if (constantOutputs.length > 0 && lastGroup < 0) {
    lastGroup = places.push({ kind: 'together', nodes: [] }) - 1;
  }
  return places.map(({ kind, nodes }, at) => {
    const own = new Set(nodes.flatMap((node) => layers[node]!.outputs));
    const feeds = new Set(nodes.flatMap((node) => layers[node]!.inputs).filter((name) => !own.has(name)));
    // Nodes that read nothing (a random source, say) still need something to set them going.
    if (feeds.size === 0) feeds.add(profile.inputs[0]!.name);
    const fetches = [...own].filter((name) => wanted.has(name));
    if (at === lastGroup) fetches.push(...constantOutputs);
    return { kind, nodes, feeds: [...feeds], fetches };
  });
}
