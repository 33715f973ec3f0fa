import { inputPieces, type Partition } from '@sparewheel/cdc';
import type { StepDraft } from '../layers/order-steps.ts';
import type { CodedStep, LocalStep, ReplicatedStep, Seat } from '../plan.ts';
import { inputSplitOf, type ModelProfile } from '../profile.ts';
import { comparisonOf } from './comparison.ts';

export function localStep(profile: ModelProfile, draft: StepDraft, id: string): LocalStep {
  const { nodes, feeds, fetches } = draft;
  return { kind: 'local', id, summary: summarize(profile, nodes), feeds, fetches, nodes };
}

export function replicatedStep(
  profile: ModelProfile,
  draft: StepDraft,
  id: string,
  seats: readonly Seat[],
): ReplicatedStep {
  const fetchShapes = draft.fetches.map((name) => profile.tensors[name] ?? null);
  const comparison = comparisonOf(profile, draft.nodes);
  const local = localStep(profile, draft, id);
  return {
    ...local,
    ...(comparison?.random ? { summary: `${local.summary}; random, so replicas are not compared` } : {}),
    kind: 'replicated',
    seats,
    fetchShapes,
    ...(comparison ? { comparison } : {}),
  };
}

/**
 * Creates the step of a layer that divides its input.
 * @param seats  k + r seats, by shard
 */
export function inputSplitStep(
  profile: ModelProfile,
  draft: StepDraft,
  id: string,
  seats: readonly Seat[],
  k: number,
): CodedStep {
  const layer = profile.layers[draft.nodes[0]!]!;
  const { op, feed, fetch, axis, ...window } = inputSplitOf(layer)!;
  const { partition, rows, starts } = inputPieces(window, k);
  return {
    kind: 'coded',
    id,
    layer: layer.name,
    node: layer.node,
    op,
    split: 'inputs',
    pieces: { axis, inputRows: window.inputRows, rows, starts },
    feed,
    fetch,
    axis,
    blocks: partition.blocks,
    height: partition.height,
    dataShards: k,
    parityShards: seats.length - k,
    seats,
    multiplyAdds: layer.multiplyAdds,
  };
}

/**
 * Creates the step of a layer that divides its weights.
 * @param seats  k + r seats, by shard
 * @param partition  the layer's rows over k shards
 */
export function codedStep(
  profile: ModelProfile,
  draft: StepDraft,
  id: string,
  seats: readonly Seat[],
  { blocks, height }: Partition,
): CodedStep {
  const layer = profile.layers[draft.nodes[0]!]!;
  const { op, feed, fetch, axis, independentRows, integers } = layer.coding!;
  const k = blocks.length;
  // A shorter block is padded with zeros of a fixed shape.
  const whole = blocks.every(({ rows }) => rows === height);
  return {
    kind: 'coded',
    id,
    layer: layer.name,
    node: layer.node,
    op,
    split: 'weights',
    feed,
    fetch,
    axis,
    blocks,
    height,
    dataShards: k,
    parityShards: seats.length - k,
    seats,
    multiplyAdds: layer.multiplyAdds,
    ...(whole && independentRows ? { batchable: true } : {}),
    ...(integers ? { answers: 'int32' } : {}),
  };
}

/** Describes a subgraph: "Relu, MaxPool", or "3 × Add, 2 × Relu, Concat and 4 more". */
export function summarize(profile: ModelProfile, nodes: readonly number[]): string {
  const counts = new Map<string, number>();
  for (const node of nodes) {
    const { op } = profile.layers[node]!;
    counts.set(op, (counts.get(op) ?? 0) + 1);
  }
  const parts = [...counts].map(([op, count]) => (count === 1 ? op : `${count} × ${op}`));
  const shown = parts.slice(0, 5).join(', ');
  return parts.length > 5 ? `${shown} and ${parts.length - 5} more` : shown || 'constants';
}
