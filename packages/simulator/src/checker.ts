import { type CoordinatorEvent, type CoordinatorSnapshot, rescueRule } from '@sparewheel/coordinator';
import { partOf, type Step } from '@sparewheel/planner';
import type { ComputeRequest } from '@sparewheel/protocol';
import type { CorruptionOracle } from './corruption-oracle.ts';
import type { DataPlane } from './data-plane.ts';
import type { Health } from './health.ts';
import type { PromiseName, Violation } from './promises.ts';
import { answers, type RequestEnd, type RequestRecord } from './request-record.ts';
import { MIRROR, MIRRORED, mostInFlight, type Scenario, stepBoundMs } from './scenario.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** How late a request may be after its deadline: the resolution of a timer. */
const EPSILON_MS = 1;
/** Errors that refuse a request before it is accepted. */
const REFUSALS = ['overloaded', 'unavailable', 'unknown-deployment', 'invalid-feeds'];
/** A deadline with enough time to detect silent devices in every step, one step after the other. */
const PATIENT_DEADLINE_MS = 20_000;

/**
 * The most that an adaptive threshold adds to a step. It may cost a twentieth of the mean latency, and a few seconds of
 * silence among the last 64 requests raise the threshold to about a hundred milliseconds.
 */
const ADAPTIVE_MOST_MS = 100;

/** The longest silence timeout, with the default options. */
const LONGEST_TIMEOUT_MS = 10_000;

/** Counts how often each promise applied and held. A check that never applies checks nothing. */
export interface Coverage {
  answered: number;
  refused: number;
  expired: number;
  canceled: number;
  recovered: number;
  rescued: number;
  /** Answered requests with a step that divides its input, and those of them in which data was recovered. */
  dividedInputs: number;
  tiled: number;
  sliced: number;
  /** Answered requests with a coded layer of integers, and those of them in which data was recovered. */
  integers: number;
  integersRecovered: number;
  /** Runs of devices that computed several requests together. */
  batches: number;
  dividedInputsRecovered: number;
  /** Requests that had to succeed without delay, and those among them for which a device was out. */
  untouchable: number;
  untouchableWithFailures: number;
  lies: number;
  /** Wrong answers with `verify: "after"` that had to be reported. */
  flagged: number;
  returns: number;
  restarts: number;
  /** Copies for a mirror; shards that a substitute began to compute; outages that ended. */
  copies: number;
  /** Silent devices; answered requests of a model whose steps take longer than the shortest silence timeout. */
  silences: number;
  heavy: number;
  redistributions: number;
  outages: number;
}

/** Checks the promises about requests: compares the end of every request with what the simulation knows. */
export class Checker {
  readonly violations: Violation[] = [];
  readonly coverage: Coverage = {
    answered: 0,
    refused: 0,
    expired: 0,
    canceled: 0,
    recovered: 0,
    rescued: 0,
    dividedInputs: 0,
    tiled: 0,
    sliced: 0,
    integers: 0,
    integersRecovered: 0,
    batches: 0,
    dividedInputsRecovered: 0,
    untouchable: 0,
    untouchableWithFailures: 0,
    lies: 0,
    flagged: 0,
    returns: 0,
    restarts: 0,
    copies: 0,
    silences: 0,
    heavy: 0,
    redistributions: 0,
    outages: 0,
  };
  /** By number of outstanding requests: the last time at which there were so many. */
  readonly #outstandingAt: number[] = [];
  #outstanding = 0;
  #lives = 0;
  #finishedEvents = 0;
  #acceptedEnds = 0;
  /** Requests of which a device computed a step together with other requests. */
  readonly #batched = new Set<number>();

  constructor(
    readonly clock: VirtualClock,
    readonly scenario: Scenario,
    readonly health: Health,
    readonly corruptionOracle: CorruptionOracle,
  ) {}

  complain(promise: PromiseName, what: string): void {
    this.violations.push({ promise, at: this.clock.now(), what });
  }

  get outstanding(): number {
    return this.#outstanding;
  }

  /** The data plane ended. Outstanding requests failed with their connections. */
  planeEnded(): void {
    this.#lives++;
    this.#outstanding = 0;
    this.#finishedEvents = 0;
    this.#acceptedEnds = 0;
    this.#batched.clear();
    this.corruptionOracle.forget();
  }

  started(): void {
    this.#outstanding++;
    this.#noteCrowd();
  }

  /** A device computed these requests in one run. */
  batched(requests: readonly ComputeRequest[]): void {
    this.coverage.batches++;
    for (const { request } of requests) this.#batched.add(request);
  }

