import type { Artifact } from '@sparewheel/planner';
import type { Answer, Tensor } from '@sparewheel/protocol';
import type { Runtime, StepHost } from '../context.ts';
import { LocalComputeError } from '../errors.ts';
import type { GatherPolicy } from '../policy.ts';
import type { ReplicatedProgramStep } from '../requests/program.ts';
import { DistributedStep } from './distributed-step.ts';
import { disagreement, REPLICA_TOLERANCE } from './replica-agreement.ts';
import { type AnswerFault, faultInReplica, fits } from './validate.ts';

/**
 * A subgraph that several devices hold whole: the first valid answer wins, and where no device can answer the data
 * plane computes it. A code of one data shard whose every parity shard is a copy. Under `verify: "before"` two
 * copies must agree; under `"after"` copies are not compared, as the others are cancelled.
 */
export class ReplicatedStep extends DistributedStep {
  readonly #replicated: ReplicatedProgramStep;
  /** In the order in which they came. */
  readonly #copies: { readonly shard: number; readonly tensors: readonly Tensor[] }[] = [];

  constructor(runtime: Runtime, host: StepHost, step: ReplicatedProgramStep, feeds: readonly Tensor[]) {
    const policy: GatherPolicy = {
      ...host.policy,
      waitMs: 'any-k',
      verify: host.policy.verify === 'before' ? 'before' : 'off',
    };
    super(runtime, host, step, feeds, 1, step.plan.seats.length - 1, policy);
    this.#replicated = step;
  }

  protected override artifactOf(): Artifact {
    return this.#replicated.artifact;
  }

  protected override faultIn(answer: Answer): AnswerFault | null {
    return faultInReplica(this.#replicated, answer);
  }

  /** A dimension hangs on the data where the profile did not see it: from now on nobody is blamed for it. */
  protected override believe(tensors: readonly Tensor[]): void {
    const { fetchShapes } = this.#replicated;
    for (const [index, tensor] of tensors.entries()) {
      const known = fetchShapes[index];
      if (known && !fits(tensor, known)) fetchShapes[index] = null;
    }
  }

  protected override keep(shard: number, tensors: readonly Tensor[]): void {
    this.#copies.push({ shard, tensors });
  }

  protected override decode(): void {
    const [first, second] = this.#copies;
    if (this.gather.needed > 1) {
      const residual = disagreement(first!.tensors, second!.tensors);
      if (residual > REPLICA_TOLERANCE) {
        this.#settle(residual);
        return;
      }
    }
    const trace = this.trace.shards[first!.shard]!;
    if (trace.status !== 'rescued') trace.status = 'used';
    this.finish(first!.tensors);
  }

  protected override afterEnd(): void {}

  protected override wantsSurplus(): boolean {
    return false;
  }

  /** Two copies differ: the data plane's own computation is the answer, and says who was wrong. */
  #settle(residual: number): void {
    this.settling = true;
    this.computeLocally(0).then(
      (truth) => {
        if (truth === null || this.ended) return;
        const faultyDevices = this.#copies
          .filter(({ tensors }) => disagreement(tensors, truth) > REPLICA_TOLERANCE)
          .flatMap(({ shard }) => this.holder(shard) ?? []);
        this.host.rescued++;
        this.finish(truth);
        this.runtime.emit({
          kind: 'corruption',
          deployment: this.host.generation.deployment,
          step: this.step.id,
          request: this.host.id,
          faultyDevices: faultyDevices.map(({ id }) => id),
          residual,
          threshold: REPLICA_TOLERANCE,
          answeredWrong: false,
        });
        for (const device of faultyDevices) {
          this.runtime.fleet.quarantine(device, `its answer to step ${this.step.id} was wrong`);
        }
      },
      (cause: unknown) => {
        if (!this.ended) this.host.fail(new LocalComputeError(this.step.id, null, cause));
      },
    );
  }
}
