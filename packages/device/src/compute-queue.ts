import { type Engine, EngineError, type RunResult } from '@sparewheel/engine/contract';
import {
  type Answer,
  AnswerFrame,
  type ComputeRequest,
  canBatch,
  type FromDevice,
  joinRows,
  LIMITS,
  largestBatch,
  splitRows,
  type Tensor,
  type TensorShape,
  type ToDevice,
  UnencodableMessageError,
} from '@sparewheel/protocol';
import type { Clock } from '@sparewheel/runtime/clock';
import type { BufferPool } from './buffer-pool.ts';
import type { Faults } from './faults.ts';
import type { LoadedTask, TaskTable } from './task-table.ts';

/** Each kind of request has its own limit in the coordinator, so a device accepts the sum. */
const MOST_JOBS = LIMITS.inFlightPerDevice + LIMITS.mirroredPerDevice;

/** A request from its arrival until its answer is sent. */
interface Job {
  readonly request: ComputeRequest;
  readonly task: LoadedTask;
  readonly receivedAt: number;
  /** Cancels an answer that a delay fault holds back. */
  cancelAnswer: (() => void) | null;
}

/**
 * Sends a message to the data plane.
 * @param frame  holds the tensors of an answer; null if the message must be encoded
 * @param sent  called when the frame may be reused
 */
export type SendAnswer = (message: FromDevice, frame: AnswerFrame | null, sent: () => void) => void;

/** Reports computations that take long to the data plane, so that it knows that the device is alive. */
export type ReportComputing = (computations: { request: number; task: number }[]) => void;

const NOTHING = () => {};

/**
 * Computes requests one at a time, or those of one task that wait and allow it together, and sends an Answer or a Refusal for each. Refuses requests over
 * LIMITS.inFlightPerDevice.
 */
export class ComputeQueue {
  readonly #engine: Engine;
  readonly #tasks: TaskTable;
  readonly #faults: Faults;
  readonly #clock: Clock;
  readonly #pool: BufferPool;
  readonly #send: SendAnswer;
  readonly #report: ReportComputing;
  #reportScheduled = false;
  readonly #waiting: Job[] = [];
  readonly #jobs = new Set<Job>();
  #computing = false;
  /** Emulated slowness that was not waited for yet, because timers count whole milliseconds. */
  #pendingSlownessMs = 0;

  constructor(parts: {
    readonly engine: Engine;
    readonly tasks: TaskTable;
    readonly faults: Faults;
    readonly clock: Clock;
    readonly pool: BufferPool;
    readonly send: SendAnswer;
    readonly report: ReportComputing;
  }) {
    this.#engine = parts.engine;
    this.#tasks = parts.tasks;
    this.#faults = parts.faults;
    this.#clock = parts.clock;
    this.#pool = parts.pool;
    this.#send = parts.send;
    this.#report = parts.report;
  }

  get inFlight(): number {
    return this.#jobs.size;
  }

  receive(message: ToDevice): void {
    if (message.kind === 'cancel') this.#cancel(message.request, message.task);
    else this.#accept(message);
  }

  /** Cancels every request. Called when the data plane disconnects. */
  clear(): void {
    for (const job of this.#jobs) job.cancelAnswer?.();
    this.#jobs.clear();
    this.#waiting.length = 0;
  }

  #accept(request: ComputeRequest): void {
    const task = this.#tasks.get(request.task);
    if (task === undefined) {
      this.#refuse(request, 'unknown-task', `task ${request.task} is not loaded`);
    } else if (request.tensors.length !== task.definition.feeds.length) {
      this.#refuse(
        request,
        'invalid-feed',
        `received ${request.tensors.length} tensors for the feeds ${task.definition.feeds.join(', ')}`,
      );
    } else if (this.#jobs.size >= MOST_JOBS) {
      this.#refuse(request, 'overloaded', `${this.#jobs.size} requests are in flight, the maximum`);
    } else {
      const job: Job = { request, task, receivedAt: this.#clock.now(), cancelAnswer: null };
      this.#jobs.add(job);
      this.#scheduleReport();
      this.#waiting.push(job);
      void this.#drain();
    }
  }

