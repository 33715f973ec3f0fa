import type { Tensor } from '@sparewheel/protocol';
import { CancelledError, type CoordinatorError, DeadlineError } from '../errors.ts';
import type { Policy } from '../policy.ts';
import type { Clock } from '../ports.ts';
import type { RequestRun } from './request.ts';
import type { RequestTrace } from './trace.ts';

export interface InferOptions {
  /** From now to an explicit error; the policy's where it is not given. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  /** The outputs to give back; all where it is not given. */
  readonly fetches?: readonly string[];
  /** Whether the answer carries its waterfall. */
  readonly trace?: boolean;
}

export interface Inference {
  readonly fetches: Record<string, Tensor>;
  /** Data shards decoded from parity. */
  readonly recovered: number;
  /** Shards computed by the data plane. */
  readonly rescued: number;
  readonly latencyMs: number;
  readonly request: number;
  readonly trace?: RequestTrace;
}

/** Timers of every host take this much (2³¹ − 1 ms, 24 days); above it they fire at once. */
const LONGEST_DEADLINE_MS = 0x7fff_ffff;

/** Told once, when an accepted request is over. */
export interface AcceptedRequestObserver {
  requestEnded(request: AcceptedRequest, error: CoordinatorError | null): void;
}

/**
 * One accepted request, waiting for a place or running: it is settled exactly once, by its answer, an error, its
 * deadline or its caller, whichever comes first.
 */
export class AcceptedRequest {
  readonly acceptedAt: number;
  readonly deadlineAt: number;
  readonly promise: Promise<Inference>;
  /** null while it waits for a place. */
  run: RequestRun | null = null;
  #resolve!: (inference: Inference) => void;
  #reject!: (error: CoordinatorError) => void;
  #settled = false;
  readonly #cancelDeadline: () => void;
  readonly #signal: AbortSignal | undefined;

  constructor(
    readonly id: number,
    readonly feeds: Readonly<Record<string, Tensor>>,
    readonly options: InferOptions,
    /** The deployment's when the request was accepted: one that changes while it waits for a place is not its own. */
    readonly policy: Policy,
    readonly clock: Clock,
    readonly observer: AcceptedRequestObserver,
  ) {
    this.acceptedAt = clock.now();
    const deadlineMs = options.deadlineMs ?? policy.deadlineMs;
    this.deadlineAt = this.acceptedAt + deadlineMs;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#cancelDeadline = clock.schedule(Math.min(deadlineMs, LONGEST_DEADLINE_MS), () => {
      this.end(new DeadlineError(id, deadlineMs, this.run?.pendingSteps ?? []));
    });
    this.#signal = options.signal;
    this.#signal?.addEventListener('abort', this.#aborted);
  }

  get latencyMs(): number {
    return this.clock.now() - this.acceptedAt;
  }

  /** The request's run came to its outputs. */
  succeed(run: RequestRun, outputs: readonly Tensor[]): void {
    if (this.#settled) return;
    const wanted = this.options.fetches;
    const fetches: Record<string, Tensor> = {};
    for (const [index, { spec }] of run.generation.program.outputs.entries()) {
      if (wanted === undefined || wanted.includes(spec.name)) fetches[spec.name] = outputs[index]!;
    }
    const inference = {
      fetches,
      recovered: run.recovered,
      rescued: run.rescued,
      latencyMs: this.latencyMs,
      request: this.id,
    };
    this.#settle();
    this.#resolve(this.options.trace ? { ...inference, trace: run.trace } : inference);
    this.observer.requestEnded(this, null);
  }

  /** Ends it without an answer; a run that is under way is given up. */
  end(error: CoordinatorError): void {
    if (this.#settled) return;
    this.#settle();
    this.run?.fail(error);
    this.#reject(error);
    this.observer.requestEnded(this, error);
  }

  readonly #aborted = (): void => this.end(new CancelledError(this.id));

  #settle(): void {
    this.#settled = true;
    this.#cancelDeadline();
    this.#signal?.removeEventListener('abort', this.#aborted);
  }
}
