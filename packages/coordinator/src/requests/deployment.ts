import type { Tensor } from '@sparewheel/protocol';
import type { CoordinatorContext } from '../context.ts';
import type { Tallies } from '../devices/tally.ts';
import {
  CanceledError,
  type CoordinatorError,
  DeletedError,
  type InvalidFeedsError,
  OverloadedError,
} from '../errors.ts';
import type { DeploymentState } from '../events.ts';
import { type Policy, rescueRule } from '../policy.ts';
import { checkFeeds } from '../steps/validate.ts';
import {
  AcceptedRequest,
  type AcceptedRequestObserver,
  type Inference,
  type InferOptions,
} from './accepted-request.ts';
import { survivedFailure } from './arrivals.ts';
import type { Generation } from './generation.ts';
import { OutageTracker } from './outage.ts';
import { RequestRun } from './request.ts';
import { TraceRing } from './trace.ts';

export interface DeploymentCounters {
  /** Accepted requests. Each is in flight, queued, or ended as answered, failed or canceled. */
  requests: number;
  answered: number;
  failed: number;
  canceled: number;
  /** Requests never accepted because the deployment was overloaded. */
  refused: number;
  /** Requests with at least one shard decoded from parity, and the number of such shards. */
  recovered: number;
  recoveredShards: number;
  /** Requests with at least one shard computed by the data plane, and the number of such shards. */
  rescued: number;
  rescuedShards: number;
  /** Requests known to have used a wrong answer. */
  corrupt: number;
}

/** Weight of a new latency in the smoothed latency. */
const SMOOTHING = 1 / 8;
const RETRY_AFTER_MIN_MS = 50;
const RETRY_AFTER_MAX_MS = 5_000;
/** Request ids remembered as wrong, so that two wrong layers count as one wrong request. */
const WRONG_ANSWERS_REMEMBERED = 1024;

/** A plan served under a name: its generations, its policy and its accepted requests. */
export class Deployment implements AcceptedRequestObserver {
  readonly counters: DeploymentCounters = {
    requests: 0,
    answered: 0,
    failed: 0,
    canceled: 0,
    refused: 0,
    recovered: 0,
    recoveredShards: 0,
    rescued: 0,
    rescuedShards: 0,
    corrupt: 0,
  };
  /** All generations count here. */
  readonly tallies: Tallies;
  readonly outages = new OutageTracker();
  /** Copies of the original's requests, if this is a mirror. Counted since the mirror could first answer. */
  readonly mirrored = { offered: 0, accepted: 0, refused: 0, skipped: 0 };
  readonly traces: TraceRing;
  /** The generation that runs new requests. */
  active: Generation;
  /** During a rolling change, the generation that becomes active when it is ready. */
  next: Generation | null = null;
  /** Former active generations that still have requests in flight. */
  readonly draining = new Set<Generation>();
  /** Whether the deployment could answer at least once. From then on it accepts requests. */
  everReady = false;
  state: DeploymentState = 'distributing';
  reason: string | null = null;
  /** Accepted requests that have not ended, in the order of their acceptance. */
  readonly #accepted = new Set<AcceptedRequest>();
  readonly #queue = new Set<AcceptedRequest>();
  readonly #running = new Set<AcceptedRequest>();
  readonly #wrong = new Set<number>();
  #inFlight = 0;
  #latencyMs = RETRY_AFTER_MIN_MS;
  #onIdle: (() => void)[] = [];

