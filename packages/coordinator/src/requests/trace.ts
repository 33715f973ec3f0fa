import type { DeviceId } from '../ports.ts';

/**
 * `waiting` in flight; `used` went into the result; `spare` was in but not needed; `recovered` a data shard decoded
 * from the others; `rescued` computed by the data plane; `late` came after the result; `missing` never came and was
 * not needed.
 */
export type ShardStatus = 'waiting' | 'used' | 'surplus' | 'recovered' | 'rescued' | 'late' | 'missing';

export interface ShardTrace {
  readonly shard: number;
  /** null where the seat had no device that could be asked. */
  device: DeviceId | null;
  /** Milliseconds of the coordinator's clock; null where nothing was sent. */
  sentAt: number | null;
  answeredAt: number | null;
  /** Milliseconds of its engine, as the device tells; missing where nothing was answered. */
  computeMs?: number;
  status: ShardStatus;
  /** The coordinator stopped waiting for it, or did not ask a device at its cap: otherwise it might have come. */
  calledOff?: true;
}

export interface StepTrace {
  readonly step: string;
  readonly kind: 'local' | 'replicated' | 'coded';
  readonly startedAt: number;
  finishedAt: number | null;
  /** Empty for a local step. */
  readonly shards: ShardTrace[];
}

/** The waterfall of one request. */
export interface RequestTrace {
  readonly request: number;
  readonly startedAt: number;
  finishedAt: number | null;
  readonly steps: StepTrace[];
}

/** The last so many traces, oldest first. */
export class TraceRing {
  readonly #traces: RequestTrace[] = [];
  #next = 0;

  constructor(readonly capacity: number) {}

  add(trace: RequestTrace): void {
    if (this.capacity <= 0) return;
    this.#traces[this.#next] = trace;
    this.#next = (this.#next + 1) % this.capacity;
  }

  list(): RequestTrace[] {
    return [...this.#traces.slice(this.#next), ...this.#traces.slice(0, this.#next)];
  }
}
