import type { Artifact } from '@sparewheel/planner';
import { type Answer, isFiniteTensor, type Tensor } from '@sparewheel/protocol';
import type { CoordinatorContext, StepHost } from '../context.ts';
import type { Device } from '../devices/device.ts';
import { ContradictoryAnswersError, LocalComputeError } from '../errors.ts';
import type { GatherPolicy } from '../policy.ts';
import type { ReplicatedProgramStep } from '../requests/program.ts';
import { DOUBTFUL_TOLERANCES, REPLICA_TOLERANCE, relativeDifference } from './compare-outputs.ts';
import { DistributedStep } from './distributed-step.ts';
import type { DoubtfulAnswers } from './doubtful-answers.ts';
import { tileProblem, tileRows } from './parts.ts';
import { type AnswerFault, faultInReplica, fits } from './validate.ts';

/**
 * Runs one subgraph that several devices hold completely. The first valid answer wins. If no device can answer, the
 * data plane computes it. This is a code with one data shard whose parity shards are all copies. Under
 * `verify: "before"` two copies must agree, unless the plan says that copies cannot be compared. Under `"after"` copies
 * are not compared, because all but the first are canceled.
 *
 * A tile gets only its rows of the input, a slice all of it. The first seat that can serve computes them; the others are
 * backups, which are asked when the answer is late or cannot come.
 */
export class ReplicatedStep extends DistributedStep {
  readonly #replicated: ReplicatedProgramStep;
  /** Why the input does not have the rows of the plan; null if it has. */
  readonly #problem: string | null;
  /** Answers in order of arrival. */
  readonly #copies: { readonly shard: number; readonly tensors: readonly Tensor[] }[] = [];

  constructor(
    context: CoordinatorContext,
    host: StepHost,
    step: ReplicatedProgramStep,
    feeds: readonly Tensor[],
  ) {
    const policy: GatherPolicy = {
      ...host.policy,
      waitMs: 'any-k',
      verify: host.policy.verify === 'before' && !step.plan.comparison?.random ? 'before' : 'off',
    };
    const { tile } = step.plan;
    const problem = tile ? tileProblem(tile, feeds[0]!) : null;
    const sent = tile && problem === null ? [tileRows(tile, feeds[0]!)] : feeds;
    super(context, host, step, sent, 1, step.plan.seats.length - 1, policy);
    this.#replicated = step;
    this.#problem = problem;
  }

