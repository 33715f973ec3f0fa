import type { Costs, DeviceSpeed } from './costs.ts';

/** The work of one seat in one step. */
export interface SeatWork {
  readonly seat: number;
  readonly computeMs: number;
  /** The memory-bound part of `computeMs`; the default is 0. */
  readonly memoryMs?: number;
  /** Transfer in both directions. */
  readonly bytes: number;
  /** Of the seat's device, if measured. */
  readonly speed: DeviceSpeed | undefined;
}

export interface StepTime {
  /** Arrival time of each seat's answer, by position; milliseconds from the start of the request. */
  readonly seatMs: readonly number[];
  /** Time at which enough answers are in. */
  readonly ms: number;
}

/** A seat's work in milliseconds, by the resource it uses. */
interface WorkParts {
  readonly seat: number;
  readonly speed: DeviceSpeed | undefined;
  /** Waiting for the network; uses no resource. */
  readonly waitMs: number;
  /** On the data plane's thread. */
  readonly planeMs: number;
  /** On the device. */
  readonly workMs: number;
  /** The memory-bound part of `workMs`. */
  readonly memoryMs: number;
}

/**
 * Number of threads that saturate a machine's memory bandwidth. One thread reaches 75 to 100 % of it,
 * measured with matrix-vector products in ONNX Runtime, so all cores together are at most a third faster than
 * one.
 */
const THREADS_THAT_FILL_MEMORY = 4 / 3;

/**
 * Share of a hop to a device on the data plane's machine that is work on the data plane's thread. The device
 * does the same share again. The rest is wake-up time, which devices spend in parallel: measured on two
 * cores, five small answers take little more than twice as long as one.
 */
const LOCAL_HOP_WORK_SHARE = 0.15;

/**
 * Predicts the times of the steps of one request. Keeps, for every shared resource, the time until which it
 * is busy: devices, which compute one task at a time; machines, whose devices share the cores; the data
 * plane's link, engine and thread. Independent steps queue for shared resources.
 *
 * A device needs a hop, the transfer over its own link, and its computing. On a separate machine, a hop is
 * waiting, and the data plane's thread needs a time for each message and each byte. On the data plane's machine, a part
 * of the hop and the whole transfer (parsing, copying) use the processor, half of it on the data plane's thread, which serves one device after the other.
 *
 * Greedy scheduling on several cores ends at most at work / cores + (1 − 1 / cores) × the longest task (R. L.
 * Graham, Bounds for Certain Multiprocessing Anomalies, 1966). Devices that start together come close to this
 * bound: without the second term, the predictions for six plans on two cores were a third too fast.
 */
export class Timeline {
  readonly #costs: Costs;
  readonly #seats = new Map<number, number>();
  readonly #machines = new Map<string, number>();
  #linkMs = 0;
  #engineMs = 0;
  #planeMs = 0;

  constructor(costs: Costs) {
    this.#costs = costs;
  }

  /** Adds a step on the data plane. @returns the time at which it is done */
  local(startMs: number, computeMs: number): number {
    this.#engineMs = Math.max(this.#engineMs, startMs) + this.#costs.engineCallMs + computeMs;
    return this.#engineMs;
  }

