import type { Tensor } from '@sparewheel/protocol';
import { CanceledError, type CoordinatorError, DeadlineError } from '../errors.ts';
import type { Policy } from '../policy.ts';
import type { Clock } from '../ports.ts';
import type { RequestRun } from './request.ts';
import type { RequestTrace } from './trace.ts';

export interface InferOptions {
  /** From acceptance until the request fails with an explicit error. Default: the policy's. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
  /** Names of the outputs to return. Default: all. */
  readonly fetches?: readonly string[];
  /** Whether the result includes the request's trace. */
  readonly trace?: boolean;
  /**
   * A mirror gets no copy while this many of its requests have not ended. For callers that wait for answers before they
   * ask again: the mirror's callers would wait, too. Default: mirrors get every request.
   */
  readonly mirrorInFlight?: number | undefined;
}

export interface Inference {
  readonly fetches: Record<string, Tensor>;
  /** Data shards decoded from parity. */
  readonly recovered: number;
  /** Shards computed by the data plane. */
  readonly rescued: number;
  readonly latencyMs: number;
  /** The part of the latency before the first step. */
  readonly queuedMs: number;
  readonly request: number;
  readonly trace?: RequestTrace;
}

/** The longest delay that timers accept: 2³¹ − 1 ms (24 days). A longer timer fires at once. */
const LONGEST_DEADLINE_MS = 0x7fff_ffff;

export interface AcceptedRequestObserver {
  /** Called once, when an accepted request has ended. @param error  null if it was answered */
  requestEnded(request: AcceptedRequest, error: CoordinatorError | null): void;
}

/**
 * One accepted request, queued or running. It settles exactly once: by its answer, an error, its deadline or a
 * cancellation by its caller, whichever is first.
 */
export class AcceptedRequest {
  readonly acceptedAt: number;
  readonly deadlineAt: number;
  readonly promise: Promise<Inference>;
  /** null while the request is queued. */
  run: RequestRun | null = null;
  /** When the request left the queue. */
  startedAt: number | null = null;
  #resolve!: (inference: Inference) => void;
  #reject!: (error: CoordinatorError) => void;
  #settled = false;
  readonly #cancelDeadline: () => void;
  readonly #signal: AbortSignal | undefined;

  constructor(
    readonly id: number,
    readonly feeds: Readonly<Record<string, Tensor>>,
    readonly options: InferOptions,
    /** The deployment's policy at acceptance. A policy change while the request is queued does not apply to it. */
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

  /** Resolves the request with the outputs of its run. */
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
      queuedMs: (this.startedAt ?? this.acceptedAt) - this.acceptedAt,
      request: this.id,
    };
    this.#settle();
    this.#resolve(this.options.trace ? { ...inference, trace: run.trace } : inference);
    this.observer.requestEnded(this, null);
  }

  /** Rejects the request and abandons its run. */
  end(error: CoordinatorError): void {
    if (this.#settled) return;
    this.#settle();
    this.run?.fail(error);
    this.#reject(error);
    this.observer.requestEnded(this, error);
  }

  readonly #aborted = (): void => this.end(new CanceledError(this.id));

  #settle(): void {
    this.#settled = true;
    this.#cancelDeadline();
    this.#signal?.removeEventListener('abort', this.#aborted);
  }
}
