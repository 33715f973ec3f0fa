import type { SeatTask } from '@sparewheel/coordinator';
import type { Artifact } from '@sparewheel/planner';
import {
  type Answer,
  type ComputeRequest,
  canBatch,
  type FromDevice,
  joinRows,
  LIMITS,
  largestBatch,
  splitRows,
  type Tensor,
  type ToDevice,
} from '@sparewheel/protocol';
import type { Random } from '@sparewheel/runtime/random';
import { type DelayDistribution, type Direction, healthyDirection, type LinkDirection } from './link.ts';
import type { Kernel } from './synthetic-model.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** A wrong answer: an amount that is added to one value, or an obviously malformed answer. */
export type Lie = { readonly amount: number; readonly probability: number } | 'not-finite' | 'wrong-shape';

export interface DeviceTraits {
  readonly network: DelayDistribution;
  /** The time of a computation, uniform in this range. */
  readonly computeMs: readonly [from: number, to: number];
  /** Answers requests of an earlier connection on the next one, as a foreign agent might. */
  readonly answersAfterReconnect: boolean;
}

/** The ways of a device's messages to the data plane. */
export interface Replies {
  readonly answer: (message: FromDevice) => void;
  /** Reports computations that take long, on the control connection. */
  readonly report: (computations: readonly { request: number; task: number }[]) => void;
}

interface Job {
  readonly request: ComputeRequest;
  readonly reply: (message: FromDevice) => void;
  readonly receivedAt: number;
  canceled: boolean;
}

/** Queued requests kept after a reconnect. With the current one, each answered twice, that is the limit in docs/LIMITS.md. */
const KEPT_AFTER_RECONNECT = 2;

/** One run of the device process. Loaded tasks and the queue end with it; the disk survives. */
export interface Life {
  readonly incarnation: number;
  readonly tasks: Map<number, SeatTask>;
  queue: Job[];
  /** Jobs that are computed together. */
  computing: readonly Job[];
  reporting: boolean;
  /** Messages received during a pause. */
  inbox: (() => void)[];
}

/** Learns of a device's wrong answers and of its batches. */
export interface DeviceObserver {
  /** The device computed these requests in one run. */
  batched(requests: readonly ComputeRequest[]): void;
  lied(device: VirtualDevice, answer: Answer, task: SeatTask): void;
}

/** A device: a disk, and a process that computes one request, or the waiting ones of a batch, after the other. */
export class VirtualDevice {
  readonly disk = new Set<string>();
  readonly link: Record<Direction, LinkDirection> = {
    toDevice: healthyDirection(),
    fromDevice: healthyDirection(),
  };
  life: Life | null = null;
  incarnations = 0;
  paused = false;
  slowFactor = 1;
  lie: Lie | null = null;
  /** Whether the device ever sent an answer that a correct device never sends. */
  everLied = false;
  refuseCode: string | null = null;
  failInstalls = 0;
  longestQueue = 0;
  /** When the current computation ends, and when the last message in flight arrives. */
  busyUntil = 0;
  lastArrivalAt = 0;
  /** When the device has finished its control messages. */
  controlFreeAt = 0;

  constructor(
    readonly id: string,
    readonly traits: DeviceTraits,
    readonly clock: VirtualClock,
    readonly random: Random,
    readonly kernelOf: (artifact: Artifact) => Kernel,
    readonly observer: DeviceObserver,
    /** The time of a computation of an artifact, if it differs from the other computations of the device. */
    readonly computeMsOf: (artifact: Artifact) => DeviceTraits['computeMs'] | null = () => null,
  ) {}

  start(): Life {
    const incarnation = ++this.incarnations;
    const tasks = new Map<number, SeatTask>();
    this.life = { incarnation, tasks, queue: [], computing: [], reporting: false, inbox: [] };
    return this.life;
  }

  kill(): void {
    this.life = null;
    this.paused = false;
  }

  resume(): void {
    this.paused = false;
    const inbox = this.life?.inbox.splice(0) ?? [];
    for (const work of inbox) this.#whenRunning(work);
  }

