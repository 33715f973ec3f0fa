/** Decides when a deployment runs on fewer devices than requested, and when on more again. Pure: time is a parameter. */

/** A standby device takes over a seat in seconds, and a restarting device returns in seconds. This is longer. */
export const SHRINK_AFTER_MS = 30_000;
/** After this time, a new device counts as permanent. */
export const GROW_AFTER_MS = 5_000;
/** Delay after a failed change. */
export const RETRY_AFTER_MS = 60_000;
/** With one data device, a code would be a replica of the whole. */
const FEWEST_DATA_DEVICES = 2;

export interface ElasticDeployment {
  readonly name: string;
  /** The number of data devices that was requested, and that of the current plan. */
  readonly wantedK: number;
  readonly planK: number;
  readonly r: number;
  /** Whether every seat answers. */
  readonly whole: boolean;
  /** The number of devices that can hold a seat now, including those that do. */
  readonly devices: number;
}

/** Observes deployments and reports when one needs a plan of another size. */
export class Elasticity {
  readonly #due = new Map<string, { readonly k: number; readonly since: number }>();
  readonly #notBefore = new Map<string, number>();

  /** Returns the number of data devices for a new plan, once; null if no change is due. */
  observe(deployment: ElasticDeployment, nowMs: number): number | null {
    const { name, planK } = deployment;
    const k = sizeFor(deployment);
    if (k === planK) {
      this.#due.delete(name);
      return null;
    }
    const due = this.#due.get(name);
    if (due?.k !== k) {
      this.#due.set(name, { k, since: nowMs });
      return null;
    }
    const afterMs = k < planK ? SHRINK_AFTER_MS : GROW_AFTER_MS;
    if (nowMs - due.since < afterMs || nowMs < (this.#notBefore.get(name) ?? 0)) return null;
    this.#due.delete(name);
    // Report the change only once until it was made or the delay is over.
    this.#notBefore.set(name, nowMs + RETRY_AFTER_MS);
    return k;
  }

  /** Records that the change was made. The next one may follow without the delay. */
  changed(name: string): void {
    this.#notBefore.delete(name);
  }

  forget(name: string): void {
    this.#due.delete(name);
    this.#notBefore.delete(name);
  }
}

function sizeFor({ wantedK, planK, r, whole, devices }: ElasticDeployment): number {
  const possible = Math.min(wantedK, devices - r);
  // Neither a complete deployment nor one whose seat a standby device can take over gets smaller.
  if (possible < planK) return whole || possible < FEWEST_DATA_DEVICES ? planK : possible;
  return possible;
}
