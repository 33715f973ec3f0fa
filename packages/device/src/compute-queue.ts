import { type Engine, EngineError } from '@sparewheel/engine/contract';
import {
  type ComputeRequest,
  type FromDevice,
  LIMITS,
  type Tensor,
  type ToDevice,
  UnencodableMessageError,
} from '@sparewheel/protocol';
import type { Clock } from '@sparewheel/runtime/clock';
import type { Faults } from './faults.ts';
import type { LoadedTask, TaskTable } from './task-table.ts';

/** From arrival to the answer's departure. */
interface Job {
  readonly request: ComputeRequest;
  readonly task: LoadedTask;
  /** An answer that a delay fault holds back. */
  takeBack: (() => void) | null;
}

/**
 * Computes requests one after the other and answers each with an Answer or a Refusal. Bounded: a request over
 * LIMITS.inFlightPerDevice is refused, so that a flood costs the sender and not this device.
 */
export class ComputeQueue {
  readonly #engine: Engine;
  readonly #tasks: TaskTable;
  readonly #faults: Faults;
  readonly #clock: Clock;
  readonly #send: (message: FromDevice) => void;
  readonly #waiting: Job[] = [];
  readonly #jobs = new Set<Job>();
  #computing = false;
  /** Emulated slowness that is still owed, below a timer's resolution. */
  #owedMs = 0;

  constructor(parts: {
    readonly engine: Engine;
    readonly tasks: TaskTable;
    readonly faults: Faults;
    readonly clock: Clock;
    readonly send: (message: FromDevice) => void;
  }) {
    this.#engine = parts.engine;
    this.#tasks = parts.tasks;
    this.#faults = parts.faults;
    this.#clock = parts.clock;
    this.#send = parts.send;
  }

  get inFlight(): number {
    return this.#jobs.size;
  }

  receive(message: ToDevice): void {
    if (message.kind === 'cancel') this.#cancel(message.request, message.task);
    else this.#accept(message);
  }

  /** The asker is gone: nothing that was asked is answered any more. */
  clear(): void {
    for (const job of this.#jobs) job.takeBack?.();
    this.#jobs.clear();
    this.#waiting.length = 0;
  }

  #accept(request: ComputeRequest): void {
    const task = this.#tasks.get(request.task);
    if (task === undefined) {
      this.#refuse(request, 'unknown-task', `no task ${request.task} is loaded here`);
    } else if (request.tensors.length !== task.definition.feeds.length) {
      this.#refuse(
        request,
        'invalid-feed',
        `${request.tensors.length} tensors for the feeds ${task.definition.feeds.join(', ')}`,
      );
    } else if (this.#jobs.size >= LIMITS.inFlightPerDevice) {
      this.#refuse(request, 'overloaded', `${this.#jobs.size} requests are in flight here already`);
    } else {
      const job: Job = { request, task, takeBack: null };
      this.#jobs.add(job);
      this.#waiting.push(job);
      void this.#drain();
    }
  }

  /** Takes back what is not computed yet or not sent yet; a computation that runs goes on unheard. */
  #cancel(request: number, task: number): void {
    for (const job of this.#jobs) {
      if (job.request.request !== request || job.request.task !== task) continue;
      job.takeBack?.();
      this.#jobs.delete(job);
      const position = this.#waiting.indexOf(job);
      if (position >= 0) this.#waiting.splice(position, 1);
    }
  }

  async #drain(): Promise<void> {
    if (this.#computing) return;
    this.#computing = true;
    for (let job = this.#waiting.shift(); job !== undefined; job = this.#waiting.shift()) {
      await this.#compute(job);
    }
    this.#computing = false;
  }

  async #compute(job: Job): Promise<void> {
    const { request, task } = job;
    const { feeds, fetches } = task.definition;
    const inputs: Record<string, Tensor> = {};
    for (const [index, name] of feeds.entries()) inputs[name] = request.tensors[index]!;
    try {
      const result = await this.#engine.run(task.key, inputs, fetches);
      const computeMs = result.computeMs * this.#faults.slowFactor;
      await this.#dawdle(computeMs - result.computeMs);
      const tensors = fetches.map((name) => result.fetches[name]!);
      this.#faults.corrupt(tensors);
      this.#answer(job, {
        kind: 'answer',
        request: request.request,
        task: request.task,
        computeMicros: computeMs * 1_000,
        tensors,
      });
    } catch (error) {
      const code = error instanceof EngineError ? error.code : 'run-failed';
      if (this.#jobs.delete(job)) {
        this.#refuse(request, code, error instanceof Error ? error.message : String(error));
      }
      // Without its engine this process is of no use; the supervisor starts another.
      if (code === 'worker-crashed') throw error;
    }
  }

  #answer(job: Job, answer: FromDevice): void {
    const depart = () => {
      // Gone where it was cancelled or cleared in the meantime.
      if (!this.#jobs.delete(job) || this.#faults.drops()) return;
      try {
        this.#send(answer);
      } catch (error) {
        if (!(error instanceof UnencodableMessageError)) throw error;
        this.#refuse(job.request, 'unencodable', error.message);
      }
    };
    const delayMs = this.#faults.answerDelayMs();
    if (delayMs > 0) job.takeBack = this.#clock.schedule(delayMs, depart);
    else depart();
  }

  #refuse(request: ComputeRequest, code: string, message: string): void {
    this.#send({ kind: 'refusal', request: request.request, task: request.task, code, message });
  }

  /** Keeps the device busy for the time that a slower one would still compute. Timers know whole milliseconds only. */
  async #dawdle(ms: number): Promise<void> {
    this.#owedMs = ms <= 0 ? 0 : this.#owedMs + ms;
    if (this.#owedMs < 1) return;
    const startedAt = this.#clock.now();
    await new Promise<void>((resolve) => this.#clock.schedule(this.#owedMs, resolve));
    this.#owedMs -= this.#clock.now() - startedAt;
  }
}
