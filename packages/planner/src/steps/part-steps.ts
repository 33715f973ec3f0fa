import type { SliceableRun } from '@sparewheel/onnx';
import type { LocalStep, ReplicatedStep, Seat, Step } from '../plan.ts';
import type { ModelProfile } from '../profile.ts';
import { bands } from './bands.ts';
import { comparisonOf } from './comparison.ts';
import type { Segment } from './segments.ts';
import { summarize } from './steps.ts';

type WithoutId<Each> = Each extends Step ? Omit<Each, 'id'> : never;

/** A step before it has its place in the plan. */
export type Unnumbered = WithoutId<Step>;

/** Creates the steps of a segment that is computed in k tiles: one replicated step per tile, and a join. */
export function tileSteps(
  profile: ModelProfile,
  segment: Segment,
  serial: number,
  seats: readonly Seat[],
  k: number,
): Unnumbered[] {
  const { feed, fetch, axis } = segment;
  const rowsOf = (name: string) => profile.tensors[name]!.dims[axis]!;
  const whole = profile.tensors[fetch]!;
  const placed = seatsOfParts(serial, seats, k);
  const tiles = segment.tiles.map(({ output, input, nodes, shares }, index): Unnumbered => {
    return {
      kind: 'replicated',
      summary: `tile ${index + 1} of ${k}: ${summarize(profile, nodes)}`,
      feeds: [feed],
      fetches: [`${fetch}/tile-${index}`],
      nodes,
      seats: placed[index]!,
      ...comparing(profile, nodes),
      fetchShapes: [{ ...whole, dims: whole.dims.with(axis, output.to - output.from) }],
      tile: {
        segment: serial,
        index,
        tiles: k,
        axis,
        fetch,
        inputRows: rowsOf(feed),
        outputRows: rowsOf(fetch),
        input,
        output,
        shares,
      },
    };
  });
  return [...tiles, merge(`join ${k} tiles`, tiles, fetch, { joins: axis })];
}

/** Creates the steps of a run of layers that is computed in k slices: one replicated step per slice, and a sum. */
export function sliceSteps(
  profile: ModelProfile,
  { nodes, feeds, fetch, units }: SliceableRun,
  serial: number,
  seats: readonly Seat[],
  k: number,
): Unnumbered[] {
  const placed = seatsOfParts(serial, seats, k);
  const slices = bands(units, k).map((part, index): Unnumbered => {
    return {
      kind: 'replicated',
      summary: `slice ${index + 1} of ${k}: ${summarize(profile, nodes)}`,
      feeds,
      fetches: [`${fetch}/slice-${index}`],
      nodes,
      seats: placed[index]!,
      ...comparing(profile, nodes),
      fetchShapes: [profile.tensors[fetch] ?? null],
      slice: { index, slices: k, fetch, units, part },
    };
  });
  return [...slices, merge(`add ${k} slices`, slices, fetch, { adds: true })];
}

function comparing(profile: ModelProfile, nodes: readonly number[]): Pick<ReplicatedStep, 'comparison'> {
  const comparison = comparisonOf(profile, nodes);
  return comparison ? { comparison } : {};
}

/**
 * Returns the seats of each part: the one that computes it, then its backups. The first k seats in the group's order
 * compute one part each; the last r seats back up all of them.
 * @param serial  of the group in the plan; the seats rotate with it, so that each one is a backup in turn
 * @param seats  k + r seats
 */
function seatsOfParts(serial: number, seats: readonly Seat[], k: number): Seat[][] {
  const turned = seats.map((_, i) => seats[(i + serial) % seats.length]!);
  const backups = turned.slice(k);
  return turned
    .slice(0, k)
    .map((seat, index) => [seat, ...backups.map((_, i) => backups[(i + index) % backups.length]!)]);
}

function merge(
  summary: string,
  parts: readonly Unnumbered[],
  fetch: string,
  how: Pick<LocalStep, 'joins' | 'adds'>,
): Unnumbered {
  const feeds = parts.flatMap((step) => (step.kind === 'replicated' ? step.fetches : []));
  return { kind: 'local', summary, feeds, fetches: [fetch], nodes: [], ...how };
}
