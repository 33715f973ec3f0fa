import type { Tensor } from '@sparewheel/protocol';
import type { CoordinatorContext, StepHost } from '../context.ts';
import { type CoordinatorError, LocalComputeError } from '../errors.ts';
import type { Policy } from '../policy.ts';
import { CodedStep } from '../steps/coded-step.ts';
import { mergeParts } from '../steps/parts.ts';
import { ReplicatedStep } from '../steps/replicated-step.ts';
import type { Generation } from './generation.ts';
import type { LocalProgramStep, ProgramStep } from './program.ts';
import type { RequestTrace, StepTrace } from './trace.ts';

/** Notified exactly once, by one of its methods. */
export interface RequestObserver {
  succeeded(run: RequestRun, outputs: readonly Tensor[]): void;
  failed(run: RequestRun, error: CoordinatorError): void;
}

/**
 * Runs one request through a plan. Starts every step whose feeds are available, in plan order, so that branches run
 * in parallel. Releases a tensor when its last reader has started.
 */
export class RequestRun implements StepHost {
  readonly trace: RequestTrace;
  readonly sampled: boolean;
  recovered = 0;
  rescued = 0;
  corrupt = false;
  #ended = false;
  readonly #values: (Tensor | undefined)[];
  readonly #uses: Int32Array;
  readonly #awaited: Int32Array;
  readonly #outputs: (Tensor | undefined)[];
  #outputsLeft: number;
  /** Coded steps with pending answers, whether needed or not. */
  #unsettled = 0;
  #succeeded = false;
  /** Steps in progress by index, to be abandoned when the request ends. A local step is null. */
  readonly #active = new Map<number, CodedStep | ReplicatedStep | null>();

  constructor(
    readonly context: CoordinatorContext,
    readonly generation: Generation,
    readonly id: number,
    readonly policy: Policy,
    readonly observer: RequestObserver,
    startedAt: number,
    readonly deadlineAt: number,
  ) {
    const { program } = generation;
    // Decided before any answer comes, so that the sample is not biased.
    this.sampled = id % context.options.sampleEvery === 0 && !generation.sampling;
    if (this.sampled) generation.sampling = true;
    this.trace = {
      request: id,
      startedAt,
      finishedAt: null,
      ...(this.sampled ? { sampled: true } : {}),
      steps: [],
    };
    this.#values = new Array<Tensor | undefined>(program.slots).fill(undefined);
    this.#uses = program.uses.slice();
    this.#awaited = program.awaited.slice();
    this.#outputs = new Array<Tensor | undefined>(program.outputs.length).fill(undefined);
    this.#outputsLeft = program.outputs.length;
  }

