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
  /** Neither answered nor failed nor in flight: the connection broke or nothing came. */
  readonly lost: number;
  readonly inFlight: number;
  readonly percentiles: Percentiles;
}

/** An open loop that the server cannot follow stops opening connections here; what waits longer is measured so. */
const MOST_IN_FLIGHT = 512;
/** Far beyond any deadline of the data plane: whatever has not come by then is lost. */
const GIVE_UP_MS = 15 * 60_000;
/** A closed loop does not hammer a server that refuses. */
const PAUSE_AFTER_FAILURE_MS = 50;

/**
 * Sends inference requests over real, kept-alive HTTP connections and times them.
 *
 * Closed loop: `concurrency` clients, each with one request at a time. Open loop: Poisson arrivals at a rate, whatever
 * the server does; latency counts from the moment at which a request was meant to start, so that a stall shows in
 * every request that it held up (no coordinated omission).
 */
export class LoadRun {
  readonly finished: Promise<void>;
  readonly #target: LoadTarget;
  readonly #load: LoadRequest;
  readonly #random: () => number;
  readonly #agent = new Agent({
    keepAlive: true,
    maxSockets: MOST_IN_FLIGHT,
    maxFreeSockets: MOST_IN_FLIGHT,
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
  /** Open loop: when the next request is meant to start. */
  #nextArrival = this.#startedAt;
  #timer: NodeJS.Timeout | null = null;

  /** Starts at once. @param random  uniform in [0, 1), for the arrivals */
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

  /** Sends nothing more; resolves when what is in flight has come back. */
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
    // An open loop that lags behind still sends what was meant to start before its end: what a stall held up counts.
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
      else setTimeout(() => this.#nextOfClient(), PAUSE_AFTER_FAILURE_MS);
    });
  }

  /** Exponential gaps make a Poisson process; 1 − u keeps the logarithm finite. */
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
      // Goes on when an answer frees a place; the arrival keeps its intended time.
      if (this.#inFlight >= MOST_IN_FLIGHT) return;
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
        timeout: GIVE_UP_MS,
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
