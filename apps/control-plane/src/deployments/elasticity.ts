/** When a deployment should run on fewer devices than it was asked for, and on more again. Pure: time comes in. */

/** A spare heals a seat in seconds, and a device that restarts is back in seconds: this is neither. */
export const SHRINK_AFTER_MS = 30_000;
/** A device that has come is there to stay by then. */
export const GROW_AFTER_MS = 5_000;
/** After a change that could not be made. */
export const RETRY_AFTER_MS = 60_000;
/** With one data device a code is a replica of the whole. */
const FEWEST_DATA_DEVICES = 2;

export interface ElasticDeployment {
  readonly name: string;
  /** Data devices that were asked for, and those of the plan that serves. */
  readonly wantedK: number;
  readonly planK: number;
  readonly r: number;
  /** Every seat answers. */
  readonly whole: boolean;
  /** Devices that could hold a seat now, those that do included. */
  readonly devices: number;
}

/** Watches deployments and says when one of them is due for a plan of another size. */
export class Elasticity {
  readonly #due = new Map<string, { readonly k: number; readonly since: number }>();
  readonly #notBefore = new Map<string, number>();

  /** @returns the number of data devices to plan anew for, once; null where nothing is due */
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
    // Until it has been made there is no use in asking for it again.
    this.#notBefore.set(name, nowMs + RETRY_AFTER_MS);
    return k;
  }

  /** The change was made: the next one may follow as soon as it is due. */
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
  // A whole deployment is not made smaller, nor one whose gap a spare can fill.
  if (possible < planK) return whole || possible < FEWEST_DATA_DEVICES ? planK : possible;
  return possible;
}
