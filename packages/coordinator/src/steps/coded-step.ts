import type { Verification } from '@sparewheel/cdc';
import type { Artifact } from '@sparewheel/planner';
import type { Answer, Tensor } from '@sparewheel/protocol';
import type { CoordinatorContext, StepHost } from '../context.ts';
import type { Device } from '../devices/device.ts';
import { ContradictoryAnswersError, LocalComputeError } from '../errors.ts';
import type { GatherPolicy, Policy } from '../policy.ts';
import type { CodedProgramStep } from '../requests/program.ts';
import type { ArrivalObservation } from './adaptive-wait.ts';
import { assemble } from './assemble.ts';
import { DistributedStep } from './distributed-step.ts';
import { InputPieces } from './input-pieces.ts';
import type { PendingVerification } from './pending-verifications.ts';
import { sameDims } from './shape-memory.ts';
import type { ShardValues } from './shard-code.ts';
import { type AnswerFault, faultInShard, notFinite } from './validate.ts';

/**
 * Runs one coded layer of one request: sends the input or its pieces, gathers the shards' answers, decodes, verifies as the policy says, and
 * concatenates the blocks. If answers contradict each other and the parity checks cannot name the faulty shard, the
 * data plane computes the layer as a reference, and the comparison names it.
 */
export class CodedStep extends DistributedStep implements PendingVerification {
  readonly #answers: (ShardValues | undefined)[];
  /** The largest magnitude of each valid answer. */
  readonly #magnitudes: Float64Array;
  readonly #coded: CodedProgramStep;
  readonly #verifiable: boolean;
  /** null if the step divides its weights: then every device gets the whole input. */
  readonly #pieces: InputPieces | null;
  /** The verified answer shape for this feed shape, if known. */
  readonly #expectedDims: readonly number[] | undefined;
  /** The expected answer shape, or else the shape of the first answer. */
  #dims: readonly number[] | undefined;
  #referenceIsFinite = true;
  /** Whether two answers have different shapes and the correct shape is not known. */
  #shapesDiffer = false;
  #verified = false;
  /** Whether the request was told that no answer is still pending. */
  #settled = false;
  /** Under `waitMs: "adaptive"`: when enough answers were in, and the observation recorded for this step. */
  #enoughAt: number | null = null;
  #observation: ArrivalObservation | null = null;

  constructor(context: CoordinatorContext, host: StepHost, step: CodedProgramStep, feeds: readonly Tensor[]) {
    const { dataShards, parityShards } = step.plan;
    super(context, host, step, feeds, dataShards, parityShards, resolveWait(host.policy, step));
    this.#coded = step;
    this.#answers = new Array<ShardValues | undefined>(dataShards + parityShards).fill(undefined);
    this.#magnitudes = new Float64Array(dataShards + parityShards);
    this.#verifiable = parityShards > 0 && host.policy.verify !== 'off';
    this.#pieces = step.plan.pieces
      ? new InputPieces(step.code.generator, step.plan.pieces, feeds[0]!)
      : null;
    this.#expectedDims = step.shapes.expected(feeds[0]!.dims);
    this.#dims = this.#expectedDims;
  }

  override start(): void {
    const problem = this.#pieces?.problem ?? null;
    if (problem === null) super.start();
    else this.host.fail(new LocalComputeError(this.step.id, null, problem));
  }

