import type { SliceableRun } from '@sparewheel/onnx';
import { DEFAULT_COSTS } from '../costs/costs.ts';
import { keepUnsendableTogether, type LayerSelection, recordSplits } from '../layers/choose-layers.ts';
import type { SelectionOptions } from '../layers/selection-options.ts';
import type { LayerDecision, Split, Step } from '../plan.ts';
import { isLinear, type LayerProfile, type ModelProfile } from '../profile.ts';
import { ReplicaSeats } from '../seats/replica-seats.ts';
import { memoryOf } from '../seats/seating.ts';
import { partition, unevenPartition } from '../seats/uneven-partition.ts';
import { contract } from './contract.ts';
import { sliceSteps, type Unnumbered } from './part-steps.ts';
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
 * Lays out steps over one group of k + r seats: the slices of each run, one coded step for each other chosen layer, and
 * steps for the nodes between them.
 */
export function divide(profile: ModelProfile, options: LayoutOptions, selection: LayerSelection): Layout {
  const { decisions, runs = NO_RUNS } = selection;
  const { k, r, seated = [], uneven, limited } = options;
  const costs = options.costs ?? DEFAULT_COSTS;
  // Mutated by the caller's wish if there are no runs.
  const chosen = runs.size === 0 ? selection.chosen : new Set([...selection.chosen, ...runs.keys()]);
  const drafts = keepUnsendableTogether(contract(profile, runs), chosen, decisions);
  if ([...runs.keys()].some((last) => !chosen.has(last))) {
    return divide(profile, options, withoutRuns(profile, selection, chosen));
  }
  const seats = range(0, k + r);
  // Without a coded group, the seats are only those of the replicas.
  const group = drafts.some(({ kind }) => kind === 'distributed') ? k + r : 1 + r;
  const replicas = new ReplicaSeats(profile, group, seated, uneven && !limited, costs);
  const replicaSeats = drafts.map((draft) =>
    options.objective === 'devices-only' && draft.kind === 'subgraph' && hasLinear(profile, draft.nodes)
      ? replicas.take(draft, 1 + r)
      : null,
  );
  const coded = drafts.filter(({ nodes }) => !runs.has(nodes[0] ?? -1));
  recordSplits(profile, coded, decisions, options);
  const layersWith = (split: Split) =>
    coded
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
  let sliced = 0;
  const steps = drafts.flatMap((draft, index): Unnumbered[] => {
    if (draft.kind === 'distributed') {
      const node = draft.nodes[0]!;
      const run = runs.get(node);
      if (run) return sliceSteps(profile, run, sliced++, seats, k);
      return decisions.get(node)!.split === 'inputs'
        ? [inputSplitStep(profile, draft, '', seats, k)]
        : [codedStep(profile, draft, '', seats, blocksOf(profile.layers[node]!))];
    }
    const copies = replicaSeats[index];
    return copies ? [replicatedStep(profile, draft, '', copies)] : [localStep(profile, draft, '')];
  });
  return {
    steps: steps.map((step, index) => ({ ...step, id: stepId(index) }) as Step),
    decisions: [...decisions.values()],
  };
}

const NO_RUNS: ReadonlyMap<number, SliceableRun> = new Map();

/** Gives up the runs whose last layer is no longer chosen. Their layers stay undivided, for the same reason. */
function withoutRuns(
  profile: ModelProfile,
  selection: LayerSelection,
  chosen: ReadonlySet<number>,
): LayerSelection {
  const runs = new Map([...selection.runs!].filter(([last]) => chosen.has(last)));
  for (const [last, { nodes }] of selection.runs!) {
    if (runs.has(last)) continue;
    const { reason } = selection.decisions.get(last)!;
    for (const node of nodes) {
      if (!selection.decisions.has(node)) continue;
      const { name: layer, op } = profile.layers[node]!;
      selection.decisions.set(node, { layer, op, distributed: false, reason });
    }
  }
  return { ...selection, chosen: new Set([...chosen].filter((node) => !selection.runs!.has(node))), runs };
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
