import type { HistogramBin, Percentiles } from '@sparewheel/protocol';
import { Int32Histogram } from 'hdr-histogram-js';

/** Longer than any deadline; longer times count as this. */
const HIGHEST_MICROS = 15 * 60 * 1_000_000;
/** Three digits: a percentile is off by at most 0.1 %, and by less than a microsecond below 2 ms. */
const SIGNIFICANT_DIGITS = 3;

/** Times from microseconds to minutes in 90 KB, however many are recorded. */
export class LatencyHistogram {
  readonly #histogram = new Int32Histogram(1, HIGHEST_MICROS, SIGNIFICANT_DIGITS);

  get count(): number {
    return this.#histogram.totalCount;
  }

  record(latencyMs: number): void {
    const micros = Math.max(1, Math.round(latencyMs * 1000));
    this.#histogram.recordValue(Math.min(micros, HIGHEST_MICROS));
  }

  add(other: LatencyHistogram): void {
    this.#histogram.add(other.#histogram);
  }

  /** All percentiles in one pass. Zeros while nothing is recorded. */
  percentiles(): Percentiles {
    const count = this.count;
    const [p50, p90, p95, p99, p999] = this.#valuesAt([0.5, 0.9, 0.95, 0.99, 0.999]) as [
      number,
      number,
      number,
      number,
      number,
    ];
    return {
      count,
      p50,
      p90,
      p95,
      p99,
      p999,
      max: count === 0 ? 0 : this.#histogram.maxValue / 1000,
      mean: count === 0 ? 0 : this.#histogram.mean / 1000,
      sd: count === 0 ? 0 : this.#histogram.stdDeviation / 1000,
    };
  }

  /** @param fraction  in (0, 1]. @returns milliseconds */
  valueAt(fraction: number): number {
    return this.#valuesAt([fraction])[0]!;
  }

  /** @param edges  ascending, in ms: bin i reaches from edges[i] to edges[i + 1], the last one to infinity */
  bins(edges: readonly number[]): HistogramBin[] {
    const counts = new Array<number>(edges.length).fill(0);
    let bin = 0;
    this.#forEach((micros, count) => {
      while (bin + 1 < edges.length && micros / 1000 >= edges[bin + 1]!) bin++;
      counts[bin]! += count;
    });
    return counts.map((count, at) => ({ from: edges[at]!, to: edges[at + 1] ?? null, count }));
  }

  #valuesAt(ascending: readonly number[]): number[] {
    const total = this.count;
    if (total === 0) return ascending.map(() => 0);
    const values: number[] = [];
    let seen = 0;
    this.#forEach((micros, count) => {
      seen += count;
      while (values.length < ascending.length && seen >= ascending[values.length]! * total) {
        values.push(micros / 1000);
      }
    });
    return values;
  }

  /** Recorded values in ascending order, by index: the library's iterators are ten times slower. */
  #forEach(visit: (micros: number, count: number) => void): void {
    const histogram = this.#histogram;
    let left = histogram.totalCount;
    for (let index = 0; left > 0; index++) {
      const count = histogram.getCountAtIndex(index);
      if (count === 0) continue;
      left -= count;
      visit(histogram.valueFromIndex(index), count);
    }
  }
}
