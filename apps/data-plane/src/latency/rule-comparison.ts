import type { RequestArrivals } from '@sparewheel/coordinator';
import type { OpenPercentiles, Percentiles, RuleComparisonView } from '@sparewheel/protocol';
import { chooseEdges } from './edges.ts';
import { LatencyHistogram } from './histogram.ts';

/** Largest share of requests with a canceled answer that does not distort the comparison. */
const MAX_LEFT_OUT = 0.01;

/** Replays the requests of one period under two rules: any k of k + r answers, and all k data shards. */
export class RuleComparison {
  /** All requests whose every answer came or is known to be lost. */
  readonly #complete = new BothRules();
  /** Those of them that the coordinator sampled. */
  readonly #sampled = new BothRules();
  #requests = 0;
  #edges: readonly number[] | null = null;
  #view: { readonly requests: number; readonly view: RuleComparisonView } | null = null;

  constructor(readonly sinceMs: number) {}

  record(request: RequestArrivals): void {
    this.#requests++;
    this.#complete.record(request);
    if (request.sampled) this.#sampled.record(request);
  }

  view(): RuleComparisonView {
    if (this.#view?.requests === this.#requests) return this.#view.view;
    // A request with a canceled answer has a slow device more often than others. Without these requests, the others
    // would be too fast. Sampled requests are chosen before their answers come.
    const sampling = this.#complete.leftOut > MAX_LEFT_OUT * this.#requests && this.#sampled.compared > 0;
    const { coded, uncoded, unanswered, compared, leftOut } = sampling ? this.#sampled : this.#complete;
    this.#edges = chooseEdges(this.#edges, [coded, uncoded]);
    const view = {
      since: new Date(this.sinceMs).toISOString(),
      requests: compared,
      unanswered,
      calledOff: leftOut,
      sampleOf: sampling ? this.#requests : null,
      coded: { percentiles: coded.percentiles(), histogram: coded.bins(this.#edges) },
      uncoded: {
        percentiles: openPercentiles(uncoded, unanswered),
        histogram: uncoded.bins(this.#edges),
      },
    };
    this.#view = { requests: this.#requests, view };
    return view;
  }
}

class BothRules {
  readonly coded = new LatencyHistogram();
  readonly uncoded = new LatencyHistogram();
  unanswered = 0;
  leftOut = 0;

  get compared(): number {
    return this.coded.count;
  }

  record({ anyKMs, allDataMs, missing }: RequestArrivals): void {
    if (missing === 'called-off') {
      this.leftOut++;
      return;
    }
    this.coded.record(anyKMs);
    if (allDataMs === null) this.unanswered++;
    else this.uncoded.record(allDataMs);
  }
}

/** Returns the percentiles of all requests. The `unanswered` ones rank above every recorded one. */
export function openPercentiles(histogram: LatencyHistogram, unanswered: number): OpenPercentiles {
  const known: Percentiles = histogram.percentiles();
  if (unanswered === 0) return known;
  const { count } = known;
  const at = (fraction: number): number | null => {
    const rank = fraction * (count + unanswered);
    return rank > count ? null : histogram.valuesAt([rank / count])[0]!;
  };
  return {
    count,
    p50: at(0.5),
    p90: at(0.9),
    p95: at(0.95),
    p99: at(0.99),
    p999: at(0.999),
    max: null,
    mean: null,
    sd: null,
  };
}