  /**
   * Adds a step over devices.
   * @param startMs  time at which the step's inputs are ready
   * @param needed  number of answers that suffice
   */
  distributed(startMs: number, seats: readonly SeatWork[], needed: number): StepTime {
    const parts = seats.map((work) => this.#split(work));
    for (const { seat, planeMs, workMs } of parts) {
      const sentMs = planeMs > 0 ? this.#usePlaneThread(startMs, planeMs) : startMs;
      occupy(this.#seats, seat, sentMs, workMs);
    }
    const machines = this.#shareCores(startMs, parts);
    const linkTakesMs = this.#linkTakesMs(seats);
    this.#linkMs = Math.max(this.#linkMs, startMs) + linkTakesMs;
    const seatMs = parts.map(({ seat, speed, waitMs }) => {
      const doneMs = this.#seats.get(seat)!;
      // Without a measured link, the transfer uses the data plane's bandwidth, before the device computes.
      if (!speed) return waitMs + doneMs + linkTakesMs;
      const sharedMs = Math.max(doneMs, machines.get(speed.machine)!);
      return waitMs + (speed.besideDataPlane ? sharedMs : Math.max(sharedMs, this.#linkMs));
    });
    const sorted = [...seatMs].sort((a, b) => a - b);
    return { seatMs, ms: sorted[Math.min(needed, sorted.length) - 1] ?? startMs };
  }

  /** Returns the time at which each machine has finished the work of its devices. */
  #shareCores(startMs: number, parts: readonly WorkParts[]): Map<string, number> {
    const byMachine = new Map<string, (WorkParts & { speed: DeviceSpeed })[]>();
    for (const part of parts) {
      const { speed } = part;
      if (speed) byMachine.set(speed.machine, [...(byMachine.get(speed.machine) ?? []), { ...part, speed }]);
    }
    const doneMs = new Map<string, number>();
    for (const [machine, sharers] of byMachine) {
      const { cores } = sharers[0]!.speed;
      const memoryThreads = Math.min(cores, THREADS_THAT_FILL_MEMORY);
      for (const { planeMs, workMs, memoryMs, speed } of sharers) {
        const threads = Math.min(threadsOf(speed), cores);
        const onPlane = speed.besideDataPlane ? planeMs : 0;
        const coreMs = onPlane + (workMs - memoryMs) * threads;
        const takesMs = coreMs / cores + (memoryMs * Math.min(threads, memoryThreads)) / memoryThreads;
        occupy(this.#machines, machine, startMs, takesMs);
      }
      // The work that has no core at first: a whole device's, or only that of the data plane's thread.
      const queuedMs =
        sum(sharers, ({ speed }) => threadsOf(speed)) > cores
          ? Number.POSITIVE_INFINITY
          : sum(sharers, ({ planeMs, speed }) => (speed.besideDataPlane ? planeMs : 0));
      const longestMs = Math.max(...sharers.map(({ workMs }) => workMs));
      const unevenMs = (1 - 1 / cores) * Math.min(longestMs, queuedMs);
      doneMs.set(machine, this.#machines.get(machine)! + unevenMs);
    }
    return doneMs;
  }

  /** Splits a seat's work by resource. */
  #split({ seat, computeMs, memoryMs = 0, bytes, speed }: SeatWork): WorkParts {
    const hopMs = speed?.hopMs ?? this.#costs.hopMs;
    const bytesMs = speed?.bytesPerMs ? bytes / speed.bytesPerMs : 0;
    const engineMs = this.#costs.engineCallMs + computeMs;
    if (!speed?.besideDataPlane)
      return {
        seat,
        speed,
        waitMs: hopMs,
        planeMs: this.#costs.messageMs + bytes / this.#costs.messageBytesPerMs,
        workMs: bytesMs + engineMs,
        memoryMs,
      };
    const planeMs = hopMs * LOCAL_HOP_WORK_SHARE + bytesMs / 2;
    const waitMs = hopMs * (1 - 2 * LOCAL_HOP_WORK_SHARE);
    return { seat, speed, waitMs, planeMs, workMs: planeMs + engineMs, memoryMs };
  }

  /** Adds the transfer to and from one device. @returns the time at which the data plane's thread is done */
  #usePlaneThread(startMs: number, takesMs: number): number {
    this.#planeMs = Math.max(this.#planeMs, startMs) + takesMs;
    return this.#planeMs;
  }

  /** Returns the time on the data plane's link, which is at least as fast as the fastest device's link. */
  #linkTakesMs(seats: readonly SeatWork[]): number {
    const remote = seats.filter(({ speed }) => !speed?.besideDataPlane);
    if (remote.length === 0) return 0;
    const { bytesPerMs, dataPlaneBytesPerMs = 0 } = this.#costs;
    const links = remote.map(({ speed }) => speed?.bytesPerMs ?? bytesPerMs);
    return sum(remote, ({ bytes }) => bytes) / Math.max(dataPlaneBytesPerMs, ...links);
  }
}

function threadsOf({ threads = 1 }: DeviceSpeed): number {
  return threads;
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

function occupy<Key>(busyUntil: Map<Key, number>, key: Key, startMs: number, takesMs: number): void {
  busyUntil.set(key, Math.max(busyUntil.get(key) ?? 0, startMs) + takesMs);
}

/** Predicts a step that runs alone on an idle fleet; times from the start of the step. */
export function stepTime(seats: readonly SeatWork[], needed: number, costs: Costs): StepTime {
  return new Timeline(costs).distributed(0, seats, needed);
}