  override start(): void {
    if (this.#problem === null) super.start();
    else this.host.fail(new LocalComputeError(this.step.id, null, this.#problem));
  }

  protected override holdMs(): number | null {
    return this.#replicated.hold?.holdMs ?? null;
  }

  protected override artifactOf(): Artifact {
    return this.#replicated.artifact;
  }

  protected override faultIn(answer: Answer): AnswerFault | null {
    return faultInReplica(this.#replicated, answer);
  }

  /** Forgets a profiled shape that turns out to depend on the data, so that devices are no longer checked for it. */
  protected override trustLocalOutputs(tensors: readonly Tensor[]): void {
    const { fetchShapes, learned } = this.#replicated;
    let contradicted = false;
    for (const [index, tensor] of tensors.entries()) {
      const known = fetchShapes[index];
      if (known && !fits(tensor, known)) {
        fetchShapes[index] = null;
        contradicted = true;
      }
      if (!isFiniteTensor(tensor)) learned.notFinite = true;
    }
    if (contradicted) this.#reportDisagreement('plan', [], null);
  }

  protected override trustDoubtful(doubtful: DoubtfulAnswers): boolean {
    if (doubtful.has('not-finite')) this.#replicated.learned.notFinite = true;
    if (doubtful.has('unexpected')) {
      this.#replicated.fetchShapes.fill(null);
      this.#reportDisagreement('plan', doubtful.devices, null);
    }
    return true;
  }

  /** Another replica contradicts the answers. Only the data plane can tell which one is wrong. */
  protected override judge(doubtful: DoubtfulAnswers, outputs: readonly Tensor[]): void {
    const { generation } = this.host;
    if (this.trace.shards.some(({ status }) => status === 'rescued')) {
      super.judge(doubtful, outputs);
      return;
    }
    if (!this.mayCompute || generation.comparing) return;
    generation.comparing = true;
    doubtful.compare(async (shard) => {
      try {
        return (await this.runLocally(shard)).tensors;
      } finally {
        generation.comparing = false;
      }
    });
  }

  protected override store(shard: number, tensors: readonly Tensor[]): void {
    this.#copies.push({ shard, tensors });
  }

  protected override decode(): void {
    const [first, second] = this.#copies;
    if (this.gather.needed > 1) {
      const residual = relativeDifference(first!.tensors, second!.tensors);
      if (residual > this.#tolerance) {
        this.#recompute(residual);
        return;
      }
    }
    const trace = this.trace.shards[first!.shard]!;
    if (trace.status !== 'rescued') trace.status = 'used';
    if (trace.answeredAt !== null) this.#replicated.hold?.observe(trace.answeredAt - trace.sentAt!);
    this.finish(first!.tensors);
  }

  protected override afterEnd(): void {}

  protected override wantsSurplus(): boolean {
    return false;
  }

  get #tolerance(): number {
    return this.#replicated.plan.comparison?.tolerance ?? REPLICA_TOLERANCE;
  }

  /**
   * Computes the step on the data plane, delivers that result, and reports the copies that differ from it. If correct
   * copies can differ so much, no device is blamed.
   */
  #recompute(residual: number): void {
    if (!this.mayCompute) {
      this.#reportCorruption([], residual);
      this.host.fail(new ContradictoryAnswersError(this.step.id));
      return;
    }
    this.recomputing = true;
    this.computeLocally(0).then(
      (reference) => {
        if (reference === null || this.ended) return;
        const differing = this.#copies.flatMap(({ shard, tensors }) => {
          const difference = relativeDifference(tensors, reference);
          const device = this.deviceOf(shard);
          return difference > this.#tolerance && device ? [{ device, difference }] : [];
        });
        this.host.rescued++;
        this.finish(reference);
        const bound = this.#replicated.plan.comparison?.discrete
          ? Number.POSITIVE_INFINITY
          : DOUBTFUL_TOLERANCES * this.#tolerance;
        const faultyDevices = differing
          .filter(({ difference }) => difference > bound)
          .map(({ device }) => device);
        if (faultyDevices.length === 0) {
          const devices = differing.map(({ device }) => device);
          this.#reportDisagreement('rounding', devices, Number.isFinite(residual) ? residual : null);
          return;
        }
        this.#reportCorruption(faultyDevices, residual);
        for (const device of faultyDevices) {
          this.host.generation.tallies.of(device.id).corrupt++;
          this.context.fleet.quarantine(device, `its answer to step ${this.step.id} was wrong`);
        }
      },
      (cause: unknown) => {
        if (!this.ended) this.host.fail(new LocalComputeError(this.step.id, null, cause));
      },
    );
  }

  #reportDisagreement(cause: 'plan' | 'rounding', devices: readonly Device[], residual: number | null): void {
    this.context.emit({
      kind: 'disagreement',
      deployment: this.host.generation.deployment,
      step: this.step.id,
      request: this.host.id,
      cause,
      devices: devices.map(({ id }) => id),
      residual,
    });
  }

  #reportCorruption(faultyDevices: readonly Device[], residual: number): void {
    this.context.emit({
      kind: 'corruption',
      deployment: this.host.generation.deployment,
      step: this.step.id,
      request: this.host.id,
      faultyDevices: faultyDevices.map(({ id }) => id),
      residual,
      threshold: this.#tolerance,
      answeredWrong: false,
    });
  }
}
