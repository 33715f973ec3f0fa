import { replayArrivals, type RequestArrivals, type SettledRequest } from '@sparewheel/coordinator';
import type { ArrivalsView, OpenPercentiles, Percentiles, RuleComparisonView } from '@sparewheel/protocol';
import { DeviceArrivals } from './device-arrivals.ts';
import { chooseEdges } from './edges.ts';
import { LatencyHistogram } from './histogram.ts';

/** Requests that wait to be looked at; one more, and they are looked at before the next is taken in. */
const WAITING = 1_024;
/** A single device's rare stall would press all others' arrivals into the corner: it stands in the last bin. */
const SHOWN_UP_TO = 0.95;
/** With a hundred devices a view takes milliseconds: drawn up once a second, however many dashboards look. */
const VIEW_FOR_MS = 1_000;

/**
 * Keeps when answers came: the same requests judged as a coded and as an uncoded system would have answered them, and
 * each device's arrivals. Requests are looked at when the thread has nothing more urgent to do: the answers that are
 * on their way out do not wait for it.
 */
export class ArrivalRecorder {
  readonly #later: (work: () => void) => void;
  #waiting: SettledRequest[] = [];
  #sinceMs: number;
  #coded = new LatencyHistogram();
  #uncoded = new LatencyHistogram();
  #unanswered = 0;
  #calledOff = 0;
  #devices = new Map<string, DeviceArrivals>();
  #ruleEdges: readonly number[] | null = null;
  #deviceEdges: readonly number[] | null = null;
  #view: { readonly atMs: number; readonly view: ArrivalsView } | null = null;

  /** @param later  calls back when the events that are at hand have been dealt with */
  constructor(nowMs: number, later: (work: () => void) => void) {
    this.#sinceMs = nowMs;
    this.#later = later;
  }

  /** A request of which nothing is awaited any more. */
  settled(request: SettledRequest): void {
    if (this.#waiting.length >= WAITING) this.#lookAtAll();
    this.#waiting.push(request);
    if (this.#waiting.length === 1) this.#later(() => this.#lookAtAll());
  }

  /** Forgets what was, from now on. */
  startOver(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#waiting = [];
    this.#coded = new LatencyHistogram();
    this.#uncoded = new LatencyHistogram();
    this.#unanswered = 0;
    this.#calledOff = 0;
    this.#devices = new Map();
    this.#view = null;
    this.#ruleEdges = null;
    this.#deviceEdges = null;
  }

  comparison(): RuleComparisonView {
    this.#ruleEdges = chooseEdges(this.#ruleEdges, [this.#coded, this.#uncoded]);
    return {
      since: new Date(this.#sinceMs).toISOString(),
      requests: this.#coded.count,
      unanswered: this.#unanswered,
      calledOff: this.#calledOff,
      coded: { percentiles: this.#coded.percentiles(), histogram: this.#coded.bins(this.#ruleEdges) },
      uncoded: {
        percentiles: openPercentiles(this.#uncoded, this.#unanswered),
        histogram: this.#uncoded.bins(this.#ruleEdges),
      },
    };
  }

  /** At most a second old. */
  view(deployment: string, nowMs: number): ArrivalsView {
    const age = this.#view === null ? VIEW_FOR_MS : nowMs - this.#view.atMs;
    // A clock that was set back makes it new, too.
    if (this.#view === null || age < 0 || age >= VIEW_FOR_MS) {
      this.#view = { atMs: nowMs, view: this.#drawUp(deployment) };
    }
    return this.#view.view;
  }

  #drawUp(deployment: string): ArrivalsView {
    const devices = [...this.#devices.values()];
    const histograms = devices.map(({ histogram }) => histogram);
    const edges = chooseEdges(this.#deviceEdges, histograms, SHOWN_UP_TO);
    this.#deviceEdges = edges;
    return {
      deployment,
      unit: 'ms',
      since: new Date(this.#sinceMs).toISOString(),
      requests: this.#coded.count + this.#calledOff,
      edges,
      devices: devices
        .map((device) => device.view(edges))
        .sort((a, b) => a.device.localeCompare(b.device, 'en', { numeric: true })),
    };
  }

  #lookAtAll(): void {
    const requests = this.#waiting;
    this.#waiting = [];
    for (const request of requests) this.#lookAt(replayArrivals(request));
  }

  #lookAt({ anyKMs, allDataMs, missing, shards }: RequestArrivals): void {
    for (const shard of shards) {
      let device = this.#devices.get(shard.device);
      if (device === undefined) {
        device = new DeviceArrivals(shard.device);
        this.#devices.set(shard.device, device);
      }
      device.record(shard);
    }
    if (missing === 'called-off') {
      this.#calledOff++;
      return;
    }
    this.#coded.record(anyKMs);
    if (allDataMs === null) this.#unanswered++;
    else this.#uncoded.record(allDataMs);
  }
}

/** Percentiles of all requests, of which `unanswered` took longer than any that is recorded. */
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
