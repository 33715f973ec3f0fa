import type { RequestOutcome } from '@sparewheel/coordinator';
import { type LatencyView, type LatencyWindow, LIMITS, type RequestCounts } from '@sparewheel/protocol';
import { ArrivalRecorder } from './arrivals.ts';
import { chooseEdges } from './edges.ts';
import { LatencyHistogram } from './histogram.ts';
import { Throughput } from './throughput.ts';

/** A SIGKILL is noticed in milliseconds, a silent partition after the ping timeout: one fault, one window. */
const NOTICED_WITHIN_MS = LIMITS.pingIntervalMs + LIMITS.pingTimeoutMs + 1_000;
/** Faults of several devices in this time are one: two killed at once, a switch that fails. */
const AT_ONCE_MS = 1_000;
const THROUGHPUT_SECONDS = 61;

/** What the recorder cannot count by itself. */
export interface RequestGauges {
  /** Requests of the deployment that the coordinator holds now, running or waiting for a place. */
  readonly inFlight: number;
  /** Answers of devices that came when nobody wanted them any more. */
  readonly late: number;
  /** Requests that were answered wrongly, as was noticed afterwards. */
  readonly corrupt: number;
}

/**
 * Counts the requests of one deployment and keeps their latencies: since the start, and before and since the last
 * fault. Acceptance is counted where requests come in, the end where they end, what is between is asked of the
 * coordinator: where the three disagree, a request was lost.
 */
export class LatencyRecorder {
  readonly deployment: string;
  readonly arrivals: ArrivalRecorder;
  readonly #now: () => number;
  readonly #gauges: () => RequestGauges;
  readonly #throughput: Throughput;
  #total = new LatencyHistogram();
  #since = new LatencyHistogram();
  #sinceAt: number;
  #before: { readonly at: number; readonly histogram: LatencyHistogram } | null = null;
  #fault: { readonly at: number; readonly devices: Set<string>; readonly descriptions: string[] } | null =
    null;
  #edges: readonly number[] | null = null;
  /** How many latencies there were when the edges were looked at. */
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
   * @param later  see ArrivalRecorder
   */
  constructor(
    deployment: string,
    now: () => number,
    gauges: () => RequestGauges,
    later: (work: () => void) => void,
  ) {
    this.deployment = deployment;
    this.arrivals = new ArrivalRecorder(now(), later);
    this.#now = now;
    this.#gauges = gauges;
    this.#sinceAt = now();
    this.#throughput = new Throughput(THROUGHPUT_SECONDS, now());
  }

  /** A request came in and is given to the coordinator. */
  accepted(): void {
    this.#accepted++;
  }

  /** The coordinator would not take it: overload, say. It was never accepted. */
  turnedAway(): void {
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
        this.#since.record(outcome.latencyMs);
        this.#throughput.record(this.#now());
        break;
      case 'failed':
        this.#failed++;
        // The plan was changed while it waited for a place. Where it came in, this looks like a request that was
        // never accepted, and `turnedAway` is about to say so.
        if (outcome.error?.code === 'invalid-feeds') this.#accepted++;
        break;
      case 'canceled':
        this.#canceled++;
        break;
    }
  }

  /**
   * A fault that hits the deployment: a new window begins. What happens to the same device again, or to others at
   * once, belongs to the same fault: the window before it is the undisturbed one.
   */
  fault(device: string, description: string): void {
    const now = this.#now();
    const last = this.#fault;
    if (last !== null) {
      const known = last.devices.has(device);
      if (now - last.at < (known ? NOTICED_WITHIN_MS : AT_ONCE_MS)) {
        if (!known) last.descriptions.push(description);
        last.devices.add(device);
        return;
      }
    }
    this.#before = { at: this.#sinceAt, histogram: this.#since };
    this.#since = new LatencyHistogram();
    this.#sinceAt = now;
    this.arrivals.startOver(now);
    this.#fault = { at: now, devices: new Set([device]), descriptions: [description] };
  }

  /** Forgets all latencies and the last fault. Counts go on: they have to add up. */
  reset(): void {
    this.#total = new LatencyHistogram();
    this.#since = new LatencyHistogram();
    this.#sinceAt = this.#now();
    this.#before = null;
    this.#fault = null;
    this.#edges = null;
    this.arrivals.startOver(this.#sinceAt);
  }

  counts(): RequestCounts {
    const { inFlight, late, corrupt } = this.#gauges();
    return {
      requests: this.#accepted,
      answered: this.#answered,
      recovered: this.#recovered,
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

  view(): LatencyView {
    if (this.#edges === null || this.#edgesFor !== this.#total.count) {
      this.#edges = chooseEdges(this.#edges, [this.#total]);
      this.#edgesFor = this.#total.count;
    }
    return {
      deployment: this.deployment,
      unit: 'ms',
      counts: this.counts(),
      percentiles: this.#total.percentiles(),
      histogram: this.#total.bins(this.#edges),
      lastFault:
        this.#fault === null
          ? null
          : { at: isoTime(this.#fault.at), description: this.#fault.descriptions.join(', ') },
      beforeFault: this.#before === null ? null : this.#window(this.#before.at, this.#before.histogram),
      afterFault: this.#fault === null ? null : this.#window(this.#sinceAt, this.#since),
      comparison: this.arrivals.comparison(),
      throughput: this.#throughput.lastSeconds(this.#now()),
    };
  }

  #window(since: number, histogram: LatencyHistogram): LatencyWindow {
    return {
      since: isoTime(since),
      percentiles: histogram.percentiles(),
      histogram: histogram.bins(this.#edges!),
    };
  }
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
