import type { HistogramBin, Percentiles } from '@sparewheel/protocol';
import { Int32Histogram } from 'hdr-histogram-js';

/** Longer than any deadline. Longer times count as this value. */
const HIGHEST_MICROS = 15 * 60 * 1_000_000;
/** Percentiles within 0.1 %, and within a microsecond below 2 ms. */
const SIGNIFICANT_DIGITS = 3;
type SignificantDigits = 2 | 3;

/** Slots per block. Most blocks are empty, and reading the histogram skips them. */
const BLOCK = 128;

/**
 * The value of each count slot in microseconds, by digits. Equal for all histograms of this range. Cached,
 * because the library computes it with logarithms each time.
 */
const slotMicros = new Map<SignificantDigits, Float64Array>();

/** A histogram of times from microseconds to minutes. Takes 90 KB for any number of values. */
export class LatencyHistogram {
  readonly #histogram: Int32Histogram;
  readonly #slotMicros: Float64Array;
  /** The number of values in each block of slots. */
  readonly #blocks: Uint32Array;
  #max = 0;
  /** Running mean and sum of squared deviations (Welford). The library would iterate over all slots twice. */
  #mean = 0;
  #squares = 0;
  /** Cached results, valid while the count stays the same. */
  #percentiles: Percentiles | null = null;
  #bins: { edges: readonly number[]; count: number; bins: readonly HistogramBin[] } | null = null;

  /** @param digits  with 2, the histogram takes 13 KB and percentiles are within 1 % */
  constructor(digits: SignificantDigits = SIGNIFICANT_DIGITS) {
    const histogram = new Int32Histogram(1, HIGHEST_MICROS, digits);
    const known = slotMicros.get(digits);
    this.#histogram = histogram;
    this.#slotMicros =
      known ??
      Float64Array.from({ length: histogram.countsArrayLength }, (_, slot) => histogram.valueFromIndex(slot));
    slotMicros.set(digits, this.#slotMicros);
    this.#blocks = new Uint32Array(Math.ceil(histogram.countsArrayLength / BLOCK));
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  record(latencyMs: number): void {
    const micros = Math.min(Math.max(1, Math.round(latencyMs * 1000)), HIGHEST_MICROS);
    this.#histogram.recordValue(micros);
    this.#blocks[Math.floor(this.#histogram.countsArrayIndex(micros) / BLOCK)]!++;
    const value = micros / 1000;
    this.#max = Math.max(this.#max, value);
    const deviation = value - this.#mean;
    this.#mean += deviation / this.count;
    this.#squares += deviation * (value - this.#mean);
  }

  /** Returns the percentiles; zeros if there are no values. */
  percentiles(): Percentiles {
    const count = this.count;
    if (this.#percentiles?.count === count) return this.#percentiles;
    const [p50, p90, p95, p99, p999] = this.valuesAt([0.5, 0.9, 0.95, 0.99, 0.999]) as [
      number,
      number,
      number,
      number,
      number,
    ];
    this.#percentiles = {
      count,
      p50,
      p90,
      p95,
      p99,
      p999,
      max: this.#max,
      mean: this.#mean,
      sd: count === 0 ? 0 : Math.sqrt(this.#squares / count),
    };
    return this.#percentiles;
  }

  /**
   * Returns quantiles in ms; zeros if there are no values.
   * @param fractions  in (0, 1], ascending
   * @param others     values in ms that count as if they were recorded
   */
  valuesAt(fractions: readonly number[], others: readonly number[] = []): number[] {
    const total = this.count + others.length;
    if (total === 0) return fractions.map(() => 0);
    const values: number[] = [];
    let seen = 0;
    const visit = (ms: number, count: number) => {
      seen += count;
      while (values.length < fractions.length && seen >= fractions[values.length]! * total) values.push(ms);
    };
    const sorted = [...others].sort((a, b) => a - b);
    let next = 0;
    this.#forEach((micros, count) => {
      while (next < sorted.length && sorted[next]! <= micros / 1000) visit(sorted[next++]!, 1);
      visit(micros / 1000, count);
    });
    while (next < sorted.length) visit(sorted[next++]!, 1);
    return values;
  }

  /**
   * Returns the counts per bin.
   * @param edges  ascending, in ms: bin i covers edges[i] to edges[i + 1], the last bin everything above
   */
  bins(edges: readonly number[]): readonly HistogramBin[] {
    if (this.#bins?.edges === edges && this.#bins.count === this.count) return this.#bins.bins;
    const counts = new Array<number>(edges.length).fill(0);
    let bin = 0;
    this.#forEach((micros, count) => {
      while (bin + 1 < edges.length && micros / 1000 >= edges[bin + 1]!) bin++;
      counts[bin]! += count;
    });
    const bins = counts.map((count, at) => ({ from: edges[at]!, to: edges[at + 1] ?? null, count }));
    this.#bins = { edges, count: this.count, bins };
    return bins;
  }

  /** Returns how many values are at most each edge, in ms. @param edges  ascending */
  countsUpTo(edges: readonly number[]): number[] {
    const counts = new Array<number>(edges.length).fill(0);
    let bin = 0;
    this.#forEach((micros, count) => {
      while (bin < edges.length && micros / 1000 > edges[bin]!) bin++;
      if (bin < edges.length) counts[bin]! += count;
    });
    for (let at = 1; at < counts.length; at++) counts[at]! += counts[at - 1]!;
    return counts;
  }

  /** The sum of all values in ms. */
  get sum(): number {
    return this.#mean * this.count;
  }

  /** Visits the recorded values in ascending order. */
  #forEach(visit: (micros: number, count: number) => void): void {
    let left = this.count;
    const counts = this.#histogram._counts;
    for (let block = 0; left > 0; block++) {
      if (this.#blocks[block] === 0) continue;
      for (let slot = block * BLOCK; slot < (block + 1) * BLOCK && left > 0; slot++) {
        const count = counts[slot]!;
        if (count === 0) continue;
        left -= count;
        visit(this.#slotMicros[slot]!, count);
      }
    }
  }
}
