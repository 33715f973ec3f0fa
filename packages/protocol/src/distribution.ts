/** A distribution of latencies, in milliseconds. */
export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  readonly mean: number;
  readonly sd: number;
}

/** `from` is inclusive, `to` exclusive, in milliseconds. The last bin may have no upper edge (`to: null`). */
export interface HistogramBin {
  readonly from: number;
  readonly to: number | null;
  readonly count: number;
}
