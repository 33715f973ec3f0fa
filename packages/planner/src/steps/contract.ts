import type { SliceableRun } from '@sparewheel/onnx';
import type { LayerProfile, ModelProfile } from '../profile.ts';

/**
 * Replaces each run of layers by one node, so that steps are ordered around it. The run's last node stands for all of
 * them; the others stay in place, but read and return nothing.
 * @param runs  by the node of their last layer; no node is in two of them
 */
export function contract(profile: ModelProfile, runs: ReadonlyMap<number, SliceableRun>): ModelProfile {
  const inner = new Set([...runs.values()].flatMap(({ nodes }) => nodes));
  const layers = profile.layers.map((layer): LayerProfile => {
    const run = runs.get(layer.node);
    if (run) return { ...layer, inputs: run.feeds, outputs: [run.fetch] };
    return inner.has(layer.node) ? { ...layer, inputs: [], outputs: [], folded: true } : layer;
  });
  return { ...profile, layers };
}
