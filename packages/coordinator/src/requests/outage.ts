import type { CoordinatorEvent } from '../events.ts';
import type { Placement } from '../placement/placement.ts';
import type { OutagePhase } from '../placement/redistribution.ts';
import type { RescueRule } from '../policy.ts';
import type { DeviceId } from '../ports.ts';

/** A time in which a deployment cannot answer. Times are in milliseconds of the coordinator's clock. */
export interface Outage extends OutagePhase {
  /** The seat and the device whose failure began the outage, and when it happened. */
  readonly seat: number;
  readonly device: DeviceId | null;
  readonly since: number;
  readonly phaseSince: number;
}

/** Follows the outages of one deployment. Pure: the caller passes time and events. */
export class OutageTracker {
  #current: Outage | null = null;

  get current(): Outage | null {
    return this.#current;
  }

  /**
   * Compares the outage with the placement.
   * @param inFlight  accepted requests that have not ended
   * @returns the event of a begin or an end
   */
  review(
    deployment: string,
    placement: Placement,
    rule: RescueRule,
    inFlight: number,
    now: number,
  ): CoordinatorEvent | null {
    const outage = this.#current;
    if (rule === 'data-plane' || placement.viable) {
      if (outage === null) return null;
      this.#current = null;
      const { seat, device, since } = outage;
      return { kind: 'outage-ended', deployment, seat, device, afterMs: now - since, inFlight };
    }
    const state = placement.outage;
    if (state === null) return null;
    const { phase, to } = state;
    if (outage === null) {
      const { seat, device, since } = state;
      // The phase of an earlier outage may not have been updated yet.
      this.#current = { seat, device, since, phase: 'detecting', to: null, phaseSince: since };
      return { kind: 'outage-began', deployment, seat, device, inFlight };
    }
    if (phase !== outage.phase || to !== outage.to) {
      this.#current = { ...outage, phase, to, phaseSince: phase === outage.phase ? outage.phaseSince : now };
    }
    return null;
  }
}
