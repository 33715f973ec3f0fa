import { DEFAULT_COSTS } from '../costs/costs.ts';
import { keepUnsendableTogether, type LayerSelection, recordSplits } from '../layers/choose-layers.ts';
import type { SelectionOptions } from '../layers/selection-options.ts';
import type { LayerDecision, Split, Step } from '../plan.ts';
import { isLinear, type LayerProfile, type ModelProfile } from '../profile.ts';
import { ReplicaSeats } from '../seats/replica-seats.ts';
import { memoryOf } from '../seats/seating.ts';
import { partition, unevenPartition } from '../seats/uneven-partition.ts';
import { codedStep, inputSplitStep, localStep, replicatedStep } from './steps.ts';

/** The steps of a plan and the decisions about its layers. */
export interface Layout {
  readonly steps: readonly Step[];
  readonly decisions: readonly LayerDecision[];
}

export interface LayoutOptions extends SelectionOptions {
  readonly uneven: boolean;
  /** Whether blocks must fit the memory of the seated devices. */
  readonly limited: boolean;
}

/**
 * Lays out steps over one group of k + r seats: one coded step for each chosen layer, and steps for the nodes
 * between them.
 */
export function divide(
  profile: ModelProfile,
  options: LayoutOptions,
  { chosen, decisions }: LayerSelection,
): Layout {
  const { k, r, seated = [], uneven, limited } = options;
  const costs = options.costs ?? DEFAULT_COSTS;
  const drafts = keepUnsendableTogether(profile, chosen, decisions);
  const seats = range(0, k + r);
  // Without a coded group, the seats are only those of the replicas.
  const group = drafts.some(({ kind }) => kind === 'distributed') ? k + r : 1 + r;
  const replicas = new ReplicaSeats(profile, group, seated, uneven && !limited, costs);
  const replicaSeats = drafts.map((draft) =>
    options.objective === 'devices-only' && draft.kind === 'subgraph' && hasLinear(profile, draft.nodes)
      ? replicas.take(draft, 1 + r)
      : null,
  );
  recordSplits(profile, drafts, decisions, options);
  const layersWith = (split: Split) =>
    drafts
      .filter(({ kind, nodes }) => kind === 'distributed' && decisions.get(nodes[0]!)!.split === split)
      .map(({ nodes }) => profile.layers[nodes[0]!]!);
  const codedBytes = layersWith('weights').reduce(
    (sum, { coding }) => sum + coding!.bytesPerRow * coding!.rows,
    0,
  );
  const everywhereBytes = layersWith('inputs').reduce((sum, { weightsBytes }) => sum + weightsBytes, 0);
  const room =
    limited && codedBytes > 0
      ? seated.map(
          (device, seat) => (memoryOf(device) - everywhereBytes - replicas.usedBytes[seat]!) / codedBytes,
        )
      : undefined;
  const blocksOf = (layer: LayerProfile) =>
    // Blocks that fit no memory stay even, and the seats are then reported as too small.
    (uneven && unevenPartition(profile, layer, k, seated, costs, room)) || partition(layer, k);
  const steps = drafts.map((draft, index) => {
    if (draft.kind === 'distributed') {
      return decisions.get(draft.nodes[0]!)!.split === 'inputs'
        ? inputSplitStep(profile, draft, stepId(index), seats, k)
        : codedStep(profile, draft, stepId(index), seats, blocksOf(profile.layers[draft.nodes[0]!]!));
    }
    const copies = replicaSeats[index];
    return copies
      ? replicatedStep(profile, draft, stepId(index), copies)
      : localStep(profile, draft, stepId(index));
  });
  return { steps, decisions: [...decisions.values()] };
}

function hasLinear(profile: ModelProfile, nodes: readonly number[]): boolean {
  return nodes.some((node) => isLinear(profile.layers[node]!));
}

export function stepId(index: number): string {
  return `step-${index}`;
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}