  happened(event: CoordinatorEvent, isCorrect: (device: string) => boolean): void {
    this.corruptionOracle.happened(event);
    if (event.kind === 'request-finished' && event.deployment !== MIRROR) this.#finishedEvents++;
    if (event.kind === 'redistribution-finished') this.coverage.redistributions++;
    if (event.kind === 'outage-ended') this.coverage.outages++;
    if (event.kind === 'device-silent') {
      this.coverage.silences++;
      // An answer that was lost before the device was healthy again is noticed later.
      if (!this.health.wasOut(event.device, this.clock.now() - LONGEST_TIMEOUT_MS)) {
        this.complain('h: a device that computes is not silent', `${event.device} counts as silent`);
      }
    }
    if (event.kind === 'device-quarantined' && isCorrect(event.device)) {
      this.complain(
        'd: no wrong answer goes unnoticed',
        `the correct device ${event.device} was quarantined: ${event.reason}`,
      );
    }
    if (event.kind === 'corruption' && !event.answeredWrong && event.faultyDevices.length === 0) {
      this.complain(
        'd: no wrong answer goes unnoticed',
        `a wrong answer to ${event.step} was detected, but no device was named`,
      );
    }
  }

  ended(record: RequestRecord, end: RequestEnd, plane: DataPlane): void {
    this.#noteCrowd();
    this.#outstanding--;
    const tookMs = this.clock.now() - record.startedAt;
    const name = `request ${record.number}`;
    if (tookMs > record.deadlineMs + EPSILON_MS) {
      this.complain('c: one answer or one error before the deadline', `${name} ended after ${tookMs} ms`);
    }
    if (end.kind === 'failed' && REFUSALS.includes(end.error.code ?? '')) {
      this.#refused(record, end.error);
      return;
    }
    this.#acceptedEnds++;
    if (end.kind === 'failed') this.#failed(record, end.error);
    else this.#answered(record, end.inference);
    this.#checkUntouchable(record, end, tookMs, plane);
  }

  /** Checks that no queue exceeds its limit. */
  checkBounds({ deployments, devices }: CoordinatorSnapshot): void {
    const { requestsInFlight, requestsQueued } = this.scenario.options;
    for (const { name, inFlight, queued } of deployments) {
      if (inFlight > requestsInFlight! || queued > requestsQueued!)
        this.complain('bounds', `${name} has ${inFlight} requests in flight and ${queued} queued`);
    }
    for (const { id, inFlight } of devices) {
      // One more if everything in flight is canceled: only its answer shows that the device is alive.
      if (inFlight > mostInFlight(this.scenario) + 1)
        this.complain('bounds', `${id} has ${inFlight} computations in flight`);
    }
  }

  /**
   * Checks, after a request was sent, that the mirror received a copy of it exactly if the original accepted it.
   * @param before  a snapshot from before the request
   */
  checkCopy(name: string, before: CoordinatorSnapshot, after: CoordinatorSnapshot): void {
    const [mirrorBefore, mirrorAfter] = [before, after].map(({ deployments }) =>
      deployments.find((each) => each.name === MIRROR),
    );
    if (!mirrorBefore || !mirrorAfter || mirrorBefore.state === 'distributing') return;
    const accepted = ({ deployments }: CoordinatorSnapshot) =>
      deployments.find((each) => each.name === name)!.counters.requests;
    const expected = name === MIRRORED ? accepted(after) - accepted(before) : 0;
    const offered = mirrorAfter.mirrored.offered - mirrorBefore.mirrored.offered;
    this.coverage.copies += offered;
    if (offered === expected) return;
    this.complain(
      'mirrors: a copy of each request, and no effect on the original',
      `${expected} requests to ${name} were accepted, and the mirror received ${offered} copies`,
    );
  }

  /** Checks that exactly one event reported each end of an accepted request. */
  checkCounts(snapshot: CoordinatorSnapshot): void {
    if (this.#finishedEvents !== this.#acceptedEnds) {
      this.complain(
        'c: one answer or one error before the deadline',
        `${this.#acceptedEnds} requests ended and ${this.#finishedEvents} were reported`,
      );
    }
    for (const { name, counters, mirrorOf, mirrored } of snapshot.deployments) {
      if (mirrorOf !== null && mirrored.offered !== mirrored.accepted + mirrored.refused) {
        this.complain('leaks', `the copies for ${name} do not add up: ${JSON.stringify(mirrored)}`);
      }
      const { requests, answered, failed, canceled } = counters;
      if (requests === answered + failed + canceled) continue;
      this.complain('leaks', `the counters of ${name} do not add up: ${JSON.stringify(counters)}`);
    }
  }

