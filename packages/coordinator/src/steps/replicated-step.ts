import type { Artifact } from '@sparewheel/planner';
import type { Answer, Tensor } from '@sparewheel/protocol';
import type { CoordinatorContext, StepHost } from '../context.ts';
import type { Device } from '../devices/device.ts';
import { ContradictoryAnswersError, LocalComputeError } from '../errors.ts';
import type { GatherPolicy } from '../policy.ts';
import type { ReplicatedProgramStep } from '../requests/program.ts';
import { REPLICA_TOLERANCE, relativeDifference } from './compare-outputs.ts';
import { DistributedStep } from './distributed-step.ts';
import { tileProblem, tileRows } from './tile-rows.ts';
import { type AnswerFault, faultInReplica, fits } from './validate.ts';

/**
 * Runs one subgraph that several devices hold completely. The first valid answer wins. If no device can answer, the
 * data plane computes it. This is a code with one data shard whose parity shards are all copies. Under
 * `verify: "before"` two copies must agree. Under `"after"` copies are not compared, because all but the first are
 * canceled.
 *
 * A tile gets only its rows of the input. Its first seat that can serve computes it; the others are backups, which
 * are asked when the answer is late or cannot come.
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
      verify: host.policy.verify === 'before' ? 'before' : 'off',
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
    const { fetchShapes } = this.#replicated;
    for (const [index, tensor] of tensors.entries()) {
      const known = fetchShapes[index];
      if (known && !fits(tensor, known)) fetchShapes[index] = null;
    }
  }

  protected override store(shard: number, tensors: readonly Tensor[]): void {
    this.#copies.push({ shard, tensors });
  }

  protected override decode(): void {
    const [first, second] = this.#copies;
    if (this.gather.needed > 1) {
      const residual = relativeDifference(first!.tensors, second!.tensors);
      if (residual > REPLICA_TOLERANCE) {
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

  /** Computes the step on the data plane, delivers that result, and reports the copies that differ from it. */
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
        const faultyDevices = this.#copies
          .filter(({ tensors }) => relativeDifference(tensors, reference) > REPLICA_TOLERANCE)
          .flatMap(({ shard }) => this.deviceOf(shard) ?? []);
        this.host.rescued++;
        this.finish(reference);
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

  #reportCorruption(faultyDevices: readonly Device[], residual: number): void {
    this.context.emit({
      kind: 'corruption',
      deployment: this.host.generation.deployment,
      step: this.step.id,
      request: this.host.id,
      faultyDevices: faultyDevices.map(({ id }) => id),
      residual,
      threshold: REPLICA_TOLERANCE,
      answeredWrong: false,
    });
  }
}
