import type { CoordinatorEvent, RequestOutcome, SettledRequest } from '@sparewheel/coordinator';
import type { RequestDurations } from '@sparewheel/data-plane-client';
import type { LatencyView, RequestCounts } from '@sparewheel/protocol';
import { ArrivalRecorder } from './arrivals.ts';
import { chooseEdges } from './edges.ts';
import { LatencyHistogram } from './histogram.ts';
import { type Change, Periods, periodView } from './periods.ts';
import { WrongAnswers } from './wrong-answers.ts';

const THROUGHPUT_SECONDS = 61;
/** From a small model on one machine to a deadline of a minute. */
const BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Counts that the recorder gets from the coordinator. */
export interface RequestGauges {
  /** Running and queued requests. */
  readonly inFlight: number;
  /** Answers of devices that arrived too late. */
  readonly late: number;
  /** Requests whose answer is known to be wrong. */
  readonly corrupt: number;
}

/**
 * Counts the requests of one deployment and records their latencies: in total, by period, and by the number of
 * failed devices. Accepted and finished requests are counted independently of the coordinator, which reports the ones
 * in flight. If the three do not add up, a request was lost.
 */
export class LatencyRecorder {
  readonly deployment: string;
  readonly arrivals: ArrivalRecorder;
  readonly #now: () => number;
  readonly #gauges: () => RequestGauges;
  readonly #throughput: Throughput;
  readonly #periods: Periods;
  readonly #wrongAnswers = new WrongAnswers();
  #total = new LatencyHistogram();
  #lastFault: LatencyView['lastFault'] = null;
  #edges: readonly number[] | null = null;
  /** Number of latencies at the last choice of edges. */
  #edgesFor = 0;
  #accepted = 0;
  #answered = 0;
  #failed = 0;
  #canceled = 0;
  #recovered = 0;
  #recoveredShards = 0;
  #rescued = 0;

