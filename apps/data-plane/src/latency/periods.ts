import type { LatencyPeriod, LatencyView, PeriodCause } from '@sparewheel/protocol';
import { LatencyHistogram } from './histogram.ts';
import { RuleComparison } from './rule-comparison.ts';

/** The first requests after a deployment or a plan change. They run on cold engines and are not counted. */
export const WARM_UP_REQUESTS = 12;
/** Periods with counted requests that are kept: before a fault, during it and after it. Each takes 0.5 MB. */
const KEPT = 3;
const CHANGES_KEPT = 32;
/** Faults of several devices in this time count as one: two kills, or a failing switch. */
const SIMULTANEOUS_MS = 1_000;
/** Finished requests whose late answers are awaited. More than the coordinator can have. */
const MAX_UNSETTLED = 4_096;

export interface Change {
  readonly cause: PeriodCause;
  /** What happened: "local-4 is killed". */
  readonly text: string;
  /** The condition of the devices from now on: "local-4 killed". */
  readonly condition: string;
}

/** One period while it is recorded. */
export interface Period {
  readonly id: number;
  readonly cause: PeriodCause;
  readonly startMs: number;
  readonly latencies: LatencyHistogram;
  readonly comparison: RuleComparison;
  name: string;
  change: string;
  endMs: number | null;
  warmUp: number;
}

/**
 * Divides the requests of a deployment into periods. A period begins at each change that can affect the latency, so
 * that no period mixes requests from before and after a change.
 */
export class Periods {
  #current: Period;
  /** Ended periods with counted requests, newest first. */
  #ended: Period[] = [];
  /** The period before the current one, also if it has no counted request. */
  #before: Period | null = null;
  #changes: LatencyView['changes'] = [];
  #nextId = 1;
  #warmUpLeft = WARM_UP_REQUESTS;
  /** By request: the period to which its arrivals belong; null for a warm-up request. */
  readonly #unsettled = new Map<number, Period | null>();

  constructor(nowMs: number) {
    this.#current = this.#newPeriod({ cause: 'start', text: 'start', condition: 'healthy' }, nowMs);
  }

  get current(): Period {
    return this.#current;
  }

  get changes(): LatencyView['changes'] {
    return this.#changes;
  }

  /** The shown periods, newest first: the current one, and those before it with counted requests. */
  get shown(): readonly Period[] {
    return [this.#current, ...this.#ended];
  }

  /** Begins a period. @returns whether a period began; false if the change belongs to the fault before it */
  change(change: Change, nowMs: number): boolean {
    const { cause, text, condition } = change;
    const current = this.#current;
    const repeats =
      cause === current.cause &&
      (cause === 'fault' || cause === 'network') &&
      nowMs - current.startMs < SIMULTANEOUS_MS;
    if (repeats && cause === 'network' && text === current.change) {
      // A preset changes all devices with the same words.
      current.name = condition;
      return false;
    }
    this.#mark(change, nowMs);
    if (cause === 'plan') this.#warmUpLeft = WARM_UP_REQUESTS;
    if (repeats) {
      current.name = condition;
      current.change += `, ${text}`;
      return false;
    }
    current.endMs = nowMs;
    this.#before = current;
    if (current.latencies.count > 0) this.#ended = [current, ...this.#ended].slice(0, KEPT - 1);
    this.#current = this.#newPeriod(change, nowMs);
    return true;
  }

  /**
   * Records an answered request.
   * @returns false for a warm-up request
   */
  answered(request: number, latencyMs: number, nowMs: number): boolean {
    if (this.#unsettled.size >= MAX_UNSETTLED) {
      this.#unsettled.delete(this.#unsettled.keys().next().value!);
    }
    if (this.#warmUpLeft > 0) {
      this.#warmUpLeft--;
      this.#current.warmUp++;
      this.#unsettled.set(request, null);
      return false;
    }
    const period = this.#periodOf(nowMs - latencyMs);
    period.latencies.record(latencyMs);
    this.#unsettled.set(request, period);
    return true;
  }

  /** Returns the period of an answered request whose last answer came; null if the request is not counted. */
  settled(request: number): Period | null {
    const period = this.#unsettled.get(request) ?? null;
    this.#unsettled.delete(request);
    return period;
  }

  /** Discards all periods. The devices are warm, so no request is excluded. */
  reset(nowMs: number): void {
    const { name } = this.#current;
    this.#current = this.#newPeriod({ cause: 'start', text: 'reset', condition: name }, nowMs);
    this.#ended = [];
    this.#before = null;
    this.#changes = [];
    this.#unsettled.clear();
  }

  /**
   * A fault hits the requests in flight, so they belong to its period. After any other change, the requests in flight
   * still have the policy, the plan and the devices of the period before.
   * @param acceptedMs  when the request was accepted
   */
  #periodOf(acceptedMs: number): Period {
    const { cause, startMs } = this.#current;
    const before = this.#before;
    if (cause === 'fault' || acceptedMs >= startMs || before === null) return this.#current;
    if (this.#ended[0] !== before) this.#ended = [before, ...this.#ended].slice(0, KEPT - 1);
    return before;
  }

  #mark({ cause, text }: Change, nowMs: number): void {
    const mark = { id: this.#nextId++, at: new Date(nowMs).toISOString(), cause, text };
    this.#changes = [mark, ...this.#changes].slice(0, CHANGES_KEPT);
  }

  #newPeriod({ cause, text, condition }: Change, nowMs: number): Period {
    return {
      id: this.#nextId++,
      cause,
      startMs: nowMs,
      latencies: new LatencyHistogram(),
      comparison: new RuleComparison(nowMs),
      name: condition,
      change: text,
      endMs: null,
      warmUp: 0,
    };
  }
}

/** @param edges  as in LatencyHistogram.bins */
export function periodView(period: Period, edges: readonly number[]): LatencyPeriod {
  const { id, cause, startMs, endMs, latencies, comparison, name, change, warmUp } = period;
  return {
    id,
    name,
    cause,
    change,
    since: new Date(startMs).toISOString(),
    until: endMs === null ? null : new Date(endMs).toISOString(),
    warmUp,
    percentiles: latencies.percentiles(),
    histogram: latencies.bins(edges),
    comparison: comparison.view(),
  };
}
