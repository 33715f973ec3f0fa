/** When answers came, in the admin API's words: two rules on the same arrivals, and each device by itself. */
import type { HistogramBin, Percentiles } from './distribution.ts';

/** A percentile is null where the request of that rank was never answered; so are maximum, mean and deviation. */
export type OpenPercentiles = {
  readonly [Key in keyof Percentiles]: Key extends 'count' ? number : number | null;
};

/**
 * When a coded system (any k of k + r answers) and an uncoded one (all k data shards) would have answered the same
 * requests, by when their answers really came. Since the last fault, or the start.
 */
export interface RuleComparisonView {
  readonly since: string;
  /** What it stands on: answered requests of which every answer came, or is known never to have come. */
  readonly requests: number;
  /** Of those, the ones an uncoded system would have had to wait for or lose: a data shard's answer never came. */
  readonly unanswered: number;
  /** Besides those: nobody knows, as an answer that was not needed was called off, or a busy device not asked. */
  readonly calledOff: number;
  readonly coded: { readonly percentiles: Percentiles; readonly histogram: readonly HistogramBin[] };
  /** The histogram holds `requests - unanswered`; its bins are those of `coded`. */
  readonly uncoded: { readonly percentiles: OpenPercentiles; readonly histogram: readonly HistogramBin[] };
}

/** One device's answers to one deployment's distributed steps. */
export interface DeviceArrivalsView {
  readonly device: string;
  readonly roles: readonly ('data' | 'parity' | 'replica')[];
  readonly asked: number;
  readonly answered: number;
  /** Not waited for any longer, and told so. What is neither answered nor called off never came. */
  readonly calledOff: number;
  /** Steps in which it held a data shard; of those, in how many it was the last of all data shards to answer… */
  readonly dataSteps: number;
  readonly last: number;
  /** …and in how many it was not in when the step went on without it. */
  readonly notIn: number;
  /** From scatter to answer, in ms, to within one per cent. */
  readonly percentiles: Percentiles;
  /** By bin of `edges`. */
  readonly counts: readonly number[];
}

/** `GET /api/deployments/{name}/arrivals`: since the last fault, or the start. */
export interface ArrivalsView {
  readonly deployment: string;
  readonly unit: 'ms';
  readonly since: string;
  /** Requests that were looked at: answered ones, once the last surplus answer was in or given up. */
  readonly requests: number;
  /** Ascending, in ms: bin i reaches from `edges[i]` to `edges[i + 1]`, the last one to infinity. */
  readonly edges: readonly number[];
  /** By name of the device's id. */
  readonly devices: readonly DeviceArrivalsView[];
}
