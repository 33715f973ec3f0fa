import type { LatencyHistogram } from './histogram.ts';

const BINS = 60;
/** Space to the right of the data, so that the axis changes rarely. */
const HEADROOM = 1.5;
/** The edges stay while the data fill at least this fraction of the axis. */
const MIN_USE = 0.25;
/** Data with a larger ratio of the slowest to the fastest get a logarithmic axis. */
const LINEAR_SPREAD = 20;
/** A logarithmic axis stays until the ratio is below this one, so that the axis does not switch back and forth. */
const LOG_SPREAD = 12;

/**
 * Chooses the bins of a latency histogram: 60 of equal width, from 0 or from a round number below the data. If the
 * slowest time is more than 20 times the fastest, the bins are equally wide on a logarithmic scale. The first bin
 * may cover faster times than the axis, and the last bin is open to the right. The edges change only when the data
 * outgrow them or fill too little of them.
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
  const wasLog = current !== null && isLogarithmic(current);
  const log = high > low * (wasLog ? LOG_SPREAD : LINEAR_SPREAD);
  if (current !== null && log === wasLog && fits(current, low, high, log)) return current;
  if (log) return logEdges(low, high);
  // Narrow data far from zero, for example a constant delay: start near the data, with one bin for smaller
  // values.
  const from = low > high / 2 ? low - (high - low) : 0;
  const width = roundWidth(Math.max((HEADROOM * high - from) / BINS, 0.001));
  return edgesOf(Math.floor(from / width) * width, width);
}

/** Returns whether the bins have equal widths on a logarithmic scale. */
export function isLogarithmic(edges: readonly number[]): boolean {
  const [first, second, third] = edges.slice(-3) as [number, number, number];
  return third - second > (second - first) * (1 + 1e-6);
}

function fits(edges: readonly number[], low: number, high: number, log: boolean): boolean {
  const on = log ? Math.log : (ms: number) => ms;
  const start = log ? edges[1]! : startOf(edges);
  const end = edges[edges.length - 1]!;
  return low >= start && high <= end && (on(high) - on(start)) / (on(end) - on(start)) >= MIN_USE;
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

function logEdges(low: number, high: number): readonly number[] {
  const start = 1 / roundWidth(1 / low);
  const end = roundWidth(HEADROOM * high);
  const step = Math.log(end / start) / (BINS - 1);
  return [0, ...Array.from({ length: BINS }, (_, bin) => tidy(start * Math.exp(bin * step)))];
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
