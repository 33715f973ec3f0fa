import type { RequestOutcome, RequestTrace } from '@sparewheel/coordinator';
import type { DeviceFailure, FaultImpactView, FaultReportView } from '@sparewheel/protocol';

/**
 * A request's start is its end minus its latency, read a moment after the latency was taken. The request may therefore
 * seem to start up to this much later than it did.
 */
const CLOCK_READ_MS = 0.05;
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

  foundWrong(deployment: string, request: number): void {
    this.#impacts.get(deployment)?.foundWrong(request);
  }

  /**
   * Ends the measurement of deployments that are idle, gone, or out of time.
   * @param inFlight  of each existing deployment
   */
  review(inFlight: ReadonlyMap<string, number>, now: number): void {
    for (const [name, impact] of this.#impacts) impact.review(inFlight.get(name) ?? null, now);
  }

  view(): FaultReportView {
    const { at, ...facts } = this.facts;
    return {
      ...facts,
      at: new Date(at).toISOString(),
      deployments: [...this.#impacts.values()].map((impact) => impact.view()),
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
  #skipped = 0;
  #slowestMs: number | null = null;
  #slowestRequest: number | null = null;
  #answeringAgainMs: number | null = null;
  #longestSilenceMs: number | null = null;
  #lastAnswerAt: number;
  /** Whether a request that was accepted after the fault was answered. */
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
  }

  get #waiting(): number {
    return this.#inFlight - this.#answered.size - this.#failed - this.#canceled;
  }

  finished(outcome: RequestOutcome, now: number): void {
    if (!this.measuring) return;
    this.#lastAt = now;
    const startedAt = now - outcome.latencyMs;
    if (startedAt <= this.#faultAt + CLOCK_READ_MS && this.#waiting > 0) this.#wasInFlight(outcome);
    else if (outcome.status === 'answered') this.#resumed = true;
    else if (outcome.status === 'failed' && !this.#resumed) this.#failedAfter++;
    if (outcome.status === 'answered') this.#answeredAt(now, startedAt);
    if (this.#waiting === 0 && this.#resumed) this.#end();
  }

  skippedOne(): void {
    if (this.measuring) this.#skipped++;
  }

  foundWrong(request: number): void {
    if (this.#answered.has(request)) this.#wrong++;
  }

  review(inFlight: number | null, now: number): void {
    if (!this.measuring) return;
    if (inFlight !== null && inFlight > 0) this.#lastAt = now;
    const idle = this.#waiting === 0 && now - this.#lastAt >= IDLE_MS;
    if (inFlight === null || idle || now - this.#faultAt >= MEASURED_AT_MOST_MS) this.#end();
  }

  view(): FaultImpactView {
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
      skipped: this.#skipped,
      answeringAgainMs: this.#answeringAgainMs,
      longestSilenceMs: this.#longestSilenceMs,
      measuring: this.measuring,
    };
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

  /** Measures the silence before an answer. Without a request, nothing was silent. */
  #answeredAt(now: number, startedAt: number): void {
    const silenceMs = now - Math.max(this.#lastAnswerAt, startedAt);
    this.#lastAnswerAt = now;
    if (this.#longestSilenceMs !== null && silenceMs <= this.#longestSilenceMs) return;
    this.#longestSilenceMs = silenceMs;
    this.#answeringAgainMs = now - this.#faultAt;
  }

  #end(): void {
    this.measuring = false;
    this.#traces = new Map();
  }
}
