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

/**
 * One thread reaches three quarters of a machine's memory bandwidth or more (75–100 % measured with ONNX Runtime's
 * matrix-vector products), so that all cores together go through weights a third faster than one at most.
 */
const THREADS_THAT_FILL_MEMORY = 4 / 3;

/**
 * What is shared while a request is on its way, and until when it is busy: devices, which compute one thing after the
 * other; machines, whose cores their devices share; the data plane's link; its engine.
 *
 * A device takes a hop, its bytes over its own link, and its computing. On a machine of its own a hop is waiting. On
 * the data plane's machine nothing waits for a network: there all of a hop is work for the processor (waking two
 * processes, parsing, copying), which several devices cannot do at once when there are fewer cores. Steps that do not
 * wait for each other queue for what they share.
 */
export class Timeline {
  readonly #costs: Costs;
  readonly #seats = new Map<number, number>();
  readonly #machines = new Map<string, number>();
  #linkMs = 0;
  #engineMs = 0;

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
    for (const { seat, workMs } of parts) occupy(this.#seats, seat, startMs, workMs);
    for (const { speed, workMs, memoryMs } of parts) {
      if (!speed) continue;
      const memoryThreads = Math.min(speed.cores, THREADS_THAT_FILL_MEMORY);
      const takesMs = (workMs - memoryMs) / speed.cores + memoryMs / memoryThreads;
      occupy(this.#machines, speed.machine, startMs, takesMs);
    }
    const linkTakesMs = this.#linkTakesMs(seats);
    this.#linkMs = Math.max(this.#linkMs, startMs) + linkTakesMs;
    const seatMs = parts.map(({ seat, speed, waitMs }) => {
      const doneMs = this.#seats.get(seat)!;
      // What is not measured has no link of its own: its bytes take the data plane's time, before it computes.
      if (!speed) return waitMs + doneMs + linkTakesMs;
      const sharedMs = Math.max(doneMs, this.#machines.get(speed.machine)!);
      return waitMs + (speed.besideDataPlane ? sharedMs : Math.max(sharedMs, this.#linkMs));
    });
    const sorted = [...seatMs].sort((a, b) => a - b);
    return { seatMs, ms: sorted[Math.min(needed, sorted.length) - 1] ?? startMs };
  }

  /** What a seat waits for, and what keeps it and its machine busy. */
  #part({ seat, computeMs, memoryMs = 0, bytes, speed }: SeatWork) {
    const hopMs = speed?.hopMs ?? this.#costs.hopMs;
    const bytesMs = speed?.bytesPerMs ? bytes / speed.bytesPerMs : 0;
    const workMs = this.#costs.engineCallMs + computeMs + bytesMs;
    return speed?.besideDataPlane
      ? { seat, speed, waitMs: 0, workMs: hopMs + workMs, memoryMs }
      : { seat, speed, waitMs: hopMs, workMs, memoryMs };
  }

  /** All bytes that leave the machine pass the data plane's link, which is at least as fast as the fastest device's. */
  #linkTakesMs(seats: readonly SeatWork[]): number {
    const away = seats.filter(({ speed }) => !speed?.besideDataPlane);
    if (away.length === 0) return 0;
    const bytes = away.reduce((sum, each) => sum + each.bytes, 0);
    return bytes / Math.max(...away.map(({ speed }) => speed?.bytesPerMs ?? this.#costs.bytesPerMs));
  }
}

function occupy<Key>(busyUntil: Map<Key, number>, key: Key, startMs: number, takesMs: number): void {
  busyUntil.set(key, Math.max(busyUntil.get(key) ?? 0, startMs) + takesMs);
}

/** A step by itself on an idle fleet, from its own start. */
export function stepTime(seats: readonly SeatWork[], needed: number, costs: Costs): StepTime {
  return new Timeline(costs).distributed(0, seats, needed);
}
