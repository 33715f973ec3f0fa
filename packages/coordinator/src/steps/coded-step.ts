import { type Verification, verify } from '@sparewheel/cdc';
import type { Artifact } from '@sparewheel/planner';
import type { Answer, Tensor } from '@sparewheel/protocol';
import type { Runtime, StepHost } from '../context.ts';
import type { Device } from '../devices/device.ts';
import { LocalComputeError } from '../errors.ts';
import type { GatherPolicy, Policy } from '../policy.ts';
import type { CodedProgramStep } from '../requests/program.ts';
import type { ArrivalObservation } from './adaptive-wait.ts';
import { assemble } from './assemble.ts';
import { shardsUnlikeTruth } from './compare-with-reference.ts';
import { DistributedStep } from './distributed-step.ts';
import type { PendingVerification } from './pending-verifications.ts';
import { sameDims } from './shape-memory.ts';
import { type AnswerFault, faultInShard } from './validate.ts';

/**
 * One coded layer of one request: gathers the shards' answers, decodes, verifies as the policy says, and puts the
 * blocks together. Answers that contradict each other without saying who is wrong are settled by computing the
 * layer on the data plane, which also tells who lied.
 */
export class CodedStep extends DistributedStep implements PendingVerification {
  readonly #answers: (Float32Array | undefined)[];
  readonly #coded: CodedProgramStep;
  readonly #verifiable: boolean;
  /** The shape that is known for this feed, or else that of the first answer. */
  readonly #expected: readonly number[] | undefined;
  #dims: readonly number[] | undefined;
  /** Two answers claim different shapes. */
  #contradiction = false;
  #checked = false;
  /** No answer of its devices is awaited any more. */
  #settled = false;
  /** For a threshold that is learned: when enough was in, and what was made known of it. */
  #enoughAt: number | null = null;
  #observation: ArrivalObservation | null = null;

  constructor(runtime: Runtime, host: StepHost, step: CodedProgramStep, feeds: readonly Tensor[]) {
    const { dataShards, parityShards } = step.plan;
    super(runtime, host, step, feeds, dataShards, parityShards, resolveWait(host.policy, step));
    this.#coded = step;
    this.#answers = new Array<Float32Array | undefined>(dataShards + parityShards).fill(undefined);
    this.#verifiable = parityShards > 0 && host.policy.verify !== 'off';
    this.#expected = step.shapes.expected(feeds[0]!.dims);
    this.#dims = this.#expected;
  }

  get finishedAt(): number {
    return this.trace.finishedAt!;
  }

  protected override artifactOf(shard: number): Artifact {
    return this.#coded.artifacts[shard]!;
  }

  protected override faultIn(answer: Answer): AnswerFault | null {
    return faultInShard(this.#coded, answer, this.#expected);
  }

  protected override keep(shard: number, tensors: readonly Tensor[]): void {
    const { data, dims } = tensors[0]!;
    this.#answers[shard] = data as Float32Array;
    this.#dims ??= dims;
    if (this.host.policy.waitMs === 'adaptive') this.#timeArrival();
    // Two claims about a shape that nobody has confirmed yet: one of them is a lie.
    if (this.#expected === undefined && !sameDims(dims, this.#dims)) {
      this.#contradiction = true;
      this.#settle(null);
    }
  }

  #timeArrival(): void {
    const now = this.runtime.clock.now();
    if (this.gather.answered >= this.gather.needed) this.#enoughAt ??= now;
    // The last data shard, too late for this request: the threshold learns by how much.
    if (this.#observation !== null && this.gather.everyDataShardIn) {
      this.#observation.allDataMs = Math.min(this.#observation.allDataMs, now - this.sentAt);
    }
  }

  /** What a step without a gap tells of arrivals; where a device is missing there is nothing to wait for. */
  #observeArrivals(now: number): void {
    if (this.#enoughAt === null) return;
    for (let shard = 0; shard < this.trace.shards.length; shard++) {
      const state = this.gather.state(shard);
      if (state !== 'answered' && state !== 'waiting') return;
    }
    const allDataMs = this.gather.everyDataShardIn ? now - this.sentAt : Number.POSITIVE_INFINITY;
    this.#observation = this.#coded.wait.observe(this.#enoughAt - this.sentAt, allDataMs);
  }

  protected override wantsSurplus(device: Device): boolean {
    return this.#verifiable && this.host.policy.verify === 'after' && !this.#checked && !device.loaded;
  }

