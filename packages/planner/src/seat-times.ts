import type { Costs, DeviceSpeed } from './costs.ts';

/** What one seat does in one step. */
export interface SeatWork {
  readonly seat: number;
  readonly computeMs: number;
  /** The part of it that goes through weights in memory; 0 where it is missing. */
  readonly memoryMs?: number;
  /** Sent to it and taken back. */
  readonly bytes: number;
  /** Of the device that sits there, where it was measured. */
  readonly speed: DeviceSpeed | undefined;
}

export interface StepTime {
  /** When each seat's answer is in, by position; milliseconds from the request's start. */
  readonly seatMs: readonly number[];
  /** When enough of them are in. */
  readonly ms: number;
}

/** A seat's work, taken apart by what it keeps busy; milliseconds. */
interface Part {
  readonly seat: number;
  readonly speed: DeviceSpeed | undefined;
  /** Nothing is busy. */
  readonly waitMs: number;
  /** The data plane's thread; 0 on other machines, where nothing waits for it. */
  readonly planeMs: number;
  /** The device. */
  readonly workMs: number;
  /** The part of `workMs` that goes through weights in memory. */
  readonly memoryMs: number;
}

/**
 * One thread reaches three quarters of a machine's memory bandwidth or more (75–100 % measured with ONNX Runtime's
 * matrix-vector products), so that all cores together go through weights a third faster than one at most.
 */
const THREADS_THAT_FILL_MEMORY = 4 / 3;

/**
 * Of a hop to a device on the data plane's machine, what is work for the data plane's one thread, and as much again for
 * the device. The rest is being woken, which devices are at the same time: five small answers take little more than
 * twice as long as one, measured on two cores.
 */
const WORK_OF_A_LOCAL_HOP = 0.15;

