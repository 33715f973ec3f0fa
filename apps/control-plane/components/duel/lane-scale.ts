/** The axes of the lanes: time from left to right, latency on a logarithmic scale from bottom to top. */

export interface LaneScale {
  /** Powers of ten in ms at the bottom and the top. */
  readonly lowestMs: number;
  readonly highestMs: number;
}

/** Two factors of ten at least, so that noise does not fill the lane. */
const LEAST_DECADES = 3;

/**
 * Returns the axis for latencies. It grows at once and shrinks only if more than one factor of ten is unused, so that it
 * rarely moves.
 * @param current  the axis so far; null at the start
 */
export function laneScale(current: LaneScale | null, smallestMs: number, largestMs: number): LaneScale {
  if (!(largestMs > 0)) return current ?? { lowestMs: 1, highestMs: 1_000 };
  const low = floorDecade(smallestMs);
  const high = Math.max(ceilDecade(largestMs), low + LEAST_DECADES);
  if (current !== null) {
    const { from, to } = { from: Math.log10(current.lowestMs), to: Math.log10(current.highestMs) };
    if (low >= from && low <= from + 1 && high <= to && high >= to - 1) return current;
  }
  return { lowestMs: 10 ** low, highestMs: 10 ** high };
}

function floorDecade(ms: number): number {
  return Math.max(-2, Math.floor(Math.log10(ms) + 1e-9));
}

function ceilDecade(ms: number): number {
  return Math.min(6, Math.ceil(Math.log10(ms) - 1e-9));
}

/** Returns the height of a latency: 0 at the bottom of the axis, 1 at its top. Other values are clamped. */
export function latencyHeight({ lowestMs, highestMs }: LaneScale, ms: number): number {
  const height = Math.log10(ms / lowestMs) / Math.log10(highestMs / lowestMs);
  return Number.isNaN(height) ? 0 : Math.min(1, Math.max(0, height));
}

/** Returns the powers of ten on the axis, ascending. */
export function decades({ lowestMs, highestMs }: LaneScale): readonly number[] {
  const count = Math.round(Math.log10(highestMs / lowestMs));
  return Array.from({ length: count + 1 }, (_, at) => Number((lowestMs * 10 ** at).toPrecision(1)));
}

/** "1 ms", "10 s": a power of ten on an axis. */
export function decadeLabel(ms: number): string {
  return ms >= 1_000 ? `${ms / 1_000} s` : `${ms} ms`;
}
