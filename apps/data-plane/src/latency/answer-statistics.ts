import type { AnswerDot, AnswerStatistics, HistogramBin } from '@sparewheel/protocol';
import { LatencyHistogram } from './histogram.ts';

/** Bins of equal ratio, so that 2 ms and 3 s are both readable on one axis. */
const BINS_PER_DECADE = 10;
/** The first bin starts at 10 µs; faster answers count there. */
const LOWEST_DECADE = -2;
/** The last bin ends at 1000 s, above any deadline; slower answers count there. */
const HIGHEST_DECADE = 6;
/** A shorter wait is normal. It would mark percentiles as lower bounds now and then, without a stall. */
const WAITING_MS = 250;
const PERCENTILES = ['p50', 'p95', 'p99'] as const;
const FRACTIONS = [0.5, 0.95, 0.99];
const BINS = (HIGHEST_DECADE - LOWEST_DECADE) * BINS_PER_DECADE;

/** Exact counts and latencies of one deployment since a time. */
export class DeploymentStatistics {
  readonly deployment: string;
  #since: number;
  // Two significant digits: 13 KB, percentiles within 1 %.
  #latencies = new LatencyHistogram(2);
  #bins = new Uint32Array(BINS);
  #failed = 0;
  #wrong = 0;
  #skipped = 0;

  /** @param since  in ms since 1970 */
  constructor(deployment: string, since: number) {
    this.deployment = deployment;
    this.#since = since;
  }

  record({ latencyMs, outcome }: AnswerDot): void {
    if (outcome === 'failed') {
      this.#failed++;
      return;
    }
    if (outcome === 'wrong') this.#wrong++;
    this.#latencies.record(latencyMs);
    this.#bins[binOf(latencyMs)]!++;
  }

  /** Counts a copy that a mirror did not get. */
  skippedOne(): void {
    this.#skipped++;
  }

  /** Counts a recorded answer that turned out to be wrong. */
  foundWrong({ at }: AnswerDot): void {
    if (at >= this.#since) this.#wrong++;
  }

  startOver(since: number): void {
    this.#since = since;
    this.#latencies = new LatencyHistogram(2);
    this.#bins = new Uint32Array(BINS);
    this.#failed = 0;
    this.#wrong = 0;
    this.#skipped = 0;
  }

  /** @param agesMs  of the accepted requests that have not ended */
  view(agesMs: readonly number[]): AnswerStatistics {
    const { count, p50: median, p95: answered95, p99: answered99 } = this.#latencies.percentiles();
    // A request that is younger than most answers were says nothing.
    const waiting = agesMs.filter((age) => age >= Math.max(median, WAITING_MS));
    const [p50, p95, p99] = this.#latencies.valuesAt(FRACTIONS, waiting) as [number, number, number];
    const ofAnswers = [median, answered95, answered99];
    const atLeast = PERCENTILES.filter((_, at) => [p50, p95, p99][at]! > ofAnswers[at]!);
    const histogram: HistogramBin[] = [];
    for (const [bin, answers] of this.#bins.entries()) {
      if (answers > 0) histogram.push({ from: edge(bin), to: edge(bin + 1), count: answers });
    }
    return {
      deployment: this.deployment,
      since: this.#since,
      answered: count - this.#wrong,
      failed: this.#failed,
      wrong: this.#wrong,
      skipped: this.#skipped,
      p50,
      p95,
      p99,
      atLeast,
      histogram,
    };
  }
}

function binOf(latencyMs: number): number {
  const bin = Math.floor((Math.log10(latencyMs) - LOWEST_DECADE) * BINS_PER_DECADE);
  return Number.isNaN(bin) ? 0 : Math.min(Math.max(bin, 0), BINS - 1);
}

/** The lower edge of a bin in ms. Rounded, so that neighboring bins share the same number. */
function edge(bin: number): number {
  return Number((10 ** (LOWEST_DECADE + bin / BINS_PER_DECADE)).toPrecision(6));
}
