import { isTileable, type TileNode, tileNeeds } from '@sparewheel/onnx';
import type { RowRange } from '../plan.ts';
import { isSendable, type LayerProfile, type ModelProfile } from '../profile.ts';
import { bands } from './bands.ts';

/** A position between two nodes. */
export interface CutPoint {
  /** The first node after the position. */
  readonly at: number;
  /** The only value that crosses the position; null if several do, which is possible only at both ends. */
  readonly value: string | null;
}

/** One tile of a segment. */
export interface Tile {
  readonly input: RowRange;
  readonly output: RowRange;
  /** The nodes that the tile needs, ascending. */
  readonly nodes: readonly number[];
  /** By node: computed rows, halo included, ÷ rows of the whole image. */
  readonly shares: readonly number[];
}

/** A range of nodes that is computed in tiles. */
export interface Segment {
  /** Nodes `[from, to)`. */
  readonly from: number;
  readonly to: number;
  readonly feed: string;
  readonly fetch: string;
  /** The axis of the rows. */
  readonly axis: number;
  readonly tiles: readonly Tile[];
}

/**
 * Returns the positions that only one value crosses, and both ends of the model. Between two of them, a range of
 * nodes has one input and one output.
 */
export function cutPoints(profile: ModelProfile): CutPoint[] {
  const { layers } = profile;
  const end = layers.length;
  const lastUse = new Map<string, number>();
  for (const { node, inputs } of layers) for (const name of inputs) lastUse.set(name, node);
  for (const { name } of profile.outputs) lastUse.set(name, end);
  const crossing = new Set(profile.inputs.map(({ name }) => name).filter((name) => lastUse.has(name)));
  const points: CutPoint[] = [];
  for (let at = 0; at <= end; at++) {
    const [value = null] = crossing;
    if (crossing.size === 1) points.push({ at, value });
    else if (at === 0 || at === end) points.push({ at, value: null });
    const layer = layers[at];
    if (!layer) break;
    for (const name of layer.outputs) if (lastUse.has(name)) crossing.add(name);
    for (const name of layer.inputs) if (lastUse.get(name) === at) crossing.delete(name);
  }
  return points;
}

/** Why a range of nodes cannot be computed in tiles, as a phrase to display. */
export interface NotTiled {
  readonly reason: string;
}

/**
 * Finds all segments that end at one position, with k tiles each, by the position of their start. The shortest
 * segment comes first.
 * @param points  from `cutPoints`
 * @param end  index in `points`
 * @param mayTile  whether the options allow tiles for a layer
 */
export function segmentsEndingAt(
  profile: ModelProfile,
  points: readonly CutPoint[],
  end: number,
  k: number,
  mayTile: (layer: LayerProfile) => boolean,
): (Segment | NotTiled)[] {
  const { at: to, value: fetch } = points[end]!;
  const last = profile.layers[to - 1]?.tile;
  if (fetch === null || !isTileable(last)) return [];
  const { axis } = last;
  const rowsOf = (name: string) => profile.tensors[name]?.dims[axis] ?? 0;
  const canSend = (name: string | null) => name !== null && rowsOf(name) > 0 && isSendable(profile, name);
  if (!canSend(fetch)) return [];
  const outputRows = rowsOf(fetch);
  if (outputRows < k) return [{ reason: `"${fetch}" has ${outputRows} rows, fewer than the ${k} tiles` }];
  let from = end;
  while (from > 0) {
    const range = profile.layers.slice(points[from - 1]!.at, points[from]!.at);
    const { value } = points[from - 1]!;
    if (!range.every((layer) => isTileable(layer.tile) && mayTile(layer))) break;
    if (!canSend(value)) break;
    from--;
  }
  const start = points[from]!;
  if (from === end || start.value === null) return [];
  const nodes = profile.layers
    .slice(start.at, to)
    .flatMap(({ node, inputs, outputs, tile }): TileNode[] =>
      isTileable(tile) ? [{ node, inputs, outputs, window: tile }] : [],
    );
  const outputs = bands(outputRows, k);
  // What a node needs does not depend on the nodes before it, so one pass serves all starts.
  const longest = { nodes, feed: start.value, fetch };
  const needs = outputs.map((output) => tileNeeds(longest, rowsOf, output));
  const found: (Segment | NotTiled)[] = [];
  for (let first = end - 1; first >= from; first--) {
    const { at, value } = points[first]!;
    const feed = value!;
    if (!nodes.some(({ node, outputs }) => node >= at && outputs.includes(fetch))) continue;
    const inputs = needs.map(({ held }) => held.get(feed));
    const problem = haloProblem(inputs, outputs, rowsOf(feed), outputRows);
    if (problem !== null) {
      found.push({ reason: problem });
      continue;
    }
    const tiles = outputs.map((output, index): Tile => {
      const computed = [...needs[index]!.computed].filter(([node]) => node >= at).sort(([a], [b]) => a - b);
      return {
        input: inputs[index]!,
        output,
        nodes: computed.map(([node]) => node),
        shares: computed.map(
          ([node, span]) => (span.to - span.from) / rowsOf(profile.layers[node]!.outputs[0]!),
        ),
      };
    });
    found.push({ from: at, to, feed, fetch, axis, tiles });
  }
  return found;
}

/** Returns why the tiles are not worth sending: the halo of one is larger than its own rows. */
function haloProblem(
  inputs: readonly (RowRange | undefined)[],
  outputs: readonly RowRange[],
  inputRows: number,
  outputRows: number,
): string | null {
  for (const [index, input] of inputs.entries()) {
    const { from, to } = outputs[index]!;
    const own = ((to - from) * inputRows) / outputRows;
    if (!input || input.to <= input.from) return `tile ${index + 1} needs no rows of the input`;
    const halo = Math.ceil(input.to - input.from - own);
    if (halo > own) return `the halo of ${halo} rows is larger than the ${Math.floor(own)} rows of a tile`;
  }
  return null;
}