  constructor(
    readonly context: CoordinatorContext,
    readonly name: string,
    generation: Generation,
    public policy: Policy,
    /** The deployment whose accepted requests this one receives as copies. */
    readonly mirrorOf: string | null = null,
  ) {
    this.active = generation;
    this.tallies = generation.tallies;
    this.traces = new TraceRing(context.options.tracesKept);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get queued(): number {
    return this.#queue.size;
  }

  /** All generations that have requests or may get some. */
  get generations(): Generation[] {
    return [this.active, ...(this.next ? [this.next] : []), ...this.draining];
  }

  /**
   * Starts or queues a request.
   * @throws {InvalidFeedsError} the feeds or fetches do not match the model
   * @throws {CanceledError} the signal is already aborted
   * @throws {OverloadedError} the in-flight limit and the queue limit are both reached
   */
  accept(id: number, feeds: Readonly<Record<string, Tensor>>, options: InferOptions): Promise<Inference> {
    checkFeeds(this.active.program, feeds, options.fetches);
    if (options.signal?.aborted) throw new CanceledError(id);
    const { requestsInFlight, requestsQueued } = this.context.options;
    const startNow = this.#inFlight < requestsInFlight;
    if (!startNow && this.#queue.size >= requestsQueued) {
      this.counters.refused++;
      throw new OverloadedError(this.name, this.#inFlight, this.#queue.size, this.#retryAfterMs());
    }
    this.counters.requests++;
    this.context.liveRequests.add(id);
    const request = new AcceptedRequest(id, feeds, options, this.policy, this.context.clock, this);
    this.#accepted.add(request);
    if (startNow) this.#start(request);
    else this.#queue.add(request);
    return request.promise;
  }

  /**
   * Accepts a copy of a request of the original. The answer is only measured.
   * @param id    of the copy
   * @param most  with so many requests that have not ended, the copy is skipped
   */
  acceptCopy(id: number, feeds: Readonly<Record<string, Tensor>>, most: number): void {
    if (!this.everReady) return;
    const { emit } = this.context;
    this.mirrored.offered++;
    if (this.#accepted.size >= most) {
      this.mirrored.skipped++;
      emit({ kind: 'copy-skipped', deployment: this.name });
      return;
    }
    emit({ kind: 'request-copied', deployment: this.name });
    try {
      this.accept(id, feeds, {}).catch(() => {});
      this.mirrored.accepted++;
    } catch (error) {
      // The original was accepted before, and its answer must not be lost for a defect here.
      this.mirrored.refused++;
      emit({ kind: 'copy-refused', deployment: this.name, error });
    }
  }

  /** Starts a rolling change. Replaces a rolling change in progress. */
  replaceBy(generation: Generation, policy: Policy): void {
    this.policy = policy;
    this.next?.placement.dispose();
    this.next = null;
    if (this.everReady) {
      this.next = generation;
    } else {
      this.active.placement.dispose();
      this.active = generation;
    }
  }

  /** Makes a generation the active one. The old one finishes its requests. */
  switchTo(generation: Generation): void {
    const old = this.active;
    this.active = generation;
    if (this.next === generation) this.next = null;
    this.draining.add(old);
    this.#disposeIfIdle(old);
  }

  /** Returns the ages in ms of the accepted requests that have not ended, oldest first. */
  requestAges(): number[] {
    return Array.from(this.#accepted, ({ latencyMs }) => latencyMs);
  }

  /**
   * Restarts the requests that wait for devices of a former plan on the active one. The former plan gets no further
   * devices, so they would wait until their deadline.
   */
  restartStranded(): void {
    if (this.draining.size === 0 || !this.active.placement.viable) return;
    for (const request of [...this.#running]) {
      const { run, policy } = request;
      if (run === null || !this.draining.has(run.generation) || run.generation.placement.viable) continue;
      if (rescueRule(policy, run.generation.program.plan) === 'data-plane') continue;
      run.abandon();
      this.#ended(request, run);
      request.run = null;
      this.#startAgain(request);
    }
  }

  /** Ends all accepted requests. */
  endAll(error: CoordinatorError): void {
    // Without the queue first, the end of a running request would start a queued one.
    for (const request of [...this.#queue, ...this.#running]) request.end(error);
  }

  /** Resolves when no request is in flight or queued. */
  idle(): Promise<void> {
    if (this.#inFlight === 0 && this.#queue.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  /** Counts a request that used a wrong answer. */
  answeredWrong(request: number): void {
    if (this.#wrong.has(request)) return;
    this.#wrong.add(request);
    if (this.#wrong.size > WRONG_ANSWERS_REMEMBERED) this.#wrong.delete(this.#wrong.values().next().value!);
    this.counters.corrupt++;
  }

  #start(request: AcceptedRequest): void {
    const generation = this.active;
    this.#inFlight++;
    generation.inFlight++;
    const run = new RequestRun(
      this.context,
      generation,
      request.id,
      request.policy,
      {
        succeeded: (finished, outputs) => request.succeed(finished, outputs),
        failed: (_, error) => request.end(error),
      },
      request.acceptedAt,
      request.deadlineAt,
    );
    request.run = run;
    request.startedAt ??= this.context.clock.now();
    this.#running.add(request);
    this.traces.add(run.trace);
    run.start(request.feeds);
  }

  requestEnded(request: AcceptedRequest, error: CoordinatorError | null): void {
    const { run, latencyMs } = request;
    this.context.liveRequests.delete(request.id);
    this.#accepted.delete(request);
    const status = error === null ? 'answered' : isCancellation(error) ? 'canceled' : 'failed';
    this.counters[status]++;
    if (run && error === null) {
      this.#latencyMs += SMOOTHING * (latencyMs - this.#latencyMs);
      if (run.recovered > 0) this.counters.recovered++;
      if (run.rescued > 0) this.counters.rescued++;
      this.counters.recoveredShards += run.recovered;
      this.counters.rescuedShards += run.rescued;
    }
    this.context.emit({
      kind: 'request-finished',
      deployment: this.name,
      outcome: {
        request: request.id,
        status,
        latencyMs,
        recovered: run?.recovered ?? 0,
        rescued: run?.rescued ?? 0,
        survivedFailure: run !== null && survivedFailure(run.trace),
        corrupt: run?.corrupt ?? false,
        error: error === null ? null : { code: error.code, message: error.message },
      },
    });
    if (run) this.#ended(request, run);
    else this.#queue.delete(request);
    this.#startQueued();
    if (this.#onIdle.length > 0 && this.#inFlight === 0 && this.#queue.size === 0) {
      const waiting = this.#onIdle;
      this.#onIdle = [];
      for (const resolve of waiting) resolve();
    }
  }

  #ended(request: AcceptedRequest, run: RequestRun): void {
    this.#running.delete(request);
    this.#inFlight--;
    run.generation.inFlight--;
    this.#disposeIfIdle(run.generation);
  }

  #disposeIfIdle(generation: Generation): void {
    if (generation.inFlight > 0 || !this.draining.delete(generation)) return;
    generation.placement.dispose();
  }

  #startQueued(): void {
    while (this.#queue.size > 0 && this.#inFlight < this.context.options.requestsInFlight) {
      const request = this.#queue.values().next().value!;
      this.#queue.delete(request);
      this.#startAgain(request);
    }
  }

  /** Starts a request that was accepted under a former plan, which may have had other inputs. */
  #startAgain(request: AcceptedRequest): void {
    try {
      checkFeeds(this.active.program, request.feeds, request.options.fetches);
    } catch (error) {
      request.end(error as InvalidFeedsError);
      return;
    }
    this.#start(request);
  }

  /** Estimates how long the queued requests will take. */
  #retryAfterMs(): number {
    const { requestsInFlight } = this.context.options;
    const estimate = (this.#queue.size / requestsInFlight) * this.#latencyMs;
    return Math.min(Math.max(estimate, RETRY_AFTER_MIN_MS), RETRY_AFTER_MAX_MS);
  }
}

/** Whether the caller, or the deletion of the deployment, ended the request. */
function isCancellation(error: CoordinatorError): boolean {
  return error instanceof CanceledError || error instanceof DeletedError;
}
