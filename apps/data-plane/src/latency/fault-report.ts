import type { RequestOutcome, RequestTrace } from '@sparewheel/coordinator';
import type { DeviceFailure, FaultImpactView, FaultReportView } from '@sparewheel/protocol';

/**
 * A request's start is its end minus its latency, read a moment after the latency was taken. The request may therefore
 * seem to start up to this much later than it did.
 */
const CLOCK_READ_MS = 0.05;
/** Answers that were on their way at the fault come first, and a stall begins after them. */
const MEASURED_AT_LEAST_MS = 1_000;
/** Without requests for this time, a deployment is idle, and its numbers are final. */
const IDLE_MS = 1_000;
/** Longer than a detection of seconds and a redistribution. After it, the report says that nothing was answered. */
const MEASURED_AT_MOST_MS = 120_000;

/** A deployment at the moment of a fault. */
export interface DeploymentAtFault {
  readonly name: string;
  /** Whether the device has a seat. */
  readonly seated: boolean;
  /** Accepted requests that have not ended, queued ones included. */
  readonly inFlight: number;
  /** Returns the traces of running requests. They continue to change. */
  readonly running: () => readonly RequestTrace[];
}

/** The present requests of a deployment. */
export interface PresentRequests {
  readonly inFlight: number;
  /** Age in ms of the oldest one; 0 without any. */
  readonly oldestMs: number;
}

export interface FaultFacts {
  readonly id: number;
  readonly at: number;
  readonly device: string;
  readonly deviceName: string;
  readonly fault: DeviceFailure;
}

/** Follows the requests that were in flight when a fault hit a device, until all of them have ended. */
export class FaultReport {
  readonly facts: FaultFacts;
  readonly #impacts: ReadonlyMap<string, FaultImpact>;