  /** Ids of the steps in progress. */
  get pendingSteps(): readonly string[] {
    return [...this.#active.keys()].map((index) => this.generation.program.steps[index]!.id);
  }

  /** @param feeds  must have passed `checkFeeds` */
  start(feeds: Readonly<Record<string, Tensor>>): void {
    const { inputs, steps } = this.generation.program;
    for (const { spec, slot } of inputs) this.#put(slot, feeds[spec.name]!);
    if (this.#outputsLeft === 0) {
      this.#succeed();
      return;
    }
    for (const step of steps) {
      if (step.awaitedFeeds === 0 && !this.#ended) this.#startStep(step);
    }
  }

  stepFinished(index: number, outputs: readonly Tensor[]): void {
    if (this.#ended) return;
    this.#active.delete(index);
    const { steps, readers } = this.generation.program;
    const { fetchSlots } = steps[index]!;
    for (let i = 0; i < fetchSlots.length; i++) this.#put(fetchSlots[i]!, outputs[i]!);
    if (this.#outputsLeft === 0) {
      this.#succeed();
      return;
    }
    for (let i = 0; i < fetchSlots.length; i++) {
      for (const reader of readers[fetchSlots[i]!]!) {
        if (--this.#awaited[reader]! === 0 && !this.#ended) this.#startStep(steps[reader]!);
      }
    }
  }

  /** Returns an equal share, per remaining distributed step, of half the time left until the deadline. */
  waitBudgetMs(index: number): number {
    let steps = 0;
    for (const step of this.generation.program.steps) {
      if (step.index >= index && step.kind !== 'local') steps++;
    }
    return (this.deadlineAt - this.context.clock.now()) / (2 * steps);
  }

  fail(error: CoordinatorError): void {
    if (this.#ended) return;
    this.abandon();
    this.observer.failed(this, error);
  }

  /** Ends the run without a result. Does not notify the observer. */
  abandon(): void {
    if (this.#ended) return;
    this.#end();
    if (this.sampled) this.generation.sampling = false;
  }

  #succeed(): void {
    const outputs = this.#outputs as Tensor[];
    this.#end();
    this.observer.succeeded(this, outputs);
    this.#succeeded = true;
    this.#emitIfSettled();
  }

  stepSettled(): void {
    this.#unsettled--;
    this.#emitIfSettled();
  }

  #emitIfSettled(): void {
    if (!this.#succeeded || this.#unsettled > 0) return;
    if (this.sampled) this.generation.sampling = false;
    const { deployment, program } = this.generation;
    const settled = { trace: this.trace, program };
    this.context.emit({ kind: 'request-settled', deployment, settled });
  }

  #end(): void {
    this.#ended = true;
    this.trace.finishedAt = this.context.clock.now();
    this.#values.fill(undefined);
    for (const step of this.#active.values()) step?.abandon();
    this.#active.clear();
  }

  #put(slot: number, tensor: Tensor): void {
    if (this.#uses[slot]! > 0) this.#values[slot] = tensor;
    const { outputs } = this.generation.program;
    for (let i = 0; i < outputs.length; i++) {
      if (outputs[i]!.slot !== slot) continue;
      this.#outputs[i] = tensor;
      this.#outputsLeft--;
      this.#release(slot);
    }
  }

  #release(slot: number): void {
    if (--this.#uses[slot]! === 0) this.#values[slot] = undefined;
  }

  #startStep(step: ProgramStep): void {
    const feeds: Tensor[] = [];
    for (const slot of step.feedSlots) feeds.push(this.#values[slot]!);
    for (const slot of step.feedSlots) this.#release(slot);
    if (step.kind === 'local') {
      this.#active.set(step.index, null);
      this.#runLocally(step, feeds);
      return;
    }
    if (step.kind === 'coded') this.#unsettled++;
    const run =
      step.kind === 'coded'
        ? new CodedStep(this.context, this, step, feeds)
        : new ReplicatedStep(this.context, this, step, feeds);
    this.#active.set(step.index, run);
    run.start();
  }

  #runLocally(step: LocalProgramStep, feeds: readonly Tensor[]): void {
    const { clock, compute } = this.context;
    const { artifact } = step;
    const trace: StepTrace = {
      step: step.id,
      kind: 'local',
      startedAt: clock.now(),
      finishedAt: null,
      shards: [],
    };
    this.trace.steps.push(trace);
    if (artifact === null) {
      try {
        const outputs = [mergeParts(step.plan, feeds)];
        trace.finishedAt = clock.now();
        this.stepFinished(step.index, outputs);
      } catch (cause) {
        this.fail(new LocalComputeError(step.id, null, cause));
      }
      return;
    }
    runSafely(() => compute.run(artifact, step.names, feeds, this.deadlineAt - clock.now())).then(
      (outputs) => {
        trace.finishedAt = clock.now();
        if (outputs.length === step.fetchSlots.length) this.stepFinished(step.index, outputs);
        else {
          const problem = `expected ${step.fetchSlots.length} outputs, received ${outputs.length}`;
          this.fail(new LocalComputeError(step.id, null, problem));
        }
      },
      (cause: unknown) => this.fail(new LocalComputeError(step.id, null, cause)),
    );
  }
}

/** Turns a synchronous throw of the engine into a rejection. */
function runSafely<T>(run: () => Promise<T>): Promise<T> {
  try {
    return run();
  } catch (cause) {
    return Promise.reject(cause);
  }
}
