import type { CoordinatorContext, StepHost } from '../context.ts';
import type { Computation, ComputationOwner, Device } from '../devices/device.ts';
import type { CodedProgramStep, ReplicatedProgramStep } from '../requests/program.ts';

/** The computations of one step that devices have not answered yet, by shard. */
export class PendingComputations {
  readonly #context: CoordinatorContext;
  readonly #host: StepHost;
  readonly #step: CodedProgramStep | ReplicatedProgramStep;
  readonly #owner: ComputationOwner;
  readonly #pending: (Computation | null)[];

  constructor(
    context: CoordinatorContext,
    host: StepHost,
    step: CodedProgramStep | ReplicatedProgramStep,
    owner: ComputationOwner,
    shards: number,
  ) {
    this.#context = context;
    this.#host = host;
    this.#step = step;
    this.#owner = owner;
    this.#pending = new Array<Computation | null>(shards).fill(null);
  }

  /** Whether an answer can still come. */
  get any(): boolean {
    return this.#pending.some((computation) => computation !== null);
  }

  /** Returns the task number under which a shard was sent. Substitutes have other numbers. */
  taskOf(shard: number): number {
    return this.#pending[shard]?.task ?? this.#step.task;
  }

  /** Registers that a device is asked for a shard, and cancels an earlier computation of the shard. Sends no feeds. */
  begin(shard: number, device: Device, now: number): void {
    const old = this.#pending[shard] ?? null;
    if (old?.device.cancel(old)) this.#sendCancel([old.device.id], old.task);
    const { placement, mirror: mirrored, tallies } = this.#host.generation;
    const substituted = placement.isSubstituted(this.#step.plan.seats[shard]!);
    const task = substituted ? this.#step.substituteTasks[shard]! : this.#step.task;
    const time = this.#step.answerTimes.of(device.id);
    this.#pending[shard] = device.send(this.#host.id, task, shard, this.#owner, now, {
      time,
      tally: tallies.of(device.id),
      mirrored,
    });
  }

  /** Whether this device is late with the shard, but computes it. */
  isLate(shard: number, device: Device): boolean {
    const computation = this.#pending[shard];
    return computation?.device === device && computation.late && computation.counted;
  }

  /** Forgets a computation that was answered, unless the shard was sent again since. */
  answered(shard: number, computation: Computation): void {
    if (this.#pending[shard] === computation) this.#pending[shard] = null;
  }

  /** Forgets a computation that will not be answered. */
  lost(shard: number): void {
    this.#pending[shard] = null;
  }

  /**
   * Cancels computations.
   * @param kept  returns whether a computation goes on
   * @param canceled  called before each cancellation
   */
  cancel(
    kept: (computation: Computation) => boolean,
    canceled: (shard: number, computation: Computation) => void,
  ): void {
    let devices: string[] | null = null;
    for (let shard = 0; shard < this.#pending.length; shard++) {
      const computation = this.#pending[shard]!;
      if (computation === null || kept(computation)) continue;
      this.#pending[shard] = null;
      canceled(shard, computation);
      if (!computation.device.cancel(computation)) continue;
      if (computation.task === this.#step.task) {
        devices ??= [];
        devices.push(computation.device.id);
      } else {
        this.#sendCancel([computation.device.id], computation.task);
      }
    }
    if (devices !== null) this.#sendCancel(devices, this.#step.task);
  }

  #sendCancel(devices: readonly string[], task: number): void {
    this.#context.transport.cancel(devices, { kind: 'cancel', request: this.#host.id, task });
  }
}