  constructor(facts: FaultFacts, deployments: readonly DeploymentAtFault[]) {
    this.facts = facts;
    this.#impacts = new Map(
      [...deployments]
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map((deployment) => [deployment.name, new FaultImpact(facts.at, deployment)]),
    );
  }

  get measuring(): boolean {
    return [...this.#impacts.values()].some((impact) => impact.measuring);
  }

  finished(deployment: string, outcome: RequestOutcome, now: number): void {
    this.#impacts.get(deployment)?.finished(outcome, now);
  }

  skipped(deployment: string): void {
    this.#impacts.get(deployment)?.skippedOne();
  }

  /** @param startedAt  when the request was accepted */
  foundWrong(deployment: string, request: number, startedAt: number): void {
    this.#impacts.get(deployment)?.foundWrong(request, startedAt);
  }

  /** Stops the count of later wrong answers: from now on, they belong to a newer fault. */
  superseded(): void {
    for (const impact of this.#impacts.values()) impact.latest = false;
  }

  /**
   * Measures the present silence. Ends the measurement of deployments that are idle, gone, or out of time.
   * @param present  the requests of each existing deployment
   */
  review(present: ReadonlyMap<string, PresentRequests>, now: number): void {
    for (const [name, impact] of this.#impacts) impact.review(present.get(name) ?? null, now);
  }

  view(now: number): FaultReportView {
    const { at, ...facts } = this.facts;
    return {
      ...facts,
      at: new Date(at).toISOString(),
      deployments: [...this.#impacts.values()].map((impact) => impact.view(now)),
      measuring: this.measuring,
    };
  }

  /** Returns the trace of the slowest answer to a request in flight, by deployment. */
  traces(): Readonly<Record<string, RequestTrace | null>> {
    return Object.fromEntries([...this.#impacts].map(([name, impact]) => [name, impact.trace]));
  }
}

/** One deployment's part of the report. */
class FaultImpact {
  measuring = true;
  /** Whether no fault was reported after this one. */
  latest = true;
  trace: RequestTrace | null = null;
  readonly #name: string;
  readonly #faultAt: number;
  readonly #seated: boolean;
  readonly #inFlight: number;
  #traces: ReadonlyMap<number, RequestTrace>;
  readonly #answered = new Set<number>();
  #wrong = 0;
  #failed = 0;
  #canceled = 0;
  #failedAfter = 0;
  #wrongAfter = 0;
  #skipped = 0;
  #slowestMs: number | null = null;
  #slowestRequest: number | null = null;
  #answeringAgainMs: number | null = null;
  #longestSilenceMs: number | null = null;
  #lastAnswerAt: number;
  /** Since when requests wait without an answer to any request; null if none waits, as far as is known. */
  #silentSince: number | null;
  /** Whether a request that was accepted after the fault was answered, and no request failed since then. */
  #resumed = false;
  #lastAt: number;

  constructor(faultAt: number, { name, seated, inFlight, running }: DeploymentAtFault) {
    this.#name = name;
    this.#faultAt = faultAt;
    this.#seated = seated;
    this.#inFlight = inFlight;
    this.#traces = new Map(running().map((trace) => [trace.request, trace]));
    this.#lastAt = faultAt;
    this.#lastAnswerAt = faultAt;
    this.#silentSince = inFlight > 0 ? faultAt : null;
  }

  get #waiting(): number {
    return this.#inFlight - this.#answered.size - this.#failed - this.#canceled;
  }

  finished(outcome: RequestOutcome, now: number): void {
    const startedAt = now - outcome.latencyMs;
    if (!this.measuring) {
      if (this.latest && outcome.status === 'answered' && outcome.corrupt) this.#wrongAfter++;
      return;
    }
    this.#lastAt = now;
    this.#waitedSince(startedAt);
    if (this.#startedBefore(startedAt) && this.#waiting > 0) this.#wasInFlight(outcome);
    else if (outcome.status === 'failed') this.#failedAfter++;
    else if (outcome.status === 'answered') {
      this.#resumed = true;
      if (outcome.corrupt) this.#wrongAfter++;
    }
    if (outcome.status === 'failed') this.#resumed = false;
    if (outcome.status === 'answered') this.#answeredAt(now);
    const settled = now - this.#faultAt >= MEASURED_AT_LEAST_MS;
    if (settled && this.#waiting === 0 && this.#resumed) this.#end();
  }

  skippedOne(): void {
    if (this.measuring) this.#skipped++;
  }

  foundWrong(request: number, startedAt: number): void {
    if (this.#answered.has(request)) this.#wrong++;
    else if ((this.latest || this.measuring) && !this.#startedBefore(startedAt)) this.#wrongAfter++;
  }

  review(present: PresentRequests | null, now: number): void {
    if (!this.measuring) return;
    if (present !== null && present.inFlight > 0) {
      this.#lastAt = now;
      this.#waitedSince(now - present.oldestMs);
    }
    // Each request of a deleted deployment ends, too.
    const over = this.#waiting === 0 && (present === null || now - this.#lastAt >= IDLE_MS);
    if (over || now - this.#faultAt >= MEASURED_AT_MOST_MS) this.#end();
  }

  view(now: number): FaultImpactView {
    const silentMs = this.#silentMs(now);
    const silent = silentMs !== null && silentMs > (this.#longestSilenceMs ?? -1);
    return {
      deployment: this.#name,
      seated: this.#seated,
      inFlight: this.#inFlight,
      answered: this.#answered.size - this.#wrong,
      wrong: this.#wrong,
      failed: this.#failed,
      canceled: this.#canceled,
      waiting: this.#waiting,
      slowestMs: this.#slowestMs,
      slowestRequest: this.#slowestRequest,
      failedAfter: this.#failedAfter,
      wrongAfter: this.#wrongAfter,
      skipped: this.#skipped,
      answeringAgainMs: silent ? null : this.#answeringAgainMs,
      longestSilenceMs: silent ? silentMs : this.#longestSilenceMs,
      measuring: this.measuring,
    };
  }

  #startedBefore(startedAt: number): boolean {
    return startedAt <= this.#faultAt + CLOCK_READ_MS;
  }

  #wasInFlight({ status, request, latencyMs, corrupt }: RequestOutcome): void {
    if (status === 'failed') this.#failed++;
    else if (status === 'canceled') this.#canceled++;
    else {
      this.#answered.add(request);
      if (corrupt) this.#wrong++;
      if (latencyMs <= (this.#slowestMs ?? -1)) return;
      this.#slowestMs = latencyMs;
      this.#slowestRequest = request;
      this.trace = this.#traces.get(request) ?? this.trace;
    }
  }

  /** Records that a request waited from `startedAt` on. A failure does not end the silence; only an answer does. */
  #waitedSince(startedAt: number): void {
    const since = Math.max(startedAt, this.#lastAnswerAt);
    this.#silentSince = Math.min(this.#silentSince ?? since, since);
  }

  /** Returns the length of the present silence; null without one. */
  #silentMs(now: number): number | null {
    if (this.#silentSince === null) return null;
    return (this.measuring ? now : this.#lastAt) - this.#silentSince;
  }

  /** Ends the silence before an answer. */
  #answeredAt(now: number): void {
    const silenceMs = this.#silentMs(now) ?? 0;
    this.#lastAnswerAt = now;
    this.#silentSince = this.#waiting > 0 ? now : null;
    if (this.#longestSilenceMs !== null && silenceMs <= this.#longestSilenceMs) return;
    this.#longestSilenceMs = silenceMs;
    this.#answeringAgainMs = now - this.#faultAt;
  }

  #end(): void {
    this.measuring = false;
    this.#traces = new Map();
  }
}
