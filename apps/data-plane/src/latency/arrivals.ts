import {
  type RequestArrivals,
  replayArrivals,
  type SettledRequest,
  type ShardArrival,
} from '@sparewheel/coordinator';
import type {
  ArrivalsView,
  DeviceArrivalsView,
  OpenPercentiles,
  Percentiles,
  RuleComparisonView,
} from '@sparewheel/protocol';
import { chooseEdges } from './edges.ts';
import { LatencyHistogram } from './histogram.ts';

/** Maximum number of settled requests that wait for processing. */
const MAX_PENDING = 1_024;
/**
 * Fraction of the arrivals that fits on the axis. Rare stalls of one device go to the last bin, or they would
 * squeeze the rest.
 */
const AXIS_QUANTILE = 0.95;
/** Lifetime of a view. With a hundred devices, creating one takes milliseconds. */
const VIEW_MAX_AGE_MS = 1_000;

/**
 * Records the arrival times of answers: the latency of each request with a coded and with an uncoded system,
 * and the arrivals per device. Requests are processed when the thread is idle, so that responses do not wait.
 */
export class ArrivalRecorder {
  readonly #later: (work: () => void) => void;
  #pending: SettledRequest[] = [];
  #sinceMs: number;
  #coded = new LatencyHistogram();
  #uncoded = new LatencyHistogram();
  #unanswered = 0;
  #canceled = 0;
  #devices = new Map<string, DeviceArrivals>();
  #ruleEdges: readonly number[] | null = null;
  #deviceEdges: readonly number[] | null = null;
  #view: { readonly atMs: number; readonly view: ArrivalsView } | null = null;

  /** @param later  calls back after the current events, like setImmediate */
  constructor(nowMs: number, later: (work: () => void) => void) {
    this.#sinceMs = nowMs;
    this.#later = later;
  }

  /** Records a request for which no answer is expected any more. */
  settled(request: SettledRequest): void {
    if (this.#pending.length >= MAX_PENDING) this.#processAll();
    this.#pending.push(request);
    if (this.#pending.length === 1) this.#later(() => this.#processAll());
  }

  /** Discards all recorded arrivals. */
  startOver(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#pending = [];
    this.#coded = new LatencyHistogram();
    this.#uncoded = new LatencyHistogram();
    this.#unanswered = 0;
    this.#canceled = 0;
    this.#devices = new Map();
    this.#view = null;
    this.#ruleEdges = null;
    this.#deviceEdges = null;
  }

  /** Returns the latencies of the same requests with a coded and with an uncoded system. */
  comparison(): RuleComparisonView {
    this.#ruleEdges = chooseEdges(this.#ruleEdges, [this.#coded, this.#uncoded]);
    return {
      since: new Date(this.#sinceMs).toISOString(),
      requests: this.#coded.count,
      unanswered: this.#unanswered,
      calledOff: this.#canceled,
      coded: { percentiles: this.#coded.percentiles(), histogram: this.#coded.bins(this.#ruleEdges) },
      uncoded: {
        percentiles: openPercentiles(this.#uncoded, this.#unanswered),
        histogram: this.#uncoded.bins(this.#ruleEdges),
      },
    };
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
      requests: this.#coded.count + this.#canceled,
      edges,
      devices: devices
        .map((device) => device.view(edges))
        .sort((a, b) => a.device.localeCompare(b.device, 'en', { numeric: true })),
    };
  }

  #processAll(): void {
    const requests = this.#pending;
    this.#pending = [];
    for (const request of requests) this.#process(replayArrivals(request));
  }

  #process({ anyKMs, allDataMs, missing, shards }: RequestArrivals): void {
    for (const shard of shards) {
      let device = this.#devices.get(shard.device);
      if (device === undefined) {
        device = new DeviceArrivals(shard.device);
        this.#devices.set(shard.device, device);
      }
      device.record(shard);
    }
    if (missing === 'called-off') {
      this.#canceled++;
      return;
    }
    this.#coded.record(anyKMs);
    if (allDataMs === null) this.#unanswered++;
    else this.#uncoded.record(allDataMs);
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