  #refused(record: RequestRecord, error: Error & { readonly code?: string }): void {
    this.coverage.refused++;
    const { requestsInFlight, requestsQueued } = this.scenario.options;
    if (error.code === 'overloaded' && this.#outstanding < requestsInFlight! + requestsQueued!) {
      this.complain('bounds', `request ${record.number} was refused with ${this.#outstanding} outstanding`);
    }
    if (error.code === 'invalid-feeds')
      this.complain('c: one answer or one error before the deadline', error.message);
    if (error.code === 'unavailable' && record.everReady) {
      this.complain('f: changes disturb no request', `request ${record.number}: ${error.message}`);
    }
  }

  #failed(record: RequestRecord, error: Error & { readonly code?: string }): void {
    if (error.code === 'canceled' && record.aborted) {
      this.coverage.canceled++;
      return;
    }
    this.coverage.expired++;
    const name = `request ${record.number}`;
    if (error.code !== 'deadline-exceeded') {
      this.complain('c: one answer or one error before the deadline', `${name} failed: ${error.message}`);
    } else if (
      record.deadlineMs >= PATIENT_DEADLINE_MS &&
      rescueRule(record.policy, record.plan) === 'data-plane' &&
      !this.#wasCrowded(record)
    ) {
      this.complain(
        'b: beyond repair, rescue and then takeover',
        `${name} was not rescued: ${error.message}`,
      );
    }
  }

  #answered(record: RequestRecord, inference: Extract<RequestEnd, { kind: 'answered' }>['inference']): void {
    const { coverage, corruptionOracle } = this;
    coverage.answered++;
    if (inference.recovered > 0) coverage.recovered++;
    if (inference.rescued > 0) coverage.rescued++;
    if (record.deployment === this.scenario.heavy?.name) coverage.heavy++;
    if (record.plan.steps.some((step) => step.kind === 'coded' && step.split === 'inputs')) {
      coverage.dividedInputs++;
      if (inference.recovered > 0) coverage.dividedInputsRecovered++;
    }
    if (record.plan.steps.some((step) => step.kind === 'replicated' && step.tile)) coverage.tiled++;
    if (record.plan.steps.some((step) => step.kind === 'replicated' && step.slice)) coverage.sliced++;
    if (record.plan.steps.some((step) => step.kind === 'coded' && step.answers === 'int32')) {
      coverage.integers++;
      if (inference.recovered > 0) coverage.integersRecovered++;
    }
    const { request } = inference;
    if (record.policy.batch === false && this.#batched.has(request)) {
      this.complain(
        'batches: only requests whose policy allows it',
        `request ${record.number} was computed together with others`,
      );
    }
    // After a wrong answer, the data plane may compute a layer as a reference.
    const forbidden = rescueRule(record.policy, record.plan) !== 'data-plane';
    if (forbidden && inference.rescued > 0 && !corruptionOracle.misbehaviorTo(request)) {
      this.complain(
        'b: beyond repair, rescue and then takeover',
        `request ${record.number} had ${inference.rescued} shards computed by the data plane under rescue "${record.policy.rescue}"`,
      );
    }
    const lieTold = corruptionOracle.lieTo(request);
    if (corruptionOracle.misbehaviorTo(request)) coverage.lies++;
    if (answers(record, inference)) return;
    const { verify } = record.policy;
    const name = `request ${record.number} (${request})`;
    const promise = 'd: no wrong answer goes unnoticed';
    if (!lieTold) this.complain(promise, `${name} got a wrong answer, but no device sent one`);
    else if (verify === 'before') {
      if (this.#verifiable(record)) this.complain(promise, `${name} got a wrong answer with verify "before"`);
    } else if (verify === 'after' && record.policy.waitMs === 'any-k' && !this.#wasCrowded(record)) {
      const life = this.#lives;
      this.clock.schedule(2_500, () => {
        if (life !== this.#lives || !corruptionOracle.lieTo(request) || !corruptionOracle.noticeable(request))
          return;
        coverage.flagged++;
        if (!corruptionOracle.flagged(request))
          this.complain(promise, `${name} got a wrong answer that was not reported`);
      });
    }
  }

  /** Whether the plans have redundancy to verify with. Without it there is no promise. */
  #verifiable({ plans }: RequestRecord): boolean {
    const redundant = (step: Step) =>
      step.kind === 'coded'
        ? step.parityShards > 0
        : step.kind === 'replicated'
          ? step.seats.length > 1
          : true;
    return [...plans].every(({ steps }) => steps.every(redundant));
  }

  /** Checks that a request neither fails nor waits if each group can repair the devices that are out. */
  #checkUntouchable(record: RequestRecord, end: RequestEnd, tookMs: number, plane: DataPlane): void {
    if (!record.everReady || record.queued || record.aborted || this.#wasCrowded(record)) return;
    const distributed = record.plan.steps.filter((step) => step.kind !== 'local');
    const out = new Set<number>();
    for (const { seat, device, state } of record.seats) {
      if (device === null || state !== 'ready' || this.health.wasOut(device, record.startedAt)) out.add(seat);
    }
    if (!distributed.every((step) => repairs(step, record, out))) return;
    // The parts of a result run at the same time.
    const stages = new Set(distributed.map((step) => partOf(step)?.fetch ?? step.id)).size;
    const { coverage } = this;
    coverage.untouchable++;
    if (out.size > 0) coverage.untouchableWithFailures++;
    const promise = 'a: repairable failures delay no request';
    const name = `request ${record.number} with seats [${[...out].join()}] out`;
    if (end.kind === 'failed') {
      if (record.deadlineMs >= this.#hurriedMs(stages, record, plane))
        this.complain(promise, `${name} failed: ${end.error.message}`);
      return;
    }
    const { waitMs: threshold } = record.policy;
    const waitMs =
      typeof threshold === 'number' ? threshold : threshold === 'adaptive' ? ADAPTIVE_MOST_MS : 0;
    const boundMs =
      stages * (stepBoundMs(mostInFlight(this.scenario)) + waitMs) +
      this.#engineMs(record, plane) +
      EPSILON_MS;
    const { heavy } = this.scenario;
    // Every request may wait behind one of the heavy model.
    if (tookMs > boundMs && heavy === null)
      this.complain(promise, `${name} took ${tookMs.toFixed(1)} ms, more than ${boundMs.toFixed(1)}`);
    // Without a good prediction, the coordinator must learn the time from the first answers.
    const mayLearn = heavy !== null && !heavy.predicted;
    if (
      end.inference.rescued > 0 &&
      !mayLearn &&
      !this.corruptionOracle.misbehaviorTo(end.inference.request)
    ) {
      this.complain(promise, `${name} had ${end.inference.rescued} shards computed by the data plane`);
    }
  }

  /** The shortest deadline that holds with slow messages, full queues and half of the time spent waiting. */
  #hurriedMs(steps: number, record: RequestRecord, plane: DataPlane): number {
    const stepMs = stepBoundMs(mostInFlight(this.scenario)) / 3;
    return 2 * (steps * stepMs + this.#engineMs(record, plane));
  }

  /** How long the data plane's engine may have delayed the request. */
  #engineMs({ engineBusyMs, engineBacklogMs }: RequestRecord, { engine }: DataPlane): number {
    return engine.busyMs - engineBusyMs + engineBacklogMs;
  }

  #noteCrowd(): void {
    for (let count = 0; count <= this.#outstanding; count++) this.#outstandingAt[count] = this.clock.now();
  }

  /** Whether there were more requests than a device accepts. A backup of several parts accepts fewer requests. */
  #wasCrowded({ startedAt, plan }: RequestRecord): boolean {
    const accepted = this.scenario.options.inFlightPerDevice! / (4 * partsPerSeat(plan));
    const crowd = Math.max(2, Math.floor(accepted) + 1);
    return (this.#outstandingAt[crowd] ?? Number.NEGATIVE_INFINITY) >= startedAt;
  }
}

