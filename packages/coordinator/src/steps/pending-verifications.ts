import { type CoordinatorOptions, SHORTEST_WAIT_MS } from '../options.ts';
import type { Clock } from '../ports.ts';

/** A finished step that still waits for surplus answers. */
export interface PendingVerification {
  readonly finishedAt: number;
  /** Verifies with the answers that are in, and releases them. */
  verifyNow(): void;
}

/**
 * The steps that will be verified after their answer was used. Bounded in number and in time, because each step holds
 * answers in memory. When it is full, the oldest step is verified at once.
 */
export class PendingVerifications {
  readonly #pending = new Set<PendingVerification>();
  #timer: (() => void) | null = null;

  constructor(
    readonly clock: Clock,
    readonly options: CoordinatorOptions,
  ) {}

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
      // The set iterates in insertion order, oldest first.
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
