import type { Artifact } from '@sparewheel/planner';
import type { Answer, FromDevice, Tensor } from '@sparewheel/protocol';
import type { Runtime, StepHost } from '../context.ts';
import type { Computation, ComputationOwner, Device } from '../devices/device.ts';
import type { ErasureReason } from '../devices/in-flight-table.ts';
import { type CoordinatorError, LocalComputeError, NonFiniteOutputError } from '../errors.ts';
import type { GatherPolicy } from '../policy.ts';
import type { ParkedStep } from '../requests/parking.ts';
import type { CodedProgramStep, ReplicatedProgramStep } from '../requests/program.ts';
import type { ShardTrace, StepTrace } from '../requests/trace.ts';
import { Gather } from './gather.ts';
import type { AnswerFault } from './validate.ts';

/**
 * One step of one request on devices: scatters, books what comes back into its gather, and does what the gather
 * decides. What an answer must look like and how answers become the step's outputs is the subclass's business.
 */
export abstract class DistributedStep implements ComputationOwner, ParkedStep {
  protected readonly gather: Gather;
  protected readonly trace: StepTrace;
  /** The outputs were handed on, or the request ended: nothing more is decided. */
  protected ended = false;
  /** The answers are not believed and the layer is being computed here: the gather is not asked any more. */
  protected settling = false;
  readonly #computations: (Computation | null)[];
  /** Devices that answered with NaN or an infinity; struck when the true output turns out to be finite. */
  #notFinite: { readonly device: Device; readonly problem: string }[] | null = null;
  #thresholdTimer: (() => void) | null = null;
  #thresholdPassed = false;
  protected sentAt = 0;
  #lastFailure: CoordinatorError | null = null;

  constructor(
    protected readonly runtime: Runtime,
    protected readonly host: StepHost,
    protected readonly step: CodedProgramStep | ReplicatedProgramStep,
    protected readonly feeds: readonly Tensor[],
    dataShards: number,
    parityShards: number,
    policy: GatherPolicy,
  ) {
    this.gather = new Gather(dataShards, parityShards, policy);
    this.#computations = new Array<Computation | null>(dataShards + parityShards).fill(null);
    const now = runtime.clock.now();
    this.trace = { step: step.id, kind: step.kind, startedAt: now, finishedAt: null, shards: [] };
    host.trace.steps.push(this.trace);
  }

  protected abstract artifactOf(shard: number): Artifact;
  protected abstract faultIn(answer: Answer): AnswerFault | null;
  /** What the data plane computed itself is right, whatever was expected. */
  protected believe(_tensors: readonly Tensor[]): void {}
  /** Takes in a valid answer or a rescued shard. */
  protected abstract keep(shard: number, tensors: readonly Tensor[]): void;
  /** Enough is in. Ends the step by `finish`, or asks for more. */
  protected abstract decode(now: number): void;
  /** An answer or an erasure after the end, for a flight that was kept. */
  protected abstract afterEnd(): void;
  /** Whether a device's answer is still of use once the step has ended. */
  protected abstract wantsSurplus(device: Device): boolean;

  start(): void {
    if (!this.tryStart()) this.runtime.parking.park(this.host.generation.deployment, this);
  }

  /**
   * Sends the step to every device that can take it. A device that is at its cap is an erasure, unless the step
   * could then not be decoded: in that case the step waits for room rather than having the data plane compute.
   */
  tryStart(): boolean {
    if (this.ended) return true;
    const { placement } = this.host.generation;
    const { seats } = this.step.plan;
    let ready = 0;
    let busy = 0;
    for (let shard = 0; shard < seats.length; shard++) {
      const availability = placement.serving(seats[shard]!)?.availability;
      if (availability === 'ready') ready++;
      else if (availability === 'busy') busy++;
    }
    if (busy > 0 && ready < this.gather.needed) return false;
    this.#scatter();
    return true;
  }

