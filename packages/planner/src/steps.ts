import type { Partition } from '@sparewheel/cdc';
import { computedRows } from '@sparewheel/onnx';
import type { Arrangement } from './arrange.ts';
import type { CodedStep, LocalStep, ReplicatedStep, Seat } from './plan.ts';
import type { ModelProfile } from './profile.ts';

export function localStep(profile: ModelProfile, place: Arrangement, id: string): LocalStep {
  const { nodes, feeds, fetches } = place;
  return { kind: 'local', id, summary: summarise(profile, nodes), feeds, fetches, nodes };
}

export function replicatedStep(
  profile: ModelProfile,
  place: Arrangement,
  id: string,
  seats: readonly Seat[],
): ReplicatedStep {
  const fetchShapes = place.fetches.map((name) => profile.tensors[name] ?? null);
  return { ...localStep(profile, place, id), kind: 'replicated', seats, fetchShapes };
}

/**
 * @param seats    k + r of them
 * @param blocks   how the layer's rows are divided over k shards
 */
export function codedStep(
  profile: ModelProfile,
  place: Arrangement,
  id: string,
  seats: readonly Seat[],
  { blocks, height }: Partition,
): CodedStep {
  const layer = profile.layers[place.nodes[0]!]!;
  const { op, feed, fetch, axis } = layer.coding!;
  const k = blocks.length;
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
    parityShards: seats.length - k,
    seats,
    multiplyAdds: layer.multiplyAdds,
  };
}

/** "Relu, MaxPool", "3 × Add, 2 × Relu, Concat and 4 more". */
function summarise(profile: ModelProfile, nodes: readonly number[]): string {
  const counts = new Map<string, number>();
  for (const node of nodes) {
    const { op } = profile.layers[node]!;
    counts.set(op, (counts.get(op) ?? 0) + 1);
  }
  const parts = [...counts].map(([op, count]) => (count === 1 ? op : `${count} × ${op}`));
  const shown = parts.slice(0, 5).join(', ');
  return parts.length > 5 ? `${shown} and ${parts.length - 5} more` : shown || 'constants';
}

/** Rows that a shard computes: its block's where that is much shorter than the tallest, else the common height. */
export function shardRows(step: Pick<CodedStep, 'blocks' | 'height'>, shard: number): number {
  return computedRows(step, shard);
}
