import type { LatencyHistogram } from './histogram.ts';

const BINS = 60;
/** Space to the right of the data, so that the axis changes rarely. */
const HEADROOM = 1.5;
/** The edges stay while the data fill at least this fraction of the axis. */
const MIN_USE = 0.25;

/**
 * Chooses the bins of a latency histogram: 60 of equal width, from 0 or from a round number below the data.
 * The last bin is open to the right. The edges change only when the data outgrow them or fill too little of
 * them.
 * @param current  the current edges, null at the start
 * @param data     all histograms that share these edges
 * @param upTo     the fraction of each histogram that must fit on the axis
 * @returns edges in ms, for LatencyHistogram.bins
 */
export function chooseEdges(
  current: readonly number[] | null,
  data: readonly LatencyHistogram[],
  upTo = 0.99,
): readonly number[] {
  const extremes = data.filter(({ count }) => count > 0).map((each) => each.valuesAt([0.001, upTo]));
  if (extremes.length === 0) return current ?? edgesOf(0, 0.1);
  const low = Math.min(...extremes.map(([lowest]) => lowest!));
  const high = Math.max(...extremes.map(([, highest]) => highest!));
  if (current !== null && fits(current, low, high)) return current;
  // Narrow data far from zero, for example a constant delay: start near the data, with one bin for smaller
  // values.
  const from = low > high / 2 ? low - (high - low) : 0;
  const width = roundWidth(Math.max((HEADROOM * high - from) / BINS, 0.001));
  return edgesOf(Math.floor(from / width) * width, width);
}

function fits(edges: readonly number[], low: number, high: number): boolean {
  const start = startOf(edges);
  const end = edges[edges.length - 1]!;
  return low >= start && high <= end && (high - start) / (end - start) >= MIN_USE;
}

/** Returns where the bins of equal width begin: at 0, or after the first bin for smaller values. */
function startOf(edges: readonly number[]): number {
  const [zero, first, second] = edges as readonly [number, number, number];
  return tidy(first - zero) === tidy(second - first) ? zero : first;
}

function edgesOf(from: number, width: number): readonly number[] {
  // Multiplies instead of adding: the sum of 60 times 0.1 is not 6.
  const start = Math.round(from / width);
  const edges = Array.from({ length: BINS }, (_, bin) => tidy((start + bin) * width));
  return start === 0 ? edges : [0, ...edges];
}

/** Rounds up to 1, 2 or 5 times a power of ten. */
function roundWidth(width: number): number {
  const power = 10 ** Math.floor(Math.log10(width));
  const digit = [1, 2, 5, 10].find((candidate) => candidate * power >= width * (1 - 1e-9))!;
  return tidy(digit * power);
}

/** Removes floating-point noise such as 0.30000000000000004. */
function tidy(value: number): number {
  return Number(value.toPrecision(12));
}
