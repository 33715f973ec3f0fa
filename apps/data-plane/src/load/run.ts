import { Agent, request as httpRequest } from 'node:http';
import type { LoadRequest, Percentiles } from '@sparewheel/protocol';
import { HEADER_LENGTH_HEADER } from '../inference/types.ts';
import { LatencyHistogram } from '../latency/histogram.ts';
import type { RequestBody } from './bodies.ts';

export interface LoadTarget {
  readonly host: string;
  readonly port: number;
  /** `/v2/models/{name}/infer`. */
  readonly path: string;
  readonly token: string;
  readonly bodies: readonly RequestBody[];
}

export interface LoadStatus {
  readonly running: boolean;
  readonly sent: number;
  readonly answered: number;
  readonly failed: number;
  /** Not answered, not failed and not in flight: the connection broke or the request timed out. */
  readonly lost: number;
  readonly inFlight: number;
  readonly percentiles: Percentiles;
}

/**
 * Limit of concurrent connections for an overloaded open loop. Later requests wait, and their latency
 * includes the wait.
 */
const MAX_IN_FLIGHT = 512;
/** Timeout of a request, longer than any deadline of the data plane. */
const REQUEST_TIMEOUT_MS = 15 * 60_000;
/** Backoff of a closed-loop client after a failure. */
const FAILURE_BACKOFF_MS = 50;

/**
 * Sends inference requests over kept-alive HTTP connections and measures them.
 *
 * Closed loop: `concurrency` clients with one request each. Open loop: Poisson arrivals at a fixed rate. The
 * latency of an open loop counts from the intended start of a request, so a stall shows in every request that
 * it delays (no coordinated omission).
 */
export class LoadRun {
  readonly finished: Promise<void>;
  readonly #target: LoadTarget;
  readonly #load: LoadRequest;
  readonly #random: () => number;
  readonly #agent = new Agent({
    keepAlive: true,
    maxSockets: MAX_IN_FLIGHT,
    maxFreeSockets: MAX_IN_FLIGHT,
  });
  readonly #histogram = new LatencyHistogram();
  readonly #startedAt = performance.now();
  readonly #endsAt: number;
  readonly #ratePerSecond: number;
  #settle!: () => void;
  #stopped = false;
  #running = true;
  #sent = 0;
  #answered = 0;
  #failed = 0;
  #inFlight = 0;
  /** Open loop: the intended start of the next request. */
  #nextArrival = this.#startedAt;
  #timer: NodeJS.Timeout | null = null;

  /**
   * Starts the run.
   * @param random  uniform in [0, 1), for the arrival times
   */
  constructor(target: LoadTarget, load: LoadRequest, random: () => number) {
    this.#target = target;
    this.#load = load;
    this.#random = random;
    this.#endsAt = this.#startedAt + (load.seconds ?? Number.POSITIVE_INFINITY) * 1000;
    this.finished = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#ratePerSecond = load.mode === 'open' ? load.ratePerSecond : 0;
    if (load.mode === 'closed') {
      for (let client = 0; client < load.concurrency; client++) this.#nextOfClient();
    } else {
      this.#nextArrival += this.#gapMs();
      this.#waitForArrival();
    }
  }

  /** Stops sending. Resolves when every request in flight has ended. */
  stop(): Promise<void> {
    this.#stopped = true;
    this.#endIfDone();
    return this.finished;
  }

  status(): LoadStatus {
    return {
      running: this.#running,
      sent: this.#sent,
      answered: this.#answered,
      failed: this.#failed,
      lost: this.#sent - this.#answered - this.#failed - this.#inFlight,
      inFlight: this.#inFlight,
      percentiles: this.#histogram.percentiles(),
    };
  }

  get #exhausted(): boolean {
    // A late open loop still sends every request with an intended start before the end, so that delays count.
    const behind = this.#load.mode === 'open' && this.#nextArrival < this.#endsAt;
    return (
      this.#stopped ||
      this.#sent >= (this.#load.requests ?? Number.POSITIVE_INFINITY) ||
      (performance.now() >= this.#endsAt && !behind)
    );
  }

  #nextOfClient(): void {
    if (this.#exhausted) {
      this.#endIfDone();
      return;
    }
    this.#send(performance.now(), (answered) => {
      if (answered || this.#exhausted) this.#nextOfClient();
      else setTimeout(() => this.#nextOfClient(), FAILURE_BACKOFF_MS);
    });
  }

  /** Exponential gaps give a Poisson process. 1 − u keeps the logarithm finite. */
  #gapMs(): number {
    return (-Math.log(1 - this.#random()) * 1000) / this.#ratePerSecond;
  }

  #waitForArrival(): void {
    const delay = Math.max(0, Math.min(this.#nextArrival, this.#endsAt) - performance.now());
    this.#timer = setTimeout(() => this.#arrive(), delay);
  }

  #arrive(): void {
    this.#timer = null;
    while (this.#nextArrival <= performance.now()) {
      if (this.#exhausted) {
        this.#endIfDone();
        return;
      }
      // Continues when a request ends. The arrival keeps its intended time.
      if (this.#inFlight >= MAX_IN_FLIGHT) return;
      const intended = this.#nextArrival;
      this.#send(intended, () => {
        if (this.#exhausted) this.#endIfDone();
        else if (this.#timer === null) this.#arrive();
      });
      this.#nextArrival += this.#gapMs();
    }
    if (this.#exhausted) this.#endIfDone();
    else this.#waitForArrival();
  }

  #send(startedAt: number, done: (answered: boolean) => void): void {
    const { host, port, path, token, bodies } = this.#target;
    const { bytes, headerLength } = bodies[this.#sent % bodies.length]!;
    this.#sent++;
    this.#inFlight++;
    let over = false;
    const end = (status: number | null): void => {
      if (over) return;
      over = true;
      this.#inFlight--;
      if (status === 200) {
        this.#answered++;
        this.#histogram.record(performance.now() - startedAt);
      } else if (status !== null) {
        this.#failed++;
      }
      done(status === 200);
    };
    const outgoing = httpRequest(
      {
        host,
        port,
        path,
        method: 'POST',
        agent: this.#agent,
        timeout: REQUEST_TIMEOUT_MS,
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/octet-stream',
          'content-length': bytes.byteLength,
          [HEADER_LENGTH_HEADER]: headerLength,
        },
      },
      (response) => {
        response.resume();
        response.once('end', () => end(response.statusCode ?? null));
        response.once('close', () => end(null));
      },
    );
    outgoing.once('timeout', () => outgoing.destroy());
    outgoing.once('error', () => end(null));
    outgoing.end(bytes);
  }

  #endIfDone(): void {
    if (!this.#running || this.#inFlight > 0 || !this.#exhausted) return;
    this.#running = false;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#agent.destroy();
    this.#settle();
  }
}
