import type { Artifact } from '@sparewheel/planner';
import type { Answer, Tensor } from '@sparewheel/protocol';
import { DistributedStep } from './distributed-step.ts';
import type { Policy } from './policy.ts';
import type { ReplicatedProgramStep } from './program.ts';
import type { Runtime, StepHost } from './runtime.ts';
import { type AnswerFault, faultInReplica } from './validate.ts';

const FIRST_ANSWER_WINS: Policy = { waitMs: 'any-k', verify: 'off', deadlineMs: Number.POSITIVE_INFINITY };

/**
 * A subgraph that several devices hold whole: the first valid answer wins, and where no device can answer the data
 * plane computes it. A code of one data shard whose every parity shard is a copy.
 */
export class ReplicatedStep extends DistributedStep {
  readonly #replicated: ReplicatedProgramStep;
  #winner = 0;
  #outputs: readonly Tensor[] | null = null;

  constructor(runtime: Runtime, host: StepHost, step: ReplicatedProgramStep, feeds: readonly Tensor[]) {
    super(runtime, host, step, feeds, 1, step.plan.seats.length - 1, FIRST_ANSWER_WINS);
    this.#replicated = step;
  }

  protected override artifactOf(): Artifact {
    return this.#replicated.artifact;
  }

  protected override faultIn(answer: Answer): AnswerFault | null {
    return faultInReplica(this.#replicated, answer);
  }

  protected override keep(shard: number, tensors: readonly Tensor[]): void {
    if (this.#outputs !== null) return;
    this.#winner = shard;
    this.#outputs = tensors;
  }

  protected override decode(now: number): void {
    const trace = this.trace.shards[this.#winner]!;
    if (trace.status !== 'rescued') trace.status = 'used';
    this.finish(now, this.#outputs!);
  }

  protected override afterEnd(): void {}

  protected override wantsSurplus(): boolean {
    return false;
  }
}
