import type { DeviceId } from '../ports.ts';

/**
 * - `waiting`: in flight.
 * - `used`: the answer went into the result.
 * - `surplus`: the answer was in but not needed.
 * - `recovered`: a data shard decoded from the other answers.
 * - `rescued`: computed by the data plane.
 * - `late`: the answer came after the result.
 * - `missing`: the answer never came and was not needed.
 */
export type ShardStatus = 'waiting' | 'used' | 'surplus' | 'recovered' | 'rescued' | 'late' | 'missing';

export interface ShardTrace {
  readonly shard: number;
  /** null if nothing was sent for this shard. */
  device: DeviceId | null;
  /** Milliseconds of the coordinator's clock; null if nothing was sent. */
  sentAt: number | null;
  answeredAt: number | null;
  /** Engine time in milliseconds as reported by the device; absent without an answer. */
  computeMs?: number;
  status: ShardStatus;
  /**
   * The answer is missing because of the coordinator: it stopped waiting, or the device was at its cap and was sent
   * nothing. The arrival time is unknown, so statistics must not count the answer as lost.
   */
  calledOff?: true;
  /**
   * The device was down, silent or in quarantine, or it refused: no answer was expected. Absent for a device that is
   * only late. If `answeredAt` is set, the answer came nevertheless.
   */
  failed?: true;
}

export interface StepTrace {
  readonly step: string;
  readonly kind: 'local' | 'replicated' | 'coded';
  readonly startedAt: number;
  finishedAt: number | null;
  /** By shard index; empty for a local step. */
  readonly shards: ShardTrace[];
}

/** The timeline of one request. */
export interface RequestTrace {
  readonly request: number;
  readonly startedAt: number;
  finishedAt: number | null;
  /** Late answers are awaited and not canceled, so that their times are known. Absent for most requests. */
  sampled?: true;
  readonly steps: StepTrace[];
}

/** A ring buffer of the latest `capacity` traces. */
export class TraceRing {
  readonly #traces: RequestTrace[] = [];
  #next = 0;

  constructor(readonly capacity: number) {}

  add(trace: RequestTrace): void {
    if (this.capacity <= 0) return;
    this.#traces[this.#next] = trace;
    this.#next = (this.#next + 1) % this.capacity;
  }

  /** Returns the traces, oldest first. */
  list(): RequestTrace[] {
    return [...this.#traces.slice(this.#next), ...this.#traces.slice(0, this.#next)];
  }
}
