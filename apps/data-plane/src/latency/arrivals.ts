import {
  type RequestArrivals,
  replayArrivals,
  type SettledRequest,
  type ShardArrival,
} from '@sparewheel/coordinator';
import type { ArrivalsView, DeviceArrivalsView, Percentiles } from '@sparewheel/protocol';
import { chooseEdges } from './edges.ts';
import { LatencyHistogram } from './histogram.ts';
import type { RuleComparison } from './rule-comparison.ts';

/** Maximum number of settled requests that wait for processing. */
const MAX_PENDING = 1_024;
/**
 * Fraction of the arrivals that fits on the axis. Rare stalls of one device go to the last bin, or they would
 * squeeze the rest.
 */
const AXIS_QUANTILE = 0.95;
/** Lifetime of a view. With a hundred devices, creating one takes milliseconds. */
const VIEW_MAX_AGE_MS = 1_000;
/** More failed devices count as this many. */
const MOST_FAILED = 8;

interface Settled {
  readonly request: SettledRequest;
  /** The comparison of the request's period; null if the request is not counted. */
  readonly comparison: RuleComparison | null;
}

/**
 * Records the arrival times of answers: per device, and for the comparison of coded and uncoded. Also counts
 * requests that survived a failed device. Requests are processed when the thread is idle, so that responses do
 * not wait.
 */
export class ArrivalRecorder {
  readonly #later: (work: () => void) => void;
  #pending: Settled[] = [];
  #sinceMs: number;
  /** The comparison of the current period. Only its requests count for the devices. */
  #current: RuleComparison;
  #requests = 0;
  #devices = new Map<string, DeviceArrivals>();
  #byFailed = new Map<number, LatencyHistogram>();
  #survived = 0;
  #deviceEdges: readonly number[] | null = null;
  #view: { readonly atMs: number; readonly view: ArrivalsView } | null = null;

  /** @param later  calls back after the current events, like setImmediate */
  constructor(nowMs: number, current: RuleComparison, later: (work: () => void) => void) {
    this.#sinceMs = nowMs;
    this.#current = current;
    this.#later = later;
  }

  /** Answered requests in which parity replaced a data shard of a failed device. */
  get survived(): number {
    return this.#survived;
  }

  /** Latency by the number of failed devices, ascending. */
  get byFailedDevices(): readonly { readonly failed: number; readonly percentiles: Percentiles }[] {
    return [...this.#byFailed]
      .map(([failed, histogram]) => ({ failed, percentiles: histogram.percentiles() }))
      .sort((a, b) => a.failed - b.failed);
  }

  /**
   * Records a request for which no answer is expected any more.
   * @param comparison  the comparison of its period; null if the request is not counted
   */
  settled(request: SettledRequest, comparison: RuleComparison | null): void {
    if (this.#pending.length >= MAX_PENDING) this.#processAll();
    this.#pending.push({ request, comparison });
    if (this.#pending.length === 1) this.#later(() => this.#processAll());
  }

  /** Begins a period: discards the arrivals per device. */
  startOver(nowMs: number, current: RuleComparison): void {
    this.#processAll();
    this.#sinceMs = nowMs;
    this.#current = current;
    this.#requests = 0;
    this.#devices = new Map();
    this.#view = null;
    this.#deviceEdges = null;
  }

  /** Discards the latencies by failed devices. Keeps the count of survived requests. */
  reset(): void {
    this.#byFailed = new Map();
  }

  /** Returns the arrivals per device, at most one second old. */
  view(deployment: string, nowMs: number): ArrivalsView {
    const age = this.#view === null ? VIEW_MAX_AGE_MS : nowMs - this.#view.atMs;
    // A negative age means that the wall clock was set back.
    if (this.#view === null || age < 0 || age >= VIEW_MAX_AGE_MS) {
      this.#view = { atMs: nowMs, view: this.#createView(deployment) };
    }
    return this.#view.view;
  }

  #createView(deployment: string): ArrivalsView {
    const devices = [...this.#devices.values()];
    const histograms = devices.map(({ histogram }) => histogram);
    const edges = chooseEdges(this.#deviceEdges, histograms, AXIS_QUANTILE);
    this.#deviceEdges = edges;
    return {
      deployment,
      unit: 'ms',
      since: new Date(this.#sinceMs).toISOString(),
      requests: this.#requests,
      edges,
      devices: devices
        .map((device) => device.view(edges))
        .sort((a, b) => a.device.localeCompare(b.device, 'en', { numeric: true })),
    };
  }

  #processAll(): void {
    const settled = this.#pending;
    this.#pending = [];
    for (const { request, comparison } of settled) this.#process(replayArrivals(request), comparison);
  }

  #process(request: RequestArrivals, comparison: RuleComparison | null): void {
    if (request.survivedFailure) this.#survived++;
    if (comparison === null) return;
    this.#latenciesWith(Math.min(request.failedSeats, MOST_FAILED)).record(request.measuredMs);
    comparison.record(request);
    if (comparison === this.#current) this.#recordDevices(request);
  }

  #latenciesWith(failed: number): LatencyHistogram {
    let histogram = this.#byFailed.get(failed);
    if (histogram === undefined) {
      histogram = new LatencyHistogram();
      this.#byFailed.set(failed, histogram);
    }
    return histogram;
  }

  #recordDevices({ shards }: RequestArrivals): void {
    this.#requests++;
    for (const shard of shards) {
      let device = this.#devices.get(shard.device);
      if (device === undefined) {
        device = new DeviceArrivals(shard.device);
        this.#devices.set(shard.device, device);
      }
      device.record(shard);
    }
  }
}

/** Percentiles within 1 %; the histograms of a hundred devices take one megabyte. */
const SIGNIFICANT_DIGITS = 2;

/**
 * The answers of one device to one deployment: their times, and how often the others did not wait for them.
 */
class DeviceArrivals {
  readonly histogram = new LatencyHistogram(SIGNIFICANT_DIGITS);
  readonly #roles = new Set<ShardArrival['role']>();
  #asked = 0;
  #canceled = 0;
  #dataSteps = 0;
  #last = 0;
  #missed = 0;

  constructor(readonly device: string) {}

  record({ role, arrivalMs, calledOff, late, last }: ShardArrival): void {
    this.#roles.add(role);
    this.#asked++;
    if (arrivalMs !== null) this.histogram.record(arrivalMs);
    if (calledOff) this.#canceled++;
    if (role !== 'data') return;
    this.#dataSteps++;
    if (last) this.#last++;
    if (late) this.#missed++;
  }

  /** @param edges  as in LatencyHistogram.bins */
  view(edges: readonly number[]): DeviceArrivalsView {
    return {
      device: this.device,
      roles: [...this.#roles],
      asked: this.#asked,
      answered: this.histogram.count,
      calledOff: this.#canceled,
      dataSteps: this.#dataSteps,
      last: this.#last,
      notIn: this.#missed,
      percentiles: this.histogram.percentiles(),
      counts: this.histogram.bins(edges).map(({ count }) => count),
    };
  }
}
