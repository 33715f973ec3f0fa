import { DEFAULT_COSTS, type DeviceCapacity } from '../costs/costs.ts';
import { PlanRefusedError } from '../errors.ts';
import type { SelectionOptions } from '../layers/selection-options.ts';
import { whyNot } from '../layers/splits.ts';
import type { PlanOptions, SeatSummary } from '../plan.ts';
import type { ModelProfile } from '../profile.ts';
import type { Layout } from '../steps/divide.ts';
import { layOut } from '../steps/layouts.ts';
import {
  assignByMemory,
  findMemoryShortage,
  type MemoryShortage,
  memoryOf,
  memoryRefusal,
  type SeatedGroup,
  seatGroup,
  seatGroupByMemory,
} from './seating.ts';
import { summarizeSeats } from './seats.ts';
import { unitOf } from './uneven-partition.ts';

/** Steps whose seats have devices. */
export interface Attempt {
  readonly layout: Layout;
  readonly summaries: readonly SeatSummary[];
  readonly seated: readonly DeviceCapacity[];
  /** Whether the seats require these devices. */
  readonly pinned: boolean;
  readonly shortage: MemoryShortage | null;
}

/** Returns whether all distributed layers share one group of k + r devices. */
export function isGrouped({ strategy }: PlanOptions): boolean {
  return strategy === 'coded' || strategy === 'uncoded';
}

/**
 * Lays out the steps and assigns devices to seats. If the devices have too little memory for layers that divide
 * their input, divides the weights of these layers instead, the largest first. Tiles and slices, which also need more weights
 * on each device, are given up before that.
 */
export function layOutWithinMemory(profile: ModelProfile, options: PlanOptions): Attempt {
  const weightsOnly = new Set<number>();
  let [tiles, slices] = [true, true];
  for (;;) {
    const attempt = layOutAndSeat(profile, { ...options, weightsOnly, tiles, slices });
    if (!attempt.shortage || (options.splits ?? 'auto') !== 'auto') return attempt;
    if (attempt.layout.steps.some((step) => step.kind === 'replicated' && step.tile)) {
      tiles = false;
      continue;
    }
    if (attempt.layout.steps.some((step) => step.kind === 'replicated' && step.slice)) {
      slices = false;
      continue;
    }
    const heaviest = attempt.layout.steps
      .flatMap((step) => (step.kind === 'coded' && step.pieces ? [profile.layers[step.node]!] : []))
      .filter((layer) => whyNot(profile, layer, 'weights', options) === null)
      .sort((a, b) => b.weightsBytes - a.weightsBytes);
    if (heaviest.length === 0) return attempt;
    let excess = attempt.shortage.weightsBytes - attempt.shortage.memoryBytes;
    for (const { node, weightsBytes } of heaviest) {
      weightsOnly.add(node);
      excess -= weightsBytes * (1 - 1 / options.k);
      if (excess <= 0) break;
    }
  }
}

/**
 * Lays out the steps, assigns devices to seats, and checks their memory. With a coded group, tries in turn the
 * fastest devices, those that have room for an equal share, and blocks that fit the memory of their devices.
 */
function layOutAndSeat(profile: ModelProfile, options: SelectionOptions): Attempt {
  const { devices, k, r } = options;
  const costs = options.costs ?? DEFAULT_COSTS;
  if (!isGrouped(options) || !devices) {
    const layout = layOut(profile, { ...options, uneven: false, limited: false });
    return seatEvenly(profile, layout, devices ?? []);
  }
  // With one group, the number of seats is known before the layers are chosen.
  requireDevices(k + r, devices);
  const attempt = (group: SeatedGroup): Attempt => {
    const { uneven, limited, devices: seated } = group;
    const layout = layOut(profile, { ...options, seated, uneven, limited });
    if (!uneven) return seatEvenly(profile, layout, devices, seated);
    const summaries = summarizeSeats(profile, layout.steps);
    return { layout, summaries, seated, pinned: true, shortage: findMemoryShortage(summaries, seated) };
  };
  const first = attempt(seatGroup(profile, devices, { k, r }, costs));
  if (!first.shortage) return first;
  const share = Math.max(...first.summaries.map(({ weightsBytes }) => weightsBytes));
  const roomy = devices.filter((device) => memoryOf(device) >= share);
  if (roomy.length >= k + r) {
    const second = attempt(seatGroup(profile, roomy, { k, r }, costs));
    if (!second.shortage) return second;
  }
  const third = attempt(seatGroupByMemory(devices, { k, r }));
  return third.shortage ? { ...first, shortage: third.shortage } : third;
}

/** Assigns devices to the seats of a layout that does not depend on their speeds. */
function seatEvenly(
  profile: ModelProfile,
  layout: Layout,
  devices: readonly DeviceCapacity[],
  preferred: readonly DeviceCapacity[] = devices,
): Attempt {
  const summaries = summarizeSeats(profile, layout.steps);
  if (devices.length > 0) requireDevices(summaries.length, devices);
  // If some device is too small for some seat, the assignment must consider memory.
  const largest = Math.max(0, ...summaries.map(({ weightsBytes }) => weightsBytes));
  const pinned = devices.some((device) => memoryOf(device) < largest);
  const seated = pinned ? assignByMemory(summaries, devices) : preferred;
  return { layout, summaries, seated, pinned, shortage: findMemoryShortage(summaries, seated) };
}

/**
 * Returns the error for a plan that does not fit the memory of the devices.
 * @param attempt  with a shortage
 */
export function refuseForMemory(
  profile: ModelProfile,
  options: PlanOptions,
  attempt: Attempt & { readonly shortage: MemoryShortage },
): PlanRefusedError {
  const { devices, ...anyFleet } = options;
  const even = layOutAndSeat(profile, anyFleet).summaries;
  return memoryRefusal(
    attempt.shortage,
    smallestShardBytes(profile, attempt, even, options.k),
    smallestFittingK(profile, options, devices?.length ?? 0),
  );
}

/** Returns the bytes of the smallest shard that a device of the group could hold. */
function smallestShardBytes(
  profile: ModelProfile,
  { layout }: Attempt,
  even: readonly SeatSummary[],
  k: number,
): number {
  const coded = layout.steps.filter((step) => step.kind === 'coded');
  if (coded.length === 0) return Math.min(...even.map(({ weightsBytes }) => weightsBytes));
  return coded.reduce((sum, step) => {
    const layer = profile.layers[step.node]!;
    return sum + (step.pieces ? layer.weightsBytes : layer.coding!.bytesPerRow * unitOf(layer, k));
  }, 0);
}

/** Returns the smallest k above the requested one whose plan fits on the devices, or null. */
function smallestFittingK(profile: ModelProfile, options: PlanOptions, devices: number): number | null {
  for (let k = options.k + 1; k + options.r <= Math.min(devices, MAX_SHARDS); k++) {
    try {
      if (!layOutWithinMemory(profile, { ...options, k }).shortage) return k;
    } catch (error) {
      if (!(error instanceof PlanRefusedError)) throw error;
    }
  }
  return null;
}

/** The API's limit for k + r. */
const MAX_SHARDS = 64;

function requireDevices(needed: number, devices: readonly DeviceCapacity[] | undefined): void {
  if (!devices || devices.length >= needed) return;
  throw new PlanRefusedError(
    'TOO_FEW_DEVICES',
    `the plan needs ${needed} devices, one per seat, but only ${devices.length} are available`,
    'add devices, or choose a smaller k or r',
  );
}
