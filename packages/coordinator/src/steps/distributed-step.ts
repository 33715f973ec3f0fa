import type { Artifact } from '@sparewheel/planner';
import type { Answer, ComputeRequest, FromDevice, Tensor } from '@sparewheel/protocol';
import type { CoordinatorContext, StepHost } from '../context.ts';
import type { Availability, Computation, ComputationOwner, Device } from '../devices/device.ts';
import { countLate } from '../devices/fleet.ts';
import type { ErasureReason } from '../devices/in-flight-table.ts';
import { bytesOfTensors } from '../devices/tally.ts';
import { type CoordinatorError, LocalComputeError, NonFiniteOutputError } from '../errors.ts';
import { SHORTEST_WAIT_MS } from '../options.ts';
import { type GatherPolicy, rescueRule } from '../policy.ts';
import type { CodedProgramStep, ReplicatedProgramStep } from '../requests/program.ts';
import type { QueuedStep, WaitingStep } from '../requests/step-queue.ts';
import type { ShardTrace, StepTrace } from '../requests/trace.ts';
import { DoubtfulAnswers } from './doubtful-answers.ts';
import { Gather } from './gather.ts';
import { PendingComputations } from './pending-computations.ts';
import type { AnswerFault } from './validate.ts';

/**
 * Runs one step of one request on devices: sends the feeds, reports answers and erasures to its gather, and carries
 * out what the gather decides. The subclass validates the answers and turns them into the step's outputs.
 */
export abstract class DistributedStep implements ComputationOwner, QueuedStep, WaitingStep {
  protected readonly gather: Gather;
  protected readonly trace: StepTrace;
  /** The step has delivered its outputs, or the request has ended. The gather is no longer consulted. */
  protected ended = false;
  /** The answers contradict each other and the data plane is computing the step. The gather is no longer consulted. */
  protected recomputing = false;
  readonly #pending: PendingComputations;
  /** Created by the first such answer, because they are rare. */
  #doubtful: DoubtfulAnswers | null = null;
  /** Whether the data plane may compute the layer as a reference. False under the objective `devices-only`. */
  protected readonly mayCompute: boolean;
  /** Whether the data plane may compute missing shards. Otherwise they wait for devices. */
  readonly #mayRescue: boolean;
  /** Shards whose devices are asked only if another answer is late or cannot come. */
  #held: number[] = [];
  /** The held shards may be asked now. Those whose devices are at their caps wait for capacity. */
  #holdEnded = false;
  #holdTimer: (() => void) | null = null;
  #thresholdTimer: (() => void) | null = null;
  #resumeTimer: (() => void) | null = null;
  #waiting = false;
  #thresholdPassed = false;
  protected sentAt = 0;
  #lastFailure: CoordinatorError | null = null;

  constructor(
    protected readonly context: CoordinatorContext,
    protected readonly host: StepHost,
    protected readonly step: CodedProgramStep | ReplicatedProgramStep,
    protected readonly feeds: readonly Tensor[],
    dataShards: number,
    parityShards: number,
    policy: GatherPolicy,
  ) {
    this.gather = new Gather(dataShards, parityShards, policy);
    const { plan } = host.generation.program;
    this.mayCompute = plan.objective !== 'devices-only';
    this.#mayRescue = rescueRule(host.policy, plan) === 'data-plane';
    this.#pending = new PendingComputations(context, host, step, this, dataShards + parityShards);
    const now = context.clock.now();
    this.trace = { step: step.id, kind: step.kind, startedAt: now, finishedAt: null, shards: [] };
    host.trace.steps.push(this.trace);
  }

  protected abstract artifactOf(shard: number): Artifact;
  protected abstract faultIn(answer: Answer, shard: number): AnswerFault | null;
  /** Adapts what the plan expects to outputs that the data plane computed, which are correct by definition. */
  protected trustLocalOutputs(_tensors: readonly Tensor[]): void {}
  /**
   * Adapts what the plan expects to doubtful answers that no other answer contradicts, if the data plane may not compute
   * the step. @returns whether later answers like these are valid
   */
  protected trustDoubtful(_doubtful: DoubtfulAnswers): boolean {
    return false;
  }
  /** Called when the data plane has computed NaN or infinity. Ends the step, by default with an error. */
  protected notFiniteByModel(): void {
    if (!this.ended) this.host.fail(new NonFiniteOutputError(this.step.id));
  }
  /**
   * Sends the feeds to the devices.
   * @param shards  the shard that each device computes, ascending
   */
  protected transmit(devices: readonly string[], shards: readonly number[]): void {
    const { task } = this.step;
    if (shards.every((shard) => this.taskOf(shard) === task)) {
      this.scatter(devices, this.computation(this.feeds));
      return;
    }
    const own: string[] = [];
    for (const [index, shard] of shards.entries()) {
      const taskOfShard = this.taskOf(shard);
      if (taskOfShard === task) own.push(devices[index]!);
      else this.scatter([devices[index]!], this.computation(this.feeds, taskOfShard));
    }
    if (own.length > 0) this.scatter(own, this.computation(this.feeds));
  }