  protected override decode(now: number): void {
    if (this.#verifiable && this.host.policy.verify === 'before' && !this.#confirmed(now)) return;
    let blocks: readonly (Float32Array | undefined)[] = this.#answers;
    if (!this.gather.everyDataShardIn) {
      try {
        blocks = this.#coded.decoder.reconstruct(this.#answers);
      } catch {
        // The recovered values overflow: what answered cannot be right, or this input overflows the parity only.
        this.#settle(null);
        return;
      }
    }
    this.#deliver(now, blocks as Float32Array[]);
    if (!this.#verifiable || this.host.policy.verify !== 'after') this.#noteSettled();
    else if (this.gather.outstanding > 0) this.runtime.verifications.add(this);
    else this.verifyNow();
  }

  #deliver(now: number, blocks: readonly Float32Array[]): void {
    const { dataShards, axis, blocks: ranges } = this.#coded.plan;
    let recovered = 0;
    const decoded = !this.gather.everyDataShardIn && !this.settling;
    for (const trace of this.trace.shards) {
      if (trace.status === 'rescued') continue;
      const present = this.gather.has(trace.shard);
      if (trace.shard < dataShards && !present) {
        recovered++;
        trace.status = 'recovered';
      } else if (present) {
        trace.status = trace.shard < dataShards || decoded ? 'used' : 'surplus';
      }
    }
    this.host.recovered += recovered;
    this.#observeArrivals(now);
    this.finish([assemble(blocks, this.#dims!, axis, ranges)]);
  }

  override abandon(): void {
    if (this.ended) return;
    super.abandon();
    this.#noteSettled();
  }

  #noteSettled(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.host.stepSettled();
  }

  protected override afterEnd(): void {
    if (!this.#checked && this.host.policy.verify === 'after' && this.gather.outstanding === 0)
      this.verifyNow();
  }

  /** The check under `verify: "after"`, with what is in by now. */
  verifyNow(): void {
    if (this.#checked) return;
    this.#checked = true;
    this.runtime.verifications.remove(this);
    this.releaseComputations();
    this.#noteSettled();
    if (this.gather.answered <= this.gather.dataShards) {
      this.#letGo();
      return;
    }
    const verification = this.#contradiction ? null : verify(this.#coded.generator, this.#answers);
    if (verification?.consistent) {
      this.#coded.shapes.learn(this.feeds[0]!.dims, this.#dims!);
      this.#letGo();
      return;
    }
    const { generation } = this.host;
    if (verification?.faultyShards) {
      this.#reportCorruption(verification.faultyShards, verification, true);
      this.#letGo();
      return;
    }
    // One audit at a time: a liar that answers everything would otherwise have everything computed twice.
    if (generation.comparing) {
      this.#reportCorruption([], verification, true);
      this.#letGo();
      return;
    }
    generation.comparing = true;
    const done = () => {
      generation.comparing = false;
      this.#letGo();
    };
    this.#computeTruth().then(
      (truth) => {
        const faultyShards = truth === null ? [] : this.#unlike(truth);
        this.#reportCorruption(faultyShards, verification, true);
        done();
      },
      () => {
        this.#reportCorruption([], verification, true);
        done();
      },
    );
  }

  /** The check under `verify: "before"`. @returns whether the answers that are in may be used */
  #confirmed(now: number): boolean {
    const verification = verify(this.#coded.generator, this.#answers);
    if (verification.consistent) {
      this.#coded.shapes.learn(this.feeds[0]!.dims, this.#dims!);
      return true;
    }
    const faultyShards = verification.faultyShards ?? [];
    // What the data plane computed itself is not a lie: then the suspicion is false and the layer tells.
    const named =
      faultyShards.length > 0 && faultyShards.every((shard) => this.gather.state(shard) === 'answered');
    if (!named) {
      this.#settle(verification);
      return false;
    }
    for (const shard of faultyShards) {
      this.gather.retract(shard);
      this.#answers[shard] = undefined;
    }
    this.#reportCorruption(faultyShards, verification, false);
    this.advance(now);
    return false;
  }

  /** Computes the layer here, answers with that, and finds out who was wrong. */
  #settle(verification: Verification | null): void {
    if (this.settling || this.ended) return;
    this.settling = true;
    this.#computeTruth().then(
      (truth) => {
        if (truth === null || this.ended) return;
        const faultyShards = this.#unlike(truth);
        this.host.rescued += truth.length;
        for (let shard = 0; shard < truth.length; shard++) this.trace.shards[shard]!.status = 'rescued';
        this.#deliver(this.runtime.clock.now(), truth);
        if (verification || faultyShards.length > 0)
          this.#reportCorruption(faultyShards, verification, false);
        this.#letGo();
        this.#noteSettled();
      },
      (cause: unknown) => {
        if (!this.ended) this.host.fail(new LocalComputeError(this.step.id, null, cause));
      },
    );
  }

  async #computeTruth(): Promise<Float32Array[] | null> {
    const shards = Array.from({ length: this.gather.dataShards }, (_, shard) => this.computeLocally(shard));
    const computed = await Promise.all(shards);
    const truth: Float32Array[] = [];
    for (const tensors of computed) {
      if (tensors === null) return null;
      truth.push(tensors[0]!.data as Float32Array);
    }
    this.#dims = computed[0]![0]!.dims;
    this.#coded.shapes.learn(this.feeds[0]!.dims, this.#dims);
    return truth;
  }

  #unlike(truth: readonly Float32Array[]): number[] {
    return shardsUnlikeTruth(this.#coded.generator, this.#answers, truth).filter(
      (shard) => this.gather.state(shard) === 'answered',
    );
  }

  #reportCorruption(shards: readonly number[], verification: Verification | null, delivered: boolean): void {
    const faultyDevices = shards.flatMap((shard) => this.holder(shard) ?? []);
    // Nobody named: any answer may have been the wrong one.
    const answeredWrong =
      delivered &&
      (shards.length === 0 || shards.some((shard) => this.trace.shards[shard]!.status === 'used'));
    if (answeredWrong) {
      this.host.corrupt = true;
      this.host.generation.answeredWrong(this.host.id);
    }
    this.runtime.emit({
      kind: 'corruption',
      deployment: this.host.generation.deployment,
      step: this.step.id,
      request: this.host.id,
      faultyDevices: faultyDevices.map((device) => device.id),
      residual: verification?.residual ?? Number.POSITIVE_INFINITY,
      threshold: verification?.threshold ?? 1,
      answeredWrong,
    });
    for (const device of faultyDevices) {
      this.runtime.fleet.quarantine(device, `its answer to step ${this.step.id} was wrong`);
    }
  }

  /** Answers hold network buffers: none outlives its check. */
  #letGo(): void {
    this.#checked = true;
    this.#answers.fill(undefined);
  }
}

/** A threshold that is learned is what it is by now. */
function resolveWait(policy: Policy, step: CodedProgramStep): GatherPolicy {
  const { waitMs } = policy;
  return waitMs === 'adaptive' ? { ...policy, waitMs: step.wait.waitMs } : { ...policy, waitMs };
}