  /** Drops the queue after the connection broke. A paused device first handles the messages received before. */
  forgetQueue(): void {
    this.#whenRunning(() => {
      const life = this.life!;
      if (this.traits.answersAfterReconnect) {
        life.queue.splice(KEPT_AFTER_RECONNECT);
        return;
      }
      for (const job of [...life.queue, ...life.computing]) job.canceled = true;
      life.queue = [];
    });
  }

  /** Receives a message on the tensor connection. */
  receive(message: ToDevice, { answer: reply, report }: Replies): void {
    this.#whenRunning(() => {
      const life = this.life!;
      if (message.kind === 'cancel') {
        const isMeant = ({ request }: Job) =>
          request.request === message.request && request.task === message.task;
        life.queue = life.queue.filter((job) => !isMeant(job));
        return;
      }
      const { request, task } = message;
      const refuse = (code: string) => reply({ kind: 'refusal', request, task, code, message: 'no' });
      if (this.refuseCode !== null) refuse(this.refuseCode);
      else if (!life.tasks.has(task)) refuse('unknown-task');
      else if (life.queue.length >= LIMITS.inFlightPerDevice + LIMITS.mirroredPerDevice) refuse('overloaded');
      else {
        life.queue.push({ request: message, reply, receivedAt: this.clock.now(), canceled: false });
        this.#scheduleReport(life, report);
        this.longestQueue = Math.max(this.longestQueue, life.queue.length);
        this.#work(life);
      }
    });
  }

  /** Receives a message on the control connection. */
  control(work: (life: Life) => void): void {
    this.#whenRunning(() => work(this.life!));
  }

  #whenRunning(work: () => void): void {
    if (!this.life) return;
    if (this.paused) this.life.inbox.push(work);
    else work();
  }

  #work(life: Life): void {
    if (life.computing.length > 0 || this.life !== life) return;
    const job = life.queue.shift();
    if (!job) return;
    const jobs = [job, ...this.#takeBatch(life, job)];
    life.computing = jobs;
    const artifact = life.tasks.get(job.request.task)?.artifact;
    const [from, to] = (artifact && this.computeMsOf(artifact)) ?? this.traits.computeMs;
    const ms = this.random.between(from, to) * this.slowFactor;
    this.busyUntil = this.clock.now() + ms;
    this.clock.schedule(ms, () => {
      if (this.life !== life) return;
      this.#whenRunning(() => {
        life.computing = [];
        if (jobs.length === 1) this.#answer(life, job, ms);
        else this.#answerBatch(life, jobs, ms);
        this.#work(life);
      });
    });
  }

  /** Takes the waiting jobs that an agent would compute together with this one. */
  #takeBatch(life: Life, { request }: Job): Job[] {
    if (!request.batch) return [];
    const most = largestBatch(request.tensors[0]!) - 1;
    const taken = life.queue.filter((job) => canBatch(request, job.request)).slice(0, most);
    life.queue = life.queue.filter((job) => !taken.includes(job));
    return taken;
  }

  /** Reports long computations as an agent does, until none is left. */
  #scheduleReport(life: Life, report: Replies['report']): void {
    if (life.reporting) return;
    life.reporting = true;
    this.clock.schedule(LIMITS.reportComputingMs, () => {
      if (this.life !== life) return;
      this.#whenRunning(() => {
        life.reporting = false;
        const jobs = [...life.computing, ...life.queue];
        if (jobs.length === 0) return;
        const before = this.clock.now() - LIMITS.reportComputingMs;
        const long = jobs.filter(({ receivedAt, canceled }) => receivedAt <= before && !canceled);
        if (long.length > 0) report(long.map(({ request: { request, task } }) => ({ request, task })));
        this.#scheduleReport(life, report);
      });
    });
  }

  #answerBatch(life: Life, jobs: readonly Job[], ms: number): void {
    const loaded = life.tasks.get(jobs[0]!.request.task);
    this.observer.batched(jobs.map(({ request }) => request));
    const joined = joinRows(jobs.map(({ request }) => request.tensors[0]!));
    const outputs = loaded && this.kernelOf(loaded.artifact)([joined]).map((x) => splitRows(x, jobs.length));
    for (const [index, job] of jobs.entries())
      this.#answer(
        life,
        job,
        ms,
        outputs?.map((parts) => parts[index]!),
      );
  }

  /** @param computed  the outputs, if they were computed in a batch */
  #answer(life: Life, { request, reply, canceled }: Job, ms: number, computed?: readonly Tensor[]): void {
    if (canceled) return;
    const loaded = life.tasks.get(request.task);
    if (!loaded) {
      const { request: id, task } = request;
      reply({ kind: 'refusal', request: id, task, code: 'unknown-task', message: 'no' });
      return;
    }
    const tensors = computed ?? this.kernelOf(loaded.artifact)(request.tensors);
    const answer: Answer = {
      kind: 'answer',
      request: request.request,
      task: request.task,
      computeMicros: Math.round(ms * 1000),
      tensors,
    };
    const { lie } = this;
    if (lie === null || (typeof lie === 'object' && !this.random.chance(lie.probability))) {
      reply(answer);
      return;
    }
    this.everLied = true;
    this.observer.lied(this, answer, loaded);
    reply(this.#told(answer, lie));
  }

  #told(answer: Answer, lie: Lie): Answer {
    const [first, ...others] = answer.tensors;
    const { type, dims } = first!;
    if (lie === 'wrong-shape') {
      const data = new Float32Array(first!.data.length + 1);
      const tensor: Tensor = { type: 'float32', dims: [1, data.length], data };
      return { ...answer, tensors: [tensor, ...others] };
    }
    const at = this.random.upTo(first!.data.length);
    if (lie === 'not-finite') {
      const data = Float32Array.from(first!.data as Float32Array);
      data[at] = Number.NaN;
      return { ...answer, tensors: [{ type: 'float32', dims, data }, ...others] };
    }
    const data = first!.data.slice() as Float32Array | Int32Array | Uint8Array;
    // A byte always changes by 1: a multiple of 256 would be no lie.
    const amount = type === 'float32' ? lie.amount : type === 'int32' ? Math.round(lie.amount) : 1;
    data[at] = data[at]! + amount;
    return { ...answer, tensors: [{ type, dims, data } as Tensor, ...others] };
  }
}