  protected scatter(devices: readonly string[], request: ComputeRequest): void {
    const bytes = bytesOfTensors(request.tensors);
    for (const device of devices) this.host.generation.tallies.of(device).sentBytes += bytes;
    this.context.transport.scatter(devices, request);
  }

  /** Returns the task number under which a shard was sent. */
  protected taskOf(shard: number): number {
    return this.#pending.taskOf(shard);
  }
  /** Whether a device was sent NaN or infinity that the feeds of the other devices may not contain. */
  protected get sentNotFinite(): boolean {
    return false;
  }
  /** Returns the feeds of one shard. */
  protected feedsOf(_shard: number): readonly Tensor[] {
    return this.feeds;
  }
  /** Returns how long surplus devices are held back; null asks all devices at once. */
  protected holdMs(): number | null {
    return null;
  }
  /** Stores a valid answer or a rescued shard. */
  protected abstract store(shard: number, tensors: readonly Tensor[]): void;
  /** Called when enough answers are in. Ends the step with `finish`, or rejects answers and waits for others. */
  protected abstract decode(now: number): void;
  /** Called for an answer or erasure that comes after the end of the step. */
  protected abstract afterEnd(): void;
  /** Returns whether the device's surplus answer is useful after the end of the step. */
  protected abstract wantsSurplus(device: Device): boolean;

  start(): void {
    if (!this.tryStart()) this.context.stepQueue.enqueue(this.host.generation.deployment, this);
  }

  /**
   * Scatters the step to every device with capacity. A device at its cap counts as an erasure. If too few devices
   * remain to decode the step, the step waits for capacity instead of being rescued by the data plane.
   */
  tryStart(): boolean {
    if (this.ended) return true;
    const { placement } = this.host.generation;
    const { seats } = this.step.plan;
    let ready = 0;
    let busy = 0;
    for (let shard = 0; shard < seats.length; shard++) {
      const availability = this.#availabilityAtStart(placement.serving(seats[shard]!));
      if (availability === 'ready') ready++;
      else if (availability === 'busy') busy++;
    }
    if (busy > 0 && ready < this.gather.needed) return false;
    this.#scatter();
    return true;
  }

  needsPlaceOn(device: Device, mirrored: boolean): boolean {
    const { mirror, placement } = this.host.generation;
    if (this.ended || mirror !== mirrored) return false;
    return this.step.plan.seats.some((seat) => placement.serving(seat) === device);
  }