  #scatter(): void {
    const { clock, transport } = this.runtime;
    const { placement } = this.host.generation;
    const { seats } = this.step.plan;
    const { task } = this.step;
    const now = clock.now();
    this.sentAt = now;
    const devices: string[] = [];
    for (let shard = 0; shard < seats.length; shard++) {
      const device = placement.serving(seats[shard]!);
      const trace: ShardTrace = { shard, device: null, sentAt: null, answeredAt: null, status: 'missing' };
      this.trace.shards.push(trace);
      const ready = device !== null && device.availability === 'ready';
      if (!ready) this.gather.erase(shard);
      if (device !== null && (ready || device.probeDue(now))) {
        this.#computations[shard] = device.send(this.host.id, task, shard, this, now);
        trace.device = device.id;
        trace.sentAt = now;
        trace.status = 'waiting';
        devices.push(device.id);
      } else if (device?.availability === 'busy') {
        trace.calledOff = true;
      }
    }
    if (devices.length > 0) {
      transport.scatter(devices, { kind: 'compute', request: this.host.id, task, tensors: this.feeds });
    }
    if (devices.length < seats.length) this.advance(now);
  }

  answered(shard: number, message: FromDevice, computation: Computation): void {
    this.#computations[shard] = null;
    const { device } = computation;
    if (message.kind === 'refusal') {
      this.host.generation.placement.refused(this.step.plan.seats[shard]!, device, message);
      this.erased(shard, 'refused');
      return;
    }
    const fault = this.faultIn(message);
    if (fault !== null) {
      if (fault.kind === 'malformed' || this.ended) this.runtime.fleet.strike(device, fault.problem);
      else {
        this.#notFinite ??= [];
        this.#notFinite.push({ device, problem: fault.problem });
      }
      this.erased(shard, 'invalid');
      return;
    }
    this.host.generation.placement.answered(this.step.plan.seats[shard]!);
    if (!this.gather.answer(shard)) {
      device.late++;
      return;
    }
    const now = this.runtime.clock.now();
    const trace = this.trace.shards[shard]!;
    trace.answeredAt = now;
    trace.computeMs = message.computeMicros / 1000;
    this.keep(shard, message.tensors);
    if (this.ended) {
      trace.status = 'late';
      this.afterEnd();
    } else {
      this.advance(now);
    }
  }

  erased(shard: number, reason: ErasureReason): void {
    // What a silent device was sent may still be answered; nothing else will.
    if (reason !== 'silent') this.#computations[shard] = null;
    this.gather.erase(shard);
    if (this.trace.shards[shard]!.status === 'waiting') this.trace.shards[shard]!.status = 'missing';
    if (this.ended) this.afterEnd();
    else this.advance(this.runtime.clock.now());
  }

  /** Does what the gather decides, until there is something to wait for. */
  protected advance(now: number): void {
    if (this.ended || this.settling) return;
    const decision = this.gather.next(this.#thresholdPassed ? Number.POSITIVE_INFINITY : now - this.sentAt);
    switch (decision.kind) {
      case 'decode':
        this.decode(now);
        return;
      case 'rescue':
        for (const shard of decision.shards) this.gather.rescuing(shard);
        for (const shard of decision.shards) this.#rescue(shard);
        return;
      case 'fail':
        this.host.fail(this.#lastFailure ?? new LocalComputeError(this.step.id, null, 'no shard is left'));
        return;
      case 'wait':
        if (decision.untilMs !== null && this.#thresholdTimer === null) {
          const patienceMs = this.host.patienceMs(this.step.index);
          const leftMs = Math.max(0, Math.min(this.sentAt + decision.untilMs - now, patienceMs));
          this.#thresholdTimer = this.runtime.clock.schedule(leftMs, () => {
            this.#thresholdPassed = true;
            this.advance(this.runtime.clock.now());
          });
        }
    }
  }

  #rescue(shard: number): void {
    this.computeLocally(shard).then(
      (tensors) => {
        if (this.ended || this.settling || tensors === null || !this.gather.rescued(shard)) return;
        this.trace.shards[shard]!.status = 'rescued';
        this.host.rescued++;
        this.keep(shard, tensors);
        this.advance(this.runtime.clock.now());
      },
      (cause: unknown) => {
        if (this.ended || this.settling) return;
        this.#lastFailure = new LocalComputeError(this.step.id, shard, cause);
        this.gather.rescueFailed(shard);
        this.advance(this.runtime.clock.now());
      },
    );
  }

  /** One shard by the data plane's own engine. Fails the request where the model itself gives no finite value. */
  protected async computeLocally(shard: number): Promise<readonly Tensor[] | null> {
    const tensors = await this.runtime.compute.run(this.artifactOf(shard), this.step.names, this.feeds);
    this.believe(tensors);
    const answer: Answer = { kind: 'answer', request: 0, task: 0, computeMicros: 0, tensors };
    const fault = this.faultIn(answer);
    if (fault === null) return tensors;
    if (fault.kind === 'malformed') throw new Error(fault.problem);
    if (!this.ended) this.host.fail(new NonFiniteOutputError(this.step.id));
    return null;
  }

  /** Hands the outputs on; then frees the devices that have not answered. */
  protected finish(outputs: readonly Tensor[]): void {
    this.ended = true;
    // After decoding, which belongs to the step.
    this.trace.finishedAt = this.runtime.clock.now();
    this.#thresholdTimer?.();
    // The next step's scatter goes out before the cancels: somebody is waiting for it.
    this.host.stepFinished(this.step.index, outputs);
    this.#freeDevices(true);
    if (this.#notFinite !== null && this.isComfortablyFinite(outputs)) {
      for (const { device, problem } of this.#notFinite) this.runtime.fleet.strike(device, problem);
    }
  }

  /** The request ended without this step's outputs. */
  abandon(): void {
    if (this.ended) return;
    this.ended = true;
    this.#thresholdTimer?.();
    this.#freeDevices(false);
  }

  /** Nothing that still comes is of use. */
  protected releaseComputations(): void {
    this.#freeDevices(false);
  }

  protected holder(shard: number): Device | undefined {
    const id = this.trace.shards[shard]!.device;
    return id === null ? undefined : this.runtime.fleet.get(id);
  }

  #freeDevices(keepSurplus: boolean): void {
    let devices: string[] | null = null;
    for (let shard = 0; shard < this.#computations.length; shard++) {
      const computation = this.#computations[shard]!;
      if (computation === null || (keepSurplus && this.wantsSurplus(computation.device))) continue;
      this.#computations[shard] = null;
      const trace = this.trace.shards[shard]!;
      const waitedMs = this.runtime.clock.now() - computation.sentAt;
      if (this.gather.state(shard) === 'waiting' && waitedMs < this.runtime.options.verifyWithinMs) {
        trace.calledOff = true;
      }
      this.gather.erase(shard);
      if (trace.status === 'waiting') trace.status = 'missing';
      if (!computation.device.cancel(computation)) continue;
      devices ??= [];
      devices.push(computation.device.id);
    }
    if (devices === null) return;
    const { task } = this.step;
    this.runtime.transport.cancel(devices, { kind: 'cancel', request: this.host.id, task });
  }

  /** So far below float32's end that no sum of shards can have overflowed: whoever said otherwise was wrong. */
  protected isComfortablyFinite(outputs: readonly Tensor[]): boolean {
    const bound = 1e37 / this.#computations.length;
    return outputs.every(
      ({ type, data }) =>
        type !== 'float32' || (data as Float32Array).every((value) => Math.abs(value) < bound),
    );
  }
}