  protected override transmit(devices: readonly string[], shards: readonly number[]): void {
    if (this.#pieces === null) {
      super.transmit(devices, shards);
      return;
    }
    this.#pieces.each(shards, (piece, index) =>
      this.scatter([devices[index]!], this.computation([piece], this.taskOf(shards[index]!))),
    );
  }

  protected override get sentNotFinite(): boolean {
    return this.#pieces?.finite === false;
  }

  protected override feedsOf(shard: number): readonly Tensor[] {
    return this.#pieces === null ? this.feeds : [this.#pieces.piece(shard)];
  }

  get finishedAt(): number {
    return this.trace.finishedAt!;
  }

  protected override artifactOf(shard: number): Artifact {
    return this.#coded.artifacts[shard]!;
  }

  protected override faultIn(answer: Answer, shard: number): AnswerFault | null {
    const fault = faultInShard(this.#coded, answer, this.#expectedDims);
    if (fault !== null) return fault;
    // One pass finds both whether the values are finite and what verification needs of them.
    const magnitude = this.#coded.code.magnitudeOf(answer.tensors[0]!.data as ShardValues);
    if (!(magnitude < Number.POSITIVE_INFINITY)) return notFinite(this.step.id);
    this.#magnitudes[shard] = magnitude;
    return null;
  }

  protected override get farFromOverflow(): boolean {
    const { length } = this.#magnitudes;
    // The answers may belong to recovered shards, too: those are sums of up to `length` of them.
    return this.#referenceIsFinite && this.#magnitudes.every((magnitude) => magnitude < 1e37 / length ** 2);
  }

  /** The model gives NaN or infinity, which cannot be decoded. The data plane computes the layer. */
  protected override notFiniteByModel(): void {
    this.#recompute(null);
  }

  protected override store(shard: number, tensors: readonly Tensor[]): void {
    const { data, dims } = tensors[0]!;
    this.#answers[shard] = data as ShardValues;
    this.#dims ??= dims;
    if (this.host.policy.waitMs === 'adaptive') this.#recordArrival();
    // Without a verified shape the answers alone do not show which one is faulty.
    if (this.#expectedDims === undefined && !sameDims(dims, this.#dims)) {
      this.#shapesDiffer = true;
      this.#recompute(null);
    }
  }

  #recordArrival(): void {
    const now = this.context.clock.now();
    if (this.gather.answered >= this.gather.needed) this.#enoughAt ??= now;
    // The last data shard came too late for this request. The threshold learns from its delay.
    if (this.#observation !== null && this.gather.everyDataShardIn) {
      this.#observation.allDataMs = Math.min(this.#observation.allDataMs, now - this.sentAt);
    }
  }

  /** Records the step's arrivals for the learned threshold. Skips steps with erasures: there waiting gains nothing. */
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
    if (this.#verified) return false;
    return this.host.sampled || (this.#verifiesAfter && !device.heavilyLoaded);
  }

  get #verifiesAfter(): boolean {
    return this.#verifiable && this.host.policy.verify === 'after';
  }

  protected override decode(now: number): void {
    if (this.#verifiable && this.host.policy.verify === 'before' && !this.#verifyBefore(now)) return;
    let blocks: readonly (ShardValues | undefined)[] = this.#answers;
    if (!this.gather.everyDataShardIn) {
      try {
        blocks = this.#coded.code.reconstruct(this.#answers);
      } catch {
        // The recovered values overflow: an answer is wrong, or this input overflows only the parity.
        this.#recompute(null);
        return;
      }
    }
    this.#deliver(now, blocks as ShardValues[]);
    if (!this.#verifiesAfter && !this.host.sampled) this.#markSettled();
    else if (this.#awaitsMore) this.context.verifications.add(this);
    else this.verifyNow();
  }

  #deliver(now: number, blocks: readonly ShardValues[]): void {
    const { dataShards, axis, blocks: ranges } = this.#coded.plan;
    let recovered = 0;
    const decoded = !this.gather.everyDataShardIn && !this.recomputing;
    for (const trace of this.trace.shards) {
      if (trace.status === 'rescued') continue;
      const present = this.gather.has(trace.shard);
      if (trace.shard < dataShards && !present) {
        recovered++;
        this.tallyOf(trace.shard, 'recovered');
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
    this.#markSettled();
  }

  #markSettled(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.host.stepSettled();
  }

  protected override afterEnd(): void {
    if (this.#verified || this.#awaitsMore) return;
    if (this.#verifiesAfter || this.host.sampled) this.verifyNow();
  }

  /** A sampled request also awaits answers that the gather does not count on. */
  get #awaitsMore(): boolean {
    return this.host.sampled ? this.awaitsAnswers : this.gather.outstanding > 0;
  }

  /** Verifies under `verify: "after"`, with the answers that are in. */
  verifyNow(): void {
    if (this.#verified) return;
    this.#verified = true;
    this.context.verifications.remove(this);
    this.cancelComputations(false);
    this.#markSettled();
    if (!this.#verifiesAfter || this.gather.answered <= this.gather.dataShards) {
      this.#releaseAnswers();
      return;
    }
    const verification = this.#shapesDiffer ? null : this.#verify();
    if (verification?.consistent) {
      this.#coded.shapes.learn(this.feeds[0]!.dims, this.#dims!);
      this.#releaseAnswers();
      return;
    }
    const { generation } = this.host;
    if (verification?.faultyShards) {
      this.#reportCorruption(verification.faultyShards, verification, true);
      this.#releaseAnswers();
      return;
    }
    if (!this.mayCompute) {
      this.#reportCorruption([], verification, true);
      this.#releaseAnswers();
      return;
    }
    // One comparison at a time: otherwise a faulty device makes the data plane compute every step again.
    if (generation.comparing) {
      this.#reportCorruption([], verification, true);
      this.#releaseAnswers();
      return;
    }
    generation.comparing = true;
    const done = () => {
      generation.comparing = false;
      this.#releaseAnswers();
    };
    this.#computeReference().then(
      (reference) => {
        this.#reportCorruption(this.#faultyShards(reference), verification, true);
        done();
      },
      () => {
        this.#reportCorruption([], verification, true);
        done();
      },
    );
  }

  #verify(): Verification {
    return this.#coded.code.verify(this.#answers, this.#magnitudes);
  }

  /** Verifies under `verify: "before"`. @returns whether the answers that are in may be used */
  #verifyBefore(now: number): boolean {
    const verification = this.#verify();
    if (verification.consistent) {
      this.#coded.shapes.learn(this.feeds[0]!.dims, this.#dims!);
      return true;
    }
    const faultyShards = verification.faultyShards ?? [];
    // A shard rescued by the data plane is correct. If the check names one, only the reference can decide.
    const onlyAnswersNamed =
      faultyShards.length > 0 && faultyShards.every((shard) => this.gather.state(shard) === 'answered');
    if (!onlyAnswersNamed) {
      this.#recompute(verification);
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

  /** Computes the layer on the data plane, delivers that result, and reports the answers that differ from it. */
  #recompute(verification: Verification | null): void {
    if (this.recomputing || this.ended) return;
    if (!this.mayCompute) {
      this.#reportCorruption([], verification, false);
      this.host.fail(new ContradictoryAnswersError(this.step.id));
      return;
    }
    this.recomputing = true;
    this.#computeReference().then(
      (reference) => {
        if (this.ended) return;
        const faultyShards = this.#faultyShards(reference);
        this.host.rescued += reference.length;
        for (let shard = 0; shard < reference.length; shard++) {
          this.trace.shards[shard]!.status = 'rescued';
          this.tallyOf(shard, 'rescued');
        }
        this.#deliver(this.context.clock.now(), reference);
        if (verification || faultyShards.length > 0)
          this.#reportCorruption(faultyShards, verification, false);
        this.#releaseAnswers();
        this.#markSettled();
      },
      (cause: unknown) => {
        if (!this.ended) this.host.fail(new LocalComputeError(this.step.id, null, cause));
      },
    );
  }

  /** Computes the k data shards on the data plane. */
  async #computeReference(): Promise<ShardValues[]> {
    const shards = Array.from({ length: this.gather.dataShards }, (_, shard) => this.runLocally(shard));
    const computed = await Promise.all(shards);
    this.#referenceIsFinite = computed.every(({ finite }) => finite);
    const [first] = computed;
    this.#dims = first!.tensors[0]!.dims;
    this.#coded.shapes.learn(this.feeds[0]!.dims, this.#dims);
    return computed.map(({ tensors }) => tensors[0]!.data as ShardValues);
  }

  #faultyShards(reference: readonly ShardValues[]): number[] {
    // Parity shards of NaN or infinity have no expected value.
    if (!this.#referenceIsFinite) return [];
    return this.#coded.code
      .faultyShards(this.#answers, reference)
      .filter((shard) => this.gather.state(shard) === 'answered');
  }

  #reportCorruption(shards: readonly number[], verification: Verification | null, delivered: boolean): void {
    const faultyDevices = shards.flatMap((shard) => this.deviceOf(shard) ?? []);
    // If no shard was named, any of the used answers may be the wrong one.
    const answeredWrong =
      delivered &&
      (shards.length === 0 || shards.some((shard) => this.trace.shards[shard]!.status === 'used'));
    if (answeredWrong) {
      this.host.corrupt = true;
      this.host.generation.answeredWrong(this.host.id);
    }
    this.context.emit({
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
      this.host.generation.tallies.of(device.id).corrupt++;
      this.context.fleet.quarantine(device, `its answer to step ${this.step.id} was wrong`);
    }
  }

  /** Answers hold network buffers and must not outlive their verification. */
  #releaseAnswers(): void {
    this.#verified = true;
    this.#answers.fill(undefined);
  }
}

/** Replaces an adaptive threshold with its current value. */
function resolveWait(policy: Policy, step: CodedProgramStep): GatherPolicy {
  const { waitMs } = policy;
  return waitMs === 'adaptive' ? { ...policy, waitMs: step.wait.waitMs } : { ...policy, waitMs };
}
