import { type CoordinatorOptions, SHORTEST_WAIT_MS } from '../options.ts';
import type { Clock } from '../ports.ts';

/** A decoded step whose surplus answers are still to come. */
export interface PendingVerification {
  readonly finishedAt: number;
  /** Checks with the answers that are in, and lets go of them. */
  verifyNow(): void;
}

/** Steps waiting to be checked after their answer went out: bounded in number and in time, as they hold answers. */
export class PendingVerifications {
  readonly #pending = new Set<PendingVerification>();
  #timer: (() => void) | null = null;

  constructor(
    readonly clock: Clock,
    readonly options: CoordinatorOptions,
  ) {}

  get size(): number {
    return this.#pending.size;
  }

  add(step: PendingVerification): void {
    if (this.#pending.size >= this.options.pendingVerifications) {
      this.#pending.values().next().value!.verifyNow();
    }
    this.#pending.add(step);
    if (this.#timer === null) this.#arm(this.options.verifyWithinMs);
  }

  remove(step: PendingVerification): void {
    this.#pending.delete(step);
  }

  #arm(delayMs: number): void {
    this.#timer = this.clock.schedule(delayMs, () => {
      this.#timer = null;
      const now = this.clock.now();
      // In the order in which they were added, and so by age.
      for (const step of this.#pending) {
        const left = step.finishedAt + this.options.verifyWithinMs - now;
        if (left > 0) {
          this.#arm(Math.max(left, SHORTEST_WAIT_MS));
          return;
        }
        step.verifyNow();
      }
    });
  }
}