  #availabilityOf(device: Device | null): Availability | undefined {
    return device?.availabilityFor(this.host.generation.mirror);
  }

  /** A step that starts leaves places for the step in turn. A step in progress does not, so that it can end. */
  #availabilityAtStart(device: Device | null): Availability | undefined {
    if (device === null) return undefined;
    const { mirror } = this.host.generation;
    return device.availabilityFor(mirror, this.context.stepQueue.placesKeptOn(device, mirror, this));
  }

  #scatter(): void {
    const { clock } = this.context;
    const { placement } = this.host.generation;
    const { seats } = this.step.plan;
    const now = clock.now();
    this.sentAt = now;
    const holdMs = this.holdMs();
    const devices: string[] = [];
    const shards: number[] = [];
    let expected = 0;
    for (let shard = 0; shard < seats.length; shard++) {
      const device = placement.serving(seats[shard]!);
      const trace: ShardTrace = { shard, device: null, sentAt: null, answeredAt: null, status: 'missing' };
      this.trace.shards.push(trace);
      const availability = this.#availabilityAtStart(device);
      const ready = availability === 'ready';
      if (holdMs !== null && expected >= this.gather.needed) {
        this.gather.erase(shard);
        this.#held.push(shard);
        continue;
      }
      if (ready) expected++;
      else this.gather.erase(shard);
      const sampled = this.host.sampled && !this.host.generation.mirror;
      const asked = ready || device?.probeDue(now) || (sampled && device?.hasRoomForSample);
      if (device !== null && asked) {
        this.#pending.begin(shard, device, now);
        trace.device = device.id;
        trace.sentAt = now;
        trace.status = 'waiting';
        devices.push(device.id);
        shards.push(shard);
      } else if (availability === 'busy') {
        trace.calledOff = true;
      }
      if (!ready && availability !== 'busy') trace.failed = true;
    }
    if (devices.length > 0) this.transmit(devices, shards);
    if (this.#held.length > 0) {
      this.#holdTimer = this.context.clock.schedule(holdMs!, () => {
        if (!this.ended && !this.recomputing) this.#askHeld();
      });
    }
    if (devices.length < seats.length) this.advance(now);
  }

  /**
   * Sends the feeds to the devices that were held back. Those at their caps are asked when they have capacity.
   * @returns false if none of them can compute now
   */
  #askHeld(): boolean {
    const { placement } = this.host.generation;
    const now = this.context.clock.now();
    const devices: string[] = [];
    const shards: number[] = [];
    const busy: number[] = [];
    this.#holdEnded = true;
    for (const shard of this.#held) {
      if (this.gather.state(shard) !== 'erased') continue;
      const device = placement.serving(this.step.plan.seats[shard]!);
      const availability = this.#availabilityOf(device);
      if (availability === 'busy') busy.push(shard);
      if (device === null || availability !== 'ready') continue;
      this.#resend(shard, device, now);
      devices.push(device.id);
      shards.push(shard);
    }
    this.#held = busy;
    if (devices.length > 0) this.transmit(devices, shards);
    if (busy.length > 0) this.#awaitCapacity();
    return devices.length > 0;
  }

  /** Asks the step queue to call `resume` when devices may have capacity or return. */
  #awaitCapacity(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    this.context.stepQueue.waitForDevices(this);
  }

  answered(shard: number, message: FromDevice, computation: Computation): void {
    this.#pending.answered(shard, computation);
    const { device } = computation;
    if (message.kind === 'refusal') {
      this.host.generation.placement.refused(this.step.plan.seats[shard]!, device, message);
      this.erased(shard, 'refused');
      return;
    }
    const fault = this.faultIn(message, shard);
    if (fault !== null) {
      this.#blame(device, shard, fault, message);
      this.erased(shard, 'invalid');
      return;
    }
    this.host.generation.placement.answered(this.step.plan.seats[shard]!);
    if (!this.gather.answer(shard)) {
      countLate(computation);
      return;
    }
    const now = this.context.clock.now();
    const trace = this.trace.shards[shard]!;
    trace.answeredAt = now;
    trace.computeMs = message.computeMicros / 1000;
    this.store(shard, message.tensors);
    if (this.ended) {
      trace.status = 'late';
      this.afterEnd();
    } else {
      this.advance(now);
    }
  }

  #blame(device: Device, shard: number, { kind, problem }: AnswerFault, answer: Answer): void {
    const { deployment } = this.host.generation;
    if (kind === 'malformed') {
      this.context.fleet.strike(device, deployment, problem);
      return;
    }
    // Then an honest device also answers with NaN or infinity.
    if (kind === 'not-finite' && this.sentNotFinite) return;
    if (!this.ended) {
      this.#doubtful ??= new DoubtfulAnswers(this.context.fleet, deployment);
      this.#doubtful.add(device, shard, { kind, problem }, answer);
      return;
    }
    if (kind === 'not-finite' && this.farFromOverflow) this.context.fleet.strike(device, deployment, problem);
  }

  erased(shard: number, reason: ErasureReason): void {
    // A silent or late device may still answer. After any other erasure no answer comes.
    if (reason !== 'silent' && reason !== 'late') this.#pending.lost(shard);
    this.gather.erase(shard);
    const trace = this.trace.shards[shard]!;
    if (trace.status === 'waiting') trace.status = 'missing';
    trace.failed = true;
    if (this.ended) this.afterEnd();
    else this.advance(this.context.clock.now());
  }

  /** Carries out the gather's next decision. */
  protected advance(now: number): void {
    if (this.ended || this.recomputing) return;
    const decision = this.gather.next(this.#thresholdPassed ? Number.POSITIVE_INFINITY : now - this.sentAt);
    switch (decision.kind) {
      case 'decode':
        this.decode(now);
        return;
      case 'rescue':
        if (this.#askHeld()) return;
        if (!this.#mayRescue || this.#rescueDueAt(decision.shards) > now) {
          this.#waitForDevices();
          return;
        }
        for (const shard of decision.shards) this.gather.rescuing(shard);
        for (const shard of decision.shards) this.#rescue(shard);
        return;
      case 'fail':
        this.host.fail(
          this.#lastFailure ?? new LocalComputeError(this.step.id, null, 'no shard can be rescued'),
        );
        return;
      case 'wait':
        if (decision.untilMs !== null && this.#thresholdTimer === null) {
          const waitBudgetMs = this.host.waitBudgetMs(this.step.index);
          const leftMs = Math.max(0, Math.min(this.sentAt + decision.untilMs - now, waitBudgetMs));
          this.#thresholdTimer = this.context.clock.schedule(leftMs, () => {
            this.#thresholdPassed = true;
            this.advance(this.context.clock.now());
          });
        }
    }
  }

  /**
   * Waits until other devices can compute the missing shards, or the request ends. Also retries from time to time,
   * because a device that refused or lost a computation may compute the next one.
   */
  #waitForDevices(): void {
    // The devices agree on a doubtful answer. A rescue will show whether it is right.
    if (!this.#mayRescue && this.#doubtful !== null) {
      if (this.mayCompute) {
        if (this.#doubtful.devices.length > 1) this.#doubtful.compare((shard) => this.computeLocally(shard));
      } else if (this.trustDoubtful(this.#doubtful)) {
        this.#doubtful = null;
      } else if (this.#doubtful.devices.length > 1 && this.#doubtful.has('not-finite')) {
        this.host.fail(new NonFiniteOutputError(this.step.id));
        return;
      }
    }
    this.#awaitCapacity();
    if (this.resume()) return;
    this.#resumeTimer ??= this.context.clock.schedule(this.#resumeAfterMs(), () => {
      this.#resumeTimer = null;
      if (this.ended || !this.#waiting) return;
      if (this.#mayRescue) this.advance(this.context.clock.now());
      else this.#waitForDevices();
    });
  }

  #resumeAfterMs(): number {
    const { probeEveryMs } = this.context.options;
    if (!this.#mayRescue) return probeEveryMs;
    const erased = this.trace.shards.flatMap(({ shard }) =>
      this.gather.state(shard) === 'erased' ? [shard] : [],
    );
    const leftMs = this.#rescueDueAt(erased) - this.context.clock.now();
    return Math.min(Math.max(leftMs, SHORTEST_WAIT_MS), probeEveryMs);
  }

  /** When the data plane may compute the shards: their failures must be detected first. */
  #rescueDueAt(shards: readonly number[]): number {
    const { placement } = this.host.generation;
    return Math.max(...shards.map((shard) => placement.detectedAt(this.step.plan.seats[shard]!)));
  }

  resume(): boolean {
    if (this.#holdEnded && this.#held.length > 0 && !this.ended && !this.recomputing) this.#askHeld();
    const now = this.context.clock.now();
    const { placement } = this.host.generation;
    const { seats } = this.step.plan;
    const devices: string[] = [];
    const shards: number[] = [];
    const missing = () => this.gather.needed - this.gather.answered - this.gather.outstanding;
    for (let shard = 0; shard < seats.length && !this.ended && missing() > 0; shard++) {
      if (this.gather.state(shard) !== 'erased') continue;
      const device = placement.serving(seats[shard]!);
      if (device === null || (this.#availabilityOf(device) !== 'ready' && !device.probeDue(now))) continue;
      if (!this.#mayResend(shard, device, now)) continue;
      this.#resend(shard, device, now);
      devices.push(device.id);
      shards.push(shard);
    }
    if (devices.length > 0) this.transmit(devices, shards);
    const done = this.ended || (missing() <= 0 && !(this.#holdEnded && this.#held.length > 0));
    if (done) this.#waiting = false;
    return done;
  }

  /** A device gets the same shard again only after a pause, so that refusals do not repeat without end. */
  #mayResend(shard: number, device: Device, now: number): boolean {
    if (this.#pending.isLate(shard, device)) return false;
    const { device: previous, sentAt } = this.trace.shards[shard]!;
    return previous !== device.id || now - sentAt! >= this.context.options.probeEveryMs;
  }

  #resend(shard: number, device: Device, now: number): void {
    this.#pending.begin(shard, device, now);
    this.gather.expect(shard);
    const trace = this.trace.shards[shard]!;
    Object.assign(trace, { device: device.id, sentAt: now, status: 'waiting' });
    delete trace.failed;
  }

  #rescue(shard: number): void {
    this.computeLocally(shard).then(
      (tensors) => {
        if (this.ended || this.recomputing || tensors === null || !this.gather.rescued(shard)) return;
        this.trace.shards[shard]!.status = 'rescued';
        this.host.rescued++;
        this.tallyOf(shard, 'rescued');
        this.store(shard, tensors);
        this.advance(this.context.clock.now());
      },
      (cause: unknown) => {
        if (this.ended || this.recomputing) return;
        this.#lastFailure = new LocalComputeError(this.step.id, shard, cause);
        this.gather.rescueFailed(shard);
        this.advance(this.context.clock.now());
      },
    );
  }

  protected computation(tensors: readonly Tensor[], task = this.step.task): ComputeRequest {
    const request = { kind: 'compute', request: this.host.id, task, tensors } as const;
    const { plan } = this.step;
    const batch = plan.kind === 'coded' && plan.batchable === true && this.host.policy.batch !== false;
    return batch ? { ...request, batch: true } : request;
  }

  /**
   * Computes one shard on the data plane.
   * @returns null if the output contains NaN or infinity, and `notFiniteByModel` has handled that
   * @throws {Error} the engine fails or returns a malformed output
   */
  protected async computeLocally(shard: number): Promise<readonly Tensor[] | null> {
    const { tensors, finite } = await this.runLocally(shard);
    if (finite) return tensors;
    this.notFiniteByModel();
    return null;
  }

  /**
   * Computes one shard on the data plane.
   * @returns its tensors, and whether their values are valid in this step
   * @throws {Error} the engine fails or returns a malformed output
   */
  protected async runLocally(
    shard: number,
  ): Promise<{ readonly tensors: readonly Tensor[]; readonly finite: boolean }> {
    const feeds = this.feedsOf(shard);
    const { compute, clock } = this.context;
    const timeoutMs = this.host.deadlineAt - clock.now();
    const tensors = await compute.run(this.artifactOf(shard), this.step.names, feeds, timeoutMs);
    this.trustLocalOutputs(tensors);
    const answer: Answer = { kind: 'answer', request: 0, task: 0, computeMicros: 0, tensors };
    const fault = this.faultIn(answer, shard);
    if (fault !== null && fault.kind !== 'not-finite') throw new Error(fault.problem);
    return { tensors, finite: fault === null };
  }

  /** Whether the delivered outputs show that no correct shard can have overflowed float32. */
  protected get farFromOverflow(): boolean {
    return false;
  }

  /** Blames the devices whose doubtful answers the delivered outputs prove wrong. */
  protected judge(doubtful: DoubtfulAnswers, outputs: readonly Tensor[]): void {
    doubtful.judge(outputs, this.step.plan.seats.length);
  }

  /** Delivers the outputs, then cancels the computations that are no longer needed. */
  protected finish(outputs: readonly Tensor[]): void {
    this.ended = true;
    // Read the clock here, so that the step's time includes decoding.
    this.trace.finishedAt = this.context.clock.now();
    this.#cancelTimers();
    // The next step's scatter must go out before the cancels, because the request waits for it.
    this.host.stepFinished(this.step.index, outputs);
    this.cancelComputations(true);
    if (this.#doubtful !== null) this.judge(this.#doubtful, outputs);
  }

  /** Ends the step without outputs, because the request ended. */
  abandon(): void {
    if (this.ended) return;
    this.ended = true;
    this.#cancelTimers();
    this.cancelComputations(false);
  }

  #cancelTimers(): void {
    this.#holdTimer?.();
    this.#thresholdTimer?.();
    this.#resumeTimer?.();
  }

  /** Counts a shard that its device did not answer in time. */
  protected tallyOf(shard: number, how: 'recovered' | 'rescued'): void {
    const { placement, tallies } = this.host.generation;
    const device = this.trace.shards[shard]!.device ?? placement.seatDevices[this.step.plan.seats[shard]!];
    if (device) tallies.of(device)[how]++;
  }

  protected deviceOf(shard: number): Device | undefined {
    const id = this.trace.shards[shard]!.device;
    return id === null ? undefined : this.context.fleet.get(id);
  }

  /** Whether an answer can still come. */
  protected get awaitsAnswers(): boolean {
    return this.#pending.any;
  }

  /** Cancels the pending computations. @param keepSurplus  keeps those whose surplus answer is still useful */
  protected cancelComputations(keepSurplus: boolean): void {
    const now = this.context.clock.now();
    const kept = ({ device }: Computation) => keepSurplus && this.wantsSurplus(device);
    this.#pending.cancel(kept, (shard, { sentAt }) => {
      const trace = this.trace.shards[shard]!;
      if (!trace.failed && now - sentAt < this.context.options.verifyWithinMs) trace.calledOff = true;
      this.gather.erase(shard);
      if (trace.status === 'waiting') trace.status = 'missing';
    });
  }
}
