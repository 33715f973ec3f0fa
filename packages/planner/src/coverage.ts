import type { Seat, Step } from './plan.ts';

/**
 * The coverage of a plan as the paper counts it: devices whose single failure is survived ÷ all devices. A device of
 * a coded group is survived if the group has parity, one of a replicated stage if there is another.
 * @returns in [0, 1]; 1 where there are no devices, for then none can fail
 */
export function coverageOf(steps: readonly Step[]): number {
  const survived = new Map<Seat, boolean>();
  for (const step of steps) {
    if (step.kind === 'local') continue;
    const spare = step.kind === 'coded' ? step.parityShards >= 1 : step.seats.length >= 2;
    for (const seat of step.seats) survived.set(seat, (survived.get(seat) ?? true) && spare);
  }
  if (survived.size === 0) return 1;
  return [...survived.values()].filter(Boolean).length / survived.size;
}

/** A model spread over devices, for the study of Fig. 17. */
export interface SpreadModel {
  /** Devices without redundancy, those of the groups among them. */
  readonly devices: number;
  /** Sizes of the groups that share a layer, and can share a parity device. */
  readonly groups: readonly number[];
}

/** The five models of Fig. 17, as the paper spreads them. */
export const PAPER_MODELS = {
  alexnet: { devices: 5, groups: [2] },
  actionRecognition: { devices: 8, groups: [2, 2] },
  c3dTwoPerLayer: { devices: 7, groups: [2, 2] },
  c3dThreePerLayer: { devices: 9, groups: [3, 3] },
  vgg16: { devices: 9, groups: [3, 3] },
} as const satisfies Record<string, SpreadModel>;

/**
 * Coverage after 1, 2, 3, … extra devices until it is full, with CDC where a layer is shared and 2MR elsewhere:
 * a parity device over a group of g covers g + 1 devices, a replica covers 2; largest groups first. [paper Fig. 17]
 * @returns coverage by number of extra devices, less one; each in (0, 1], the last is 1
 */
export function codedCoverage(model: SpreadModel): number[] {
  const alone = model.devices - model.groups.reduce((sum, size) => sum + size, 0);
  const sizes = [...model.groups].sort((a, b) => b - a).concat(new Array<number>(alone).fill(1));
  let covered = 0;
  return sizes.map((size, index) => {
    covered += size + 1;
    return covered / (model.devices + index + 1);
  });
}

/** As `codedCoverage`, with a replica for every device and no parity: 2j ÷ (N + j) after j extra devices. */
export function replicatedCoverage({ devices }: SpreadModel): number[] {
  return Array.from({ length: devices }, (_, index) => (2 * (index + 1)) / (devices + index + 1));
}
