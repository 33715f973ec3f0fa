import type { LatencyHistogram } from './histogram.ts';

const BINS = 60;
/** Room right of the data at the moment of choosing, so that the axis seldom has to change. */
const HEADROOM = 1.5;
/** The edges stay while that lies in this part of the axis. */
const LOWEST_USE = 0.25;

/**
 * Chooses the bins in which latencies are shown: 60 of equal width, from 0 or from a round number below the data,
 * the last one open to the right. They stay the same between updates until the data outgrow them or shrink away.
 * @param current  the edges so far, null at the start
 * @param data     everything that is to be shown with these edges
 * @param upTo     this fraction of each must fit on the axis
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
  // Far from zero and narrow (a constant delay, say): begin near the data, leaving a first bin for what is below.
  const from = low > high / 2 ? low - (high - low) : 0;
  const width = roundWidth(Math.max((HEADROOM * high - from) / BINS, 0.001));
  return edgesOf(Math.floor(from / width) * width, width);
}

function fits(edges: readonly number[], low: number, high: number): boolean {
  const start = startOf(edges);
  const end = edges[edges.length - 1]!;
  return low >= start && high <= end && (high - start) / (end - start) >= LOWEST_USE;
}

/** Where the bins of equal width begin: at 0, or behind the one that takes what is below. */
function startOf(edges: readonly number[]): number {
  const [zero, first, second] = edges as readonly [number, number, number];
  return tidy(first - zero) === tidy(second - first) ? zero : first;
}

function edgesOf(from: number, width: number): readonly number[] {
  // Multiples rather than sums: 0.1 added 60 times is not 6.
  const start = Math.round(from / width);
  const edges = Array.from({ length: BINS }, (_, bin) => tidy((start + bin) * width));
  return start === 0 ? edges : [0, ...edges];
}

/** The next of 1, 2, 5 times a power of ten. */
function roundWidth(width: number): number {
  const power = 10 ** Math.floor(Math.log10(width));
  const digit = [1, 2, 5, 10].find((candidate) => candidate * power >= width * (1 - 1e-9))!;
  return tidy(digit * power);
}

function tidy(value: number): number {
  return Number(value.toPrecision(12));
}