/** Returns the largest number of parts of one result that a seat computes for one request, at least 1. */
function partsPerSeat({ steps }: RequestRecord['plan']): number {
  const parts = new Map<string, number>();
  for (const step of steps) {
    const part = partOf(step);
    if (step.kind === 'local' || !part) continue;
    for (const seat of step.seats) {
      const key = `${part.fetch} ${seat}`;
      parts.set(key, (parts.get(key) ?? 0) + 1);
    }
  }
  return Math.max(1, ...parts.values());
}

/** Whether the step's redundancy replaces the seats that are out without waiting, under the request's policy. */
function repairs(step: Step, { policy }: RequestRecord, out: ReadonlySet<number>): boolean {
  if (step.kind === 'local') return true;
  const missing = step.seats.filter((seat) => out.has(seat));
  if (missing.length === 0) return true;
  const redundancy = step.kind === 'coded' ? step.parityShards : step.seats.length - 1;
  const forChecking = policy.verify === 'before' && redundancy > 0 ? 1 : 0;
  if (missing.length > redundancy - forChecking) return false;
  // "all" waits for data shards until their devices are known to be down.
  return (
    policy.waitMs !== 'all' ||
    step.kind !== 'coded' ||
    missing.every((seat) => step.seats.indexOf(seat) >= step.dataShards)
  );
}
