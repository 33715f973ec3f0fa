/** Arrival times in the admin API: a comparison of two rules on the same arrivals, and the arrivals of each device. */
import type { HistogramBin, Percentiles } from './distribution.ts';

/** Percentiles that are null if requests at that rank were never answered; likewise maximum, mean and deviation. */
export type OpenPercentiles = {
  readonly [Key in keyof Percentiles]: Key extends 'count' ? number : number | null;
};

/**
 * Compares when a coded system (any k of k + r answers) and an uncoded one (all k data shards) would have answered the
 * same requests, from the real arrival times. Covers one period; see `LatencyPeriod`.
 */
export interface RuleComparisonView {
  readonly since: string;
  /** Number of compared requests: those whose every answer arrived or is known to be lost. */
  readonly requests: number;
  /** Those of them that an uncoded system would never answer: a data shard's answer was lost. */
  readonly unanswered: number;
  /** Number of requests left out: a surplus answer was canceled, or a busy device was not asked. */
  readonly calledOff: number;
  /**
   * Under load, requests with canceled answers would distort the comparison. It then covers only the sampled requests,
   * which await all their answers, and this is the number of requests that they stand for. Otherwise null.
   */
  readonly sampleOf: number | null;
  readonly coded: { readonly percentiles: Percentiles; readonly histogram: readonly HistogramBin[] };
  /** The histogram counts `requests - unanswered` requests, in the bins of `coded`. */
  readonly uncoded: { readonly percentiles: OpenPercentiles; readonly histogram: readonly HistogramBin[] };
}

/** A device's answers to the distributed steps of a deployment. */
export interface DeviceArrivalsView {
  readonly device: string;
  readonly roles: readonly ('data' | 'parity' | 'replica')[];
  readonly asked: number;
  readonly answered: number;
  /** Canceled because the answer was no longer needed. Requests that are neither answered nor canceled were lost. */
  readonly calledOff: number;
  /** Number of steps in which the device had a data shard. */
  readonly dataSteps: number;
  /** Number of those in which it was the last data shard to answer. */
  readonly last: number;
  /** Number of those in which the step continued without its answer. */
  readonly notIn: number;
  /** Time from scatter to answer in ms, with an error of at most 1 %. */
  readonly percentiles: Percentiles;
  /** Answers by bin of `edges`. */
  readonly counts: readonly number[];
}

/** `GET /api/deployments/{name}/arrivals`: the current period, see `LatencyPeriod`. */
export interface ArrivalsView {
  readonly deployment: string;
  readonly unit: 'ms';
  readonly since: string;
  /** Number of evaluated requests: answered ones, after their last surplus answer arrived or was given up. */
  readonly requests: number;
  /** Ascending, in ms. Bin i is from `edges[i]` to `edges[i + 1]`; the last bin has no upper edge. */
  readonly edges: readonly number[];
  /** Sorted by device id. */
  readonly devices: readonly DeviceArrivalsView[];
}
