import type { Random } from '@sparewheel/runtime/random';

export type Direction = 'toDevice' | 'fromDevice';
export const DIRECTIONS: readonly Direction[] = ['toDevice', 'fromDevice'];

/** The delay of a message: a minimum plus an exponential tail, cut off so that the delay has a bound. */
export interface DelayDistribution {
  readonly floorMs: number;
  readonly meanTailMs: number;
  readonly mostMs: number;
}

/** One direction between the data plane and a device, with its faults. */
export interface LinkDirection {
  /** A partition holds messages until it heals, as TCP does, or loses them; null without a partition. */
  partitioned: 'hold' | 'lose' | null;
  extraMs: number;
  dropProbability: number;
  duplicateProbability: number;
  reorder: boolean;
}

export function healthyDirection(): LinkDirection {
  return { partitioned: null, extraMs: 0, dropProbability: 0, duplicateProbability: 0, reorder: false };
}

export function sampleDelay(distribution: DelayDistribution, random: Random): number {
  const { floorMs, meanTailMs, mostMs } = distribution;
  return Math.min(floorMs + random.exponential(meanTailMs), mostMs);
}
