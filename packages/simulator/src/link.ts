import type { Random } from './random.ts';

export type Direction = 'toDevice' | 'fromDevice';
export const DIRECTIONS: readonly Direction[] = ['toDevice', 'fromDevice'];

/** How long a message is under way: a floor, and a tail that is cut off so that a bound can be given. */
export interface DelayDistribution {
  readonly floorMs: number;
  readonly meanTailMs: number;
  readonly mostMs: number;
}

/** One direction between the data plane and a device, with its faults. */
export interface LinkDirection {
  /** Nothing gets through: what is sent is held until the partition heals, as TCP does, or is lost. */
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
