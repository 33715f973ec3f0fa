import type { Tensor } from '@sparewheel/protocol';
import type { Runtime } from '../context.ts';
import { CancelledError, type CoordinatorError, type InvalidFeedsError, OverloadedError } from '../errors.ts';
import type { DeploymentState } from '../events.ts';
import type { Policy } from '../policy.ts';
import { checkFeeds } from '../steps/validate.ts';
import {
  AcceptedRequest,
  type AcceptedRequestObserver,
  type Inference,
  type InferOptions,
} from './accepted-request.ts';
import type { Generation } from './generation.ts';
import { RequestRun } from './request.ts';
import { TraceRing } from './trace.ts';

export interface DeploymentCounters {
  /** Accepted; each ends as answered, failed or cancelled, or is in flight or queued. */
  requests: number;
  answered: number;
  failed: number;
  cancelled: number;
  /** Turned away because every place was taken; never accepted. */
  refused: number;
  /** Requests in which at least one shard was decoded from parity, and the number of such shards. */
  recovered: number;
  recoveredShards: number;
  /** Requests in which the data plane computed at least one shard, and the number of such shards. */
  rescued: number;
  rescuedShards: number;
  /** Requests that were answered wrongly, as was noticed afterwards. */
  corrupt: number;
}

const SMOOTHING = 1 / 8;
const RETRY_AFTER_MIN_MS = 50;
const RETRY_AFTER_MAX_MS = 5_000;
/** Requests whose wrong answer is remembered, so that two wrong layers count as one wrong request. */
const REMEMBERED_WRONG = 1024;

/** A plan that serves under a name: its generations, its policy, the requests that it has accepted. */
export class Deployment implements AcceptedRequestObserver {
  readonly counters: DeploymentCounters = {
    requests: 0,
    answered: 0,
    failed: 0,
    cancelled: 0,
    refused: 0,
    recovered: 0,
    recoveredShards: 0,
    rescued: 0,
    rescuedShards: 0,
    corrupt: 0,
  };
  readonly traces: TraceRing;
  /** Serves new requests. */
  active: Generation;
  /** Is being distributed and will take over when it is ready. */
  next: Generation | null = null;
  /** Finish what they have. */
  readonly draining = new Set<Generation>();
  /** It has been able to answer once, and from then on always answers, by rescue if need be. */
  everReady = false;
  state: DeploymentState = 'distributing';
  reason: string | null = null;
  readonly #queue = new Set<AcceptedRequest>();
  readonly #wrong = new Set<number>();
  #inFlight = 0;
  #latencyMs = RETRY_AFTER_MIN_MS;
  #onIdle: (() => void)[] = [];

  constructor(
    readonly runtime: Runtime,
    readonly name: string,
    generation: Generation,
    public policy: Policy,
  ) {
    this.active = generation;
    this.traces = new TraceRing(runtime.options.tracesKept);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get queued(): number {
    return this.#queue.size;
  }

  /** All generations that still have a request or may get one. */
  get generations(): Generation[] {
    return [this.active, ...(this.next ? [this.next] : []), ...this.draining];
  }

  /**
   * @throws {InvalidFeedsError} the feeds do not fit the model
   * @throws {OverloadedError} every place and the queue are taken
   */
  accept(id: number, feeds: Readonly<Record<string, Tensor>>, options: InferOptions): Promise<Inference> {
    checkFeeds(this.active.program, feeds, options.fetches);
    if (options.signal?.aborted) throw new CancelledError(id);
    const { requestsInFlight, requestsQueued } = this.runtime.options;
    const place = this.#inFlight < requestsInFlight;
    if (!place && this.#queue.size >= requestsQueued) {
      this.counters.refused++;
      throw new OverloadedError(this.name, this.#inFlight, this.#queue.size, this.#retryAfterMs());
    }
    this.counters.requests++;
    this.runtime.liveRequests.add(id);
    const request = new AcceptedRequest(id, feeds, options, this.policy, this.runtime.clock, this);
    if (place) this.#start(request);
    else this.#queue.add(request);
    return request.promise;
  }

  /** Starts a rolling change; one that was under way is given up. */
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

  /** Makes a generation the one that serves; the old one finishes what it has. */
  switchTo(generation: Generation): void {
    const old = this.active;
    this.active = generation;
    if (this.next === generation) this.next = null;
    this.draining.add(old);
    this.#letGoIfIdle(old);
  }

  /** Resolves when nothing is in flight or queued. */
  idle(): Promise<void> {
    if (this.#inFlight === 0 && this.#queue.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  /** Notes that a request got a wrong answer. */
  answeredWrong(request: number): void {
    if (this.#wrong.has(request)) return;
    this.#wrong.add(request);
    if (this.#wrong.size > REMEMBERED_WRONG) this.#wrong.delete(this.#wrong.values().next().value!);
    this.counters.corrupt++;
  }

  #start(request: AcceptedRequest): void {
    const generation = this.active;
    this.#inFlight++;
    generation.inFlight++;
    const run = new RequestRun(
      this.runtime,
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
    this.traces.add(run.trace);
    run.start(request.feeds);
  }

  requestEnded(request: AcceptedRequest, error: CoordinatorError | null): void {
    const { run, latencyMs } = request;
    this.runtime.liveRequests.delete(request.id);
    const status = error === null ? 'answered' : error instanceof CancelledError ? 'cancelled' : 'failed';
    this.counters[status]++;
    if (run && error === null) {
      this.#latencyMs += SMOOTHING * (latencyMs - this.#latencyMs);
      if (run.recovered > 0) this.counters.recovered++;
      if (run.rescued > 0) this.counters.rescued++;
      this.counters.recoveredShards += run.recovered;
      this.counters.rescuedShards += run.rescued;
    }
    this.runtime.emit({
      kind: 'request-finished',
      deployment: this.name,
      outcome: {
        request: request.id,
        status,
        latencyMs,
        recovered: run?.recovered ?? 0,
        rescued: run?.rescued ?? 0,
        corrupt: run?.corrupt ?? false,
        error: error === null ? null : { code: error.code, message: error.message },
      },
    });
    if (run) {
      this.#inFlight--;
      run.generation.inFlight--;
      this.#letGoIfIdle(run.generation);
    } else {
      this.#queue.delete(request);
    }
    this.#fillPlaces();
    if (this.#onIdle.length > 0 && this.#inFlight === 0 && this.#queue.size === 0) {
      const waiting = this.#onIdle;
      this.#onIdle = [];
      for (const resolve of waiting) resolve();
    }
  }

  #letGoIfIdle(generation: Generation): void {
    if (generation.inFlight > 0 || !this.draining.delete(generation)) return;
    generation.placement.dispose();
  }

  #fillPlaces(): void {
    while (this.#queue.size > 0 && this.#inFlight < this.runtime.options.requestsInFlight) {
      const request = this.#queue.values().next().value!;
      this.#queue.delete(request);
      try {
        // The plan may have been changed for one with other inputs since it was accepted.
        checkFeeds(this.active.program, request.feeds, request.options.fetches);
      } catch (error) {
        request.end(error as InvalidFeedsError);
        continue;
      }
      this.#start(request);
    }
  }

  /** About as long as the requests before it will take. */
  #retryAfterMs(): number {
    const { requestsInFlight } = this.runtime.options;
    const estimate = (this.#queue.size / requestsInFlight) * this.#latencyMs;
    return Math.min(Math.max(estimate, RETRY_AFTER_MIN_MS), RETRY_AFTER_MAX_MS);
  }
}