/**
 * What is shared while a request is on its way, and until when it is busy: devices, which compute one thing after the
 * other; machines, whose cores their devices share; the data plane's link; its engine; its thread.
 *
 * A device takes a hop, its bytes over its own link, and its computing. On a machine of its own a hop is waiting. On
 * the data plane's machine nothing waits for a network: there a part of a hop, and all of the bytes, are work for the
 * processor (parsing, copying), half of it on the data plane's thread, which serves one device after the other. Steps
 * that do not wait for each other queue for what they share.
 *
 * Cores are never shared out so well that all are busy until the end. Whoever takes the next piece of work whenever a
 * core is free ends after work / cores + (1 − 1 / cores) × the longest piece at most (R. L. Graham, Bounds for Certain
 * Multiprocessing Anomalies, 1966). Devices that are woken all at once, and the thread that wakes them, come close to
 * that: without the second term six plans on two cores were predicted a third too fast.
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

  /** @param computeMs  of a step on the data plane. @returns when it is done */
  local(startMs: number, computeMs: number): number {
    this.#engineMs = Math.max(this.#engineMs, startMs) + this.#costs.engineCallMs + computeMs;
    return this.#engineMs;
  }

  /**
   * A step over devices.
   * @param startMs  when what it reads is there
   * @param needed   so many answers suffice
   */
  distributed(startMs: number, seats: readonly SeatWork[], needed: number): StepTime {
    const parts = seats.map((work) => this.#part(work));
    for (const { seat, planeMs, workMs } of parts) {
      const sentMs = planeMs > 0 ? this.#passPlane(startMs, planeMs) : startMs;
      occupy(this.#seats, seat, sentMs, workMs);
    }
    const machines = this.#shareCores(startMs, parts);
    const linkTakesMs = this.#linkTakesMs(seats);
    this.#linkMs = Math.max(this.#linkMs, startMs) + linkTakesMs;
    const seatMs = parts.map(({ seat, speed, waitMs }) => {
      const doneMs = this.#seats.get(seat)!;
      // What is not measured has no link of its own: its bytes take the data plane's time, before it computes.
      if (!speed) return waitMs + doneMs + linkTakesMs;
      const sharedMs = Math.max(doneMs, machines.get(speed.machine)!);
      return waitMs + (speed.besideDataPlane ? sharedMs : Math.max(sharedMs, this.#linkMs));
    });
    const sorted = [...seatMs].sort((a, b) => a - b);
    return { seatMs, ms: sorted[Math.min(needed, sorted.length) - 1] ?? startMs };
  }

  /** @returns when each machine is done with its devices' parts */
  #shareCores(startMs: number, parts: readonly Part[]): Map<string, number> {
    const byMachine = new Map<string, (Part & { speed: DeviceSpeed })[]>();
    for (const part of parts) {
      const { speed } = part;
      if (speed) byMachine.set(speed.machine, [...(byMachine.get(speed.machine) ?? []), { ...part, speed }]);
    }
    const doneMs = new Map<string, number>();
    for (const [machine, sharers] of byMachine) {
      const { cores } = sharers[0]!.speed;
      const memoryThreads = Math.min(cores, THREADS_THAT_FILL_MEMORY);
      for (const { planeMs, workMs, memoryMs } of sharers) {
        const takesMs = (planeMs + workMs - memoryMs) / cores + memoryMs / memoryThreads;
        occupy(this.#machines, machine, startMs, takesMs);
      }
      // What there is no core for at first: a whole device's part, or only what the data plane's thread does for them.
      const besidesMs =
        sharers.length > cores ? Number.POSITIVE_INFINITY : sum(sharers, ({ planeMs }) => planeMs);
      const longestMs = Math.max(...sharers.map(({ workMs }) => workMs));
      const unevenMs = (1 - 1 / cores) * Math.min(longestMs, besidesMs);
      doneMs.set(machine, this.#machines.get(machine)! + unevenMs);
    }
    return doneMs;
  }

  /** What a seat waits for, and what keeps it, the data plane's thread and its machine busy. */
  #part({ seat, computeMs, memoryMs = 0, bytes, speed }: SeatWork): Part {
    const hopMs = speed?.hopMs ?? this.#costs.hopMs;
    const bytesMs = speed?.bytesPerMs ? bytes / speed.bytesPerMs : 0;
    const engineMs = this.#costs.engineCallMs + computeMs;
    if (!speed?.besideDataPlane)
      return { seat, speed, waitMs: hopMs, planeMs: 0, workMs: bytesMs + engineMs, memoryMs };
    const planeMs = hopMs * WORK_OF_A_LOCAL_HOP + bytesMs / 2;
    const waitMs = hopMs * (1 - 2 * WORK_OF_A_LOCAL_HOP);
    return { seat, speed, waitMs, planeMs, workMs: planeMs + engineMs, memoryMs };
  }

  /** The data plane's thread sends to a device, and takes its answer. @returns when that is done */
  #passPlane(startMs: number, takesMs: number): number {
    this.#planeMs = Math.max(this.#planeMs, startMs) + takesMs;
    return this.#planeMs;
  }

  /** All bytes that leave the machine pass the data plane's link, which is at least as fast as the fastest device's. */
  #linkTakesMs(seats: readonly SeatWork[]): number {
    const away = seats.filter(({ speed }) => !speed?.besideDataPlane);
    if (away.length === 0) return 0;
    return (
      sum(away, ({ bytes }) => bytes) /
      Math.max(...away.map(({ speed }) => speed?.bytesPerMs ?? this.#costs.bytesPerMs))
    );
  }
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

function occupy<Key>(busyUntil: Map<Key, number>, key: Key, startMs: number, takesMs: number): void {
  busyUntil.set(key, Math.max(busyUntil.get(key) ?? 0, startMs) + takesMs);
}

/** A step by itself on an idle fleet, from its own start. */
export function stepTime(seats: readonly SeatWork[], needed: number, costs: Costs): StepTime {
  return new Timeline(costs).distributed(0, seats, needed);
}