  /** Reports long computations until no request is left. One timer serves all requests, so that short ones cost nothing. */
  #scheduleReport(): void {
    if (this.#reportScheduled) return;
    this.#reportScheduled = true;
    this.#clock.schedule(LIMITS.reportComputingMs, () => {
      this.#reportScheduled = false;
      if (this.#jobs.size === 0) return;
      const before = this.#clock.now() - LIMITS.reportComputingMs;
      const computations: { request: number; task: number }[] = [];
      for (const { request, receivedAt, cancelAnswer } of this.#jobs) {
        // An answer that a fault delays is finished.
        if (receivedAt > before || cancelAnswer !== null) continue;
        computations.push({ request: request.request, task: request.task });
      }
      if (computations.length > 0) this.#report(computations);
      this.#scheduleReport();
    });
  }

  /** Cancels a request. A running computation continues, but its answer is discarded. */
  #cancel(request: number, task: number): void {
    for (const job of this.#jobs) {
      if (job.request.request !== request || job.request.task !== task) continue;
      job.cancelAnswer?.();
      this.#jobs.delete(job);
      const position = this.#waiting.indexOf(job);
      if (position < 0) continue;
      this.#waiting.splice(position, 1);
      this.#recycle(job.request);
    }
  }

  async #drain(): Promise<void> {
    if (this.#computing) return;
    this.#computing = true;
    for (let job = this.#waiting.shift(); job !== undefined; job = this.#waiting.shift()) {
      const others = this.#takeBatch(job);
      if (others.length === 0) await this.#compute(job);
      else await this.#computeBatch([job, ...others]);
    }
    this.#computing = false;
  }

  /** Takes the waiting jobs that can be computed together with this one. */
  #takeBatch({ request, task }: Job): Job[] {
    const taken: Job[] = [];
    if (!request.batch || task.unbatchable || this.#waiting.length === 0) return taken;
    const most = largestBatch(request.tensors[0]!) - 1;
    for (let index = 0; index < this.#waiting.length && taken.length < most; ) {
      const job = this.#waiting[index]!;
      if (job.task === task && canBatch(request, job.request)) {
        taken.push(job);
        this.#waiting.splice(index, 1);
      } else index++;
    }
    return taken;
  }

  /** Computes jobs in one run, so that the weights are read once. Each answer reports the time of the whole run. */
  async #computeBatch(jobs: readonly Job[]): Promise<void> {
    const { task } = jobs[0]!;
    const { feeds, fetches } = task.definition;
    const joined = joinRows(jobs.map(({ request }) => request.tensors[0]!));
    let result: RunResult;
    let outputs: Tensor[][];
    try {
      result = await this.#engine.run(task.key, { [feeds[0]!]: joined }, fetches);
      outputs = fetches.map((name) => splitRows(result.fetches[name]!, jobs.length));
    } catch (error) {
      if (error instanceof EngineError && error.code === 'worker-crashed') throw error;
      task.unbatchable = true;
      for (const job of jobs) if (this.#jobs.has(job)) await this.#compute(job);
      return;
    }
    const computeMs = result.computeMs * this.#faults.slowFactor;
    await this.#emulateSlowness(computeMs - result.computeMs);
    for (const [index, job] of jobs.entries()) {
      this.#recycle(job.request);
      const tensors = outputs.map((parts) => parts[index]!);
      this.#faults.corrupt(tensors);
      this.#answer(job, answerOf(job, tensors, computeMs), null);
    }
  }

  async #compute(job: Job): Promise<void> {
    const { request, task } = job;
    const { feeds, fetches } = task.definition;
    const inputs: Record<string, Tensor> = {};
    for (let index = 0; index < feeds.length; index++) inputs[feeds[index]!] = request.tensors[index]!;
    const shapes = task.shapes.get(request.tensors);
    const frame = shapes === undefined ? null : this.#frameOf(shapes);
    let result: RunResult;
    try {
      result = await this.#engine.run(task.key, inputs, fetches, frame?.tensors);
    } catch (error) {
      const code = error instanceof EngineError ? error.code : 'run-failed';
      if (frame !== null && code === 'run-failed' && this.#jobs.has(job)) {
        // The outputs may have other shapes than those of the last request with these inputs.
        task.shapes.forget();
        return this.#compute(job);
      }
      if (this.#jobs.delete(job)) {
        this.#refuse(request, code, error instanceof Error ? error.message : String(error));
      }
      // Ends this process, which cannot work without its engine. The supervisor starts a new one.
      if (code === 'worker-crashed') throw error;
      return;
    }
    this.#recycle(request);
    const tensors = fetches.map((name) => result.fetches[name]!);
    const inFrame = frame !== null && tensors.every(({ data }) => data.buffer === frame.buffer);
    if (frame !== null && !inFrame) this.#pool.give(frame.buffer);
    if (shapes === undefined) task.shapes.learn(request.tensors, tensors);
    const computeMs = result.computeMs * this.#faults.slowFactor;
    if (computeMs > result.computeMs || this.#pendingSlownessMs > 0) {
      await this.#emulateSlowness(computeMs - result.computeMs);
    }
    this.#faults.corrupt(tensors);
    this.#answer(job, answerOf(job, tensors, computeMs), inFrame ? frame : null);
  }

  /** Returns null if the answer exceeds a limit: then it is refused when it is encoded. */
  #frameOf(shapes: readonly TensorShape[]): AnswerFrame | null {
    try {
      return new AnswerFrame(shapes, (bytes) => this.#pool.take(bytes));
    } catch (error) {
      if (error instanceof UnencodableMessageError) return null;
      throw error;
    }
  }

  /** Reuses the buffer that a request arrived in. Its tensors are views of it. */
  #recycle({ tensors }: ComputeRequest): void {
    if (tensors.length > 0) this.#pool.give(tensors[0]!.data.buffer);
  }

  #answer(job: Job, answer: FromDevice, frame: AnswerFrame | null): void {
    const sent = frame === null ? NOTHING : () => this.#pool.give(frame.buffer);
    const send = () => {
      // A canceled job is not in the set anymore.
      if (!this.#jobs.delete(job) || this.#faults.drops()) return sent();
      try {
        this.#send(answer, frame, sent);
      } catch (error) {
        if (!(error instanceof UnencodableMessageError)) throw error;
        this.#refuse(job.request, 'unencodable', error.message);
      }
    };
    const delayMs = this.#faults.answerDelayMs();
    if (delayMs > 0) job.cancelAnswer = this.#clock.schedule(delayMs, send);
    else send();
  }

  #refuse(request: ComputeRequest, code: string, message: string): void {
    this.#send(
      { kind: 'refusal', request: request.request, task: request.task, code, message },
      null,
      NOTHING,
    );
  }

  /** Waits for the extra time that a slower device would compute. Accumulates times below one millisecond. */
  async #emulateSlowness(ms: number): Promise<void> {
    this.#pendingSlownessMs = ms <= 0 ? 0 : this.#pendingSlownessMs + ms;
    if (this.#pendingSlownessMs < 1) return;
    const startedAt = this.#clock.now();
    await new Promise<void>((resolve) => this.#clock.schedule(this.#pendingSlownessMs, resolve));
    this.#pendingSlownessMs -= this.#clock.now() - startedAt;
  }
}

function answerOf(
  { request: { request, task } }: Job,
  tensors: readonly Tensor[],
  computeMs: number,
): Answer {
  return { kind: 'answer', request, task, computeMicros: computeMs * 1_000, tensors };
}
