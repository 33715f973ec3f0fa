import type { RequestOutcome } from '@sparewheel/coordinator';
import { type LatencyView, type LatencyWindow, LIMITS, type RequestCounts } from '@sparewheel/protocol';
import { ArrivalRecorder } from './arrivals.ts';
import { chooseEdges } from './edges.ts';
import { LatencyHistogram } from './histogram.ts';

/**
 * Later events of the same device in this time belong to the same fault: a partition is noticed by the ping
 * timeout.
 */
const DETECTION_MS = LIMITS.pingIntervalMs + LIMITS.pingTimeoutMs + 1_000;
/** Faults of several devices in this time count as one: two kills, or a failing switch. */
const SIMULTANEOUS_MS = 1_000;
const THROUGHPUT_SECONDS = 61;

/** Counts that the recorder gets from the coordinator. */
export interface RequestGauges {
  /** Running and queued requests. */
  readonly inFlight: number;
  /** Answers of devices that arrived too late. */
  readonly late: number;
  /** Requests whose answer was found to be wrong afterwards. */
  readonly corrupt: number;
}

/**
 * Counts the requests of one deployment and records their latencies: in total, and before and after the last
 * fault. Accepted and finished requests are counted independently of the coordinator, which reports the ones
 * in flight. If the three do not add up, a request was lost.
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
    this.arrivals = new ArrivalRecorder(now(), later);
    this.#now = now;
    this.#gauges = gauges;
    this.#sinceAt = now();
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
        this.#since.record(outcome.latencyMs);
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

  /**
   * Starts a new window after a fault. Later events of the same device, and simultaneous faults of other
   * devices, belong to the same fault. So the window before it contains no disturbance.
   */
  fault(device: string, description: string): void {
    const now = this.#now();
    const last = this.#fault;
    if (last !== null) {
      const known = last.devices.has(device);
      if (now - last.at < (known ? DETECTION_MS : SIMULTANEOUS_MS)) {
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

  /** Discards all latencies and the last fault. Keeps the counts, which must add up. */
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