  /**
   * @param now    wall clock in ms since 1970
   * @param later  as in ArrivalRecorder
   */
  constructor(
    deployment: string,
    now: () => number,
    gauges: () => RequestGauges,
    later: (work: () => void) => void,
  ) {
    this.deployment = deployment;
    this.#periods = new Periods(now());
    this.arrivals = new ArrivalRecorder(now(), this.#periods.current.comparison, later);
    this.#now = now;
    this.#gauges = gauges;
    this.#throughput = new Throughput(THROUGHPUT_SECONDS, now());
  }

  /** Counts a request that is passed to the coordinator. */
  accepted(): void {
    this.#accepted++;
  }

  /** Reverts `accepted`: the coordinator rejected the request, for example because of overload. */
  rejected(): void {
    this.#accepted--;
  }

  finished(outcome: RequestOutcome): void {
    switch (outcome.status) {
      case 'answered':
        this.#answered++;
        if (outcome.recovered > 0) this.#recovered++;
        if (outcome.rescued > 0) this.#rescued++;
        this.#recoveredShards += outcome.recovered;
        this.#total.record(outcome.latencyMs);
        this.#periods.answered(outcome.request, outcome.latencyMs, this.#now());
        this.#throughput.record(this.#now());
        break;
      case 'failed':
        this.#failed++;
        // The plan changed while the request was queued. The caller will take this for a rejection and call
        // `rejected`.
        if (outcome.error?.code === 'invalid-feeds') this.#accepted++;
        break;
      case 'canceled':
        this.#canceled++;
        break;
    }
  }

  /** Records an answered request for which no answer is expected any more. Must follow `finished`. */
  settled(request: SettledRequest): void {
    const period = this.#periods.settled(request.trace.request);
    this.arrivals.settled(request, period?.comparison ?? null);
  }

  /** Begins a new period, so that no period mixes requests from before and after a change. */
  changed(change: Change): void {
    const now = this.#now();
    const began = this.#periods.change(change, now);
    const { current } = this.#periods;
    if (change.cause === 'fault')
      this.#lastFault = { at: isoTime(current.startMs), description: current.change };
    if (began) this.arrivals.startOver(now, current.comparison);
  }

  /** The condition of the devices in the current period. */
  get condition(): string {
    return this.#periods.current.name;
  }

  wrongAnswer(event: Extract<CoordinatorEvent, { kind: 'corruption' }>): void {
    this.#wrongAnswers.add(event, this.#now());
  }

  /** Discards all latencies and periods. Keeps the counts, which must add up. */
  reset(): void {
    const now = this.#now();
    this.#total = new LatencyHistogram();
    this.#periods.reset(now);
    this.#lastFault = null;
    this.#edges = null;
    this.arrivals.startOver(now, this.#periods.current.comparison);
    this.arrivals.reset();
  }

  counts(): RequestCounts {
    const { inFlight, late, corrupt } = this.#gauges();
    const { survived } = this.arrivals;
    return {
      requests: this.#accepted,
      answered: this.#answered,
      recovered: this.#recovered,
      outran: this.#recovered - survived,
      survived,
      recoveredShards: this.#recoveredShards,
      rescued: this.#rescued,
      failed: this.#failed,
      canceled: this.#canceled,
      lost: this.#accepted - this.#answered - this.#failed - this.#canceled - inFlight,
      inFlight,
      late,
      corrupt,
    };
  }

  /** Returns the latencies since the start or the last reset, for Prometheus. */
  durations(): RequestDurations {
    const counts = this.#total.countsUpTo(BUCKETS_SECONDS.map((seconds) => seconds * 1000));
    return {
      deployment: this.deployment,
      buckets: BUCKETS_SECONDS.map((leSeconds, at) => ({ leSeconds, count: counts[at]! })),
      count: this.#total.count,
      sumSeconds: this.#total.sum / 1000,
    };
  }

  view(): LatencyView {
    const periods = this.#periods.shown;
    if (this.#edges === null || this.#edgesFor !== this.#total.count) {
      // The slow requests of a short period can be less than 1 % of all requests. They must fit on the axis, too.
      this.#edges = chooseEdges(this.#edges, [this.#total, ...periods.map(({ latencies }) => latencies)]);
      this.#edgesFor = this.#total.count;
    }
    const edges = this.#edges;
    return {
      deployment: this.deployment,
      unit: 'ms',
      counts: this.counts(),
      percentiles: this.#total.percentiles(),
      histogram: this.#total.bins(this.#edges),
      lastFault: this.#lastFault,
      periods: periods.map((period) => periodView(period, edges)),
      changes: this.#periods.changes,
      byFailedDevices: this.arrivals.byFailedDevices,
      wrongAnswers: this.#wrongAnswers.list,
      comparison: this.#periods.current.comparison.view(),
      throughput: this.#throughput.lastSeconds(this.#now()),
    };
  }
}

/** Counts the answered requests of each of the last seconds. */
export class Throughput {
  readonly #counts: number[];
  /** The second of the newest count. */
  #second: number;

  /** @param nowMs  any clock, the same in every call */
  constructor(seconds: number, nowMs: number) {
    this.#counts = new Array<number>(seconds).fill(0);
    this.#second = Math.floor(nowMs / 1000);
  }

  record(nowMs: number): void {
    this.#advance(nowMs);
    this.#counts[this.#second % this.#counts.length]! += 1;
  }

  /** Returns the counts of complete seconds, oldest first. */
  lastSeconds(nowMs: number): number[] {
    this.#advance(nowMs);
    const length = this.#counts.length;
    return Array.from({ length: length - 1 }, (_, at) => this.#counts[(this.#second + 1 + at) % length]!);
  }

  #advance(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    const length = this.#counts.length;
    const from = Math.max(this.#second + 1, second - length + 1);
    for (let passed = from; passed <= second; passed++) this.#counts[passed % length] = 0;
    this.#second = Math.max(this.#second, second);
  }
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
