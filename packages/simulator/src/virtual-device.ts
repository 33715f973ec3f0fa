import type { SeatTask } from '@sparewheel/coordinator';
import type { Artifact } from '@sparewheel/planner';
import {
  type Answer,
  type ComputeRequest,
  type FromDevice,
  LIMITS,
  type ToDevice,
} from '@sparewheel/protocol';
import { type DelayDistribution, type Direction, healthyDirection, type LinkDirection } from './link.ts';
import type { Random } from './random.ts';
import type { Kernel } from './synthetic-model.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** How a device lies: added to one value of each answer, or an answer that nobody could mistake for a right one. */
export type Lie = { readonly amount: number; readonly probability: number } | 'not-finite' | 'wrong-shape';

export interface DeviceTraits {
  readonly network: DelayDistribution;
  /** Time for one computation, uniform in between. */
  readonly computeMs: readonly [from: number, to: number];
  /** Answers what an earlier connection asked, on the next one: an agent of somebody else's making may. */
  readonly answersAfterReconnect: boolean;
}

interface Job {
  readonly request: ComputeRequest;
  readonly reply: (message: FromDevice) => void;
  cancelled: boolean;
}

/** What it computes just now and these, each answered twice by its link, is what docs/LIMITS.md has room for. */
const KEPT_AFTER_RECONNECT = 2;

/** One run of the device process. What it has loaded and queued ends with it; its disk does not. */
export interface Life {
  readonly incarnation: number;
  readonly tasks: Map<number, SeatTask>;
  queue: Job[];
  computing: Job | null;
  /** What came in while it was paused. */
  inbox: (() => void)[];
}

/** What the outside sees of a device's work. */
export interface DeviceObserver {
  lied(device: VirtualDevice, answer: Answer, task: SeatTask): void;
}

/** A device: a disk, and while it lives a process that computes one request after the other. */
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
  /** Whether it ever gave an answer that no honest device gives. */
  everLied = false;
  refuseCode: string | null = null;
  failInstalls = 0;
  longestQueue = 0;
  /** When what it computes now is done, and when the last message that is under way arrives. */
  busyUntil = 0;
  lastArrivalAt = 0;
  /** When it has done what came on the control connection so far. */
  controlFreeAt = 0;

  constructor(
    readonly id: string,
    readonly traits: DeviceTraits,
    readonly clock: VirtualClock,
    readonly random: Random,
    readonly kernelOf: (artifact: Artifact) => Kernel,
    readonly observer: DeviceObserver,
  ) {}

  start(): Life {
    this.life = { incarnation: ++this.incarnations, tasks: new Map(), queue: [], computing: null, inbox: [] };
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

  /** Its connection broke: nobody waits for what it was asked. One that is paused finds out after what came before. */
  forgetQueue(): void {
    this.#whenRunning(() => {
      const life = this.life!;
      if (this.traits.answersAfterReconnect) {
        life.queue.splice(KEPT_AFTER_RECONNECT);
        return;
      }
      for (const job of life.queue) job.cancelled = true;
      if (life.computing) life.computing.cancelled = true;
      life.queue = [];
    });
  }

  /** A message on the tensors connection. */
  receive(message: ToDevice, reply: (message: FromDevice) => void): void {
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
      else if (life.queue.length >= LIMITS.inFlightPerDevice) refuse('overloaded');
      else {
        life.queue.push({ request: message, reply, cancelled: false });
        this.longestQueue = Math.max(this.longestQueue, life.queue.length);
        this.#work(life);
      }
    });
  }

  /** A message on the control connection. */
  control(work: (life: Life) => void): void {
    this.#whenRunning(() => work(this.life!));
  }

  #whenRunning(work: () => void): void {
    if (!this.life) return;
    if (this.paused) this.life.inbox.push(work);
    else work();
  }

  #work(life: Life): void {
    if (life.computing !== null || this.life !== life) return;
    const job = life.queue.shift();
    if (!job) return;
    life.computing = job;
    const [from, to] = this.traits.computeMs;
    const ms = this.random.between(from, to) * this.slowFactor;
    this.busyUntil = this.clock.now() + ms;
    this.clock.schedule(ms, () => {
      if (this.life !== life) return;
      this.#whenRunning(() => {
        life.computing = null;
        if (!job.cancelled) this.#answer(life, job, ms);
        this.#work(life);
      });
    });
  }

  #answer(life: Life, { request, reply }: Job, ms: number): void {
    const loaded = life.tasks.get(request.task);
    if (!loaded) {
      const { request: id, task } = request;
      reply({ kind: 'refusal', request: id, task, code: 'unknown-task', message: 'no' });
      return;
    }
    const tensors = this.kernelOf(loaded.artifact)(request.tensors);
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
    const data = (first!.data as Float32Array).slice();
    if (lie === 'wrong-shape') {
      const tensor = {
        type: 'float32',
        dims: [1, data.length + 1],
        data: new Float32Array(data.length + 1),
      } as const;
      return { ...answer, tensors: [tensor, ...others] };
    }
    const at = this.random.upTo(data.length);
    data[at] = lie === 'not-finite' ? Number.NaN : data[at]! + lie.amount;
    return { ...answer, tensors: [{ type: 'float32', dims: first!.dims, data }, ...others] };
  }
}
