import { GATEWAY_LIMITS } from './gateway-limits.ts';

/** Tells of refusals, but of each kind and device only once a minute: agents that are refused keep trying. */
export class RefusalLog {
  readonly #tell: (device: string | null, message: string) => void;
  readonly #toldAt = new Map<string, number>();

  constructor(tell: (device: string | null, message: string) => void) {
    this.#tell = tell;
  }

  add(device: string | null, code: string, message: string, nowMs: number): void {
    const key = `${code} ${device}`;
    const last = this.#toldAt.get(key);
    if (last !== undefined && nowMs - last < GATEWAY_LIMITS.refusalEveryMs) return;
    // Ids are the peers' own choice: a map of them has to have an end. The oldest goes first.
    this.#toldAt.delete(key);
    this.#toldAt.set(key, nowMs);
    if (this.#toldAt.size > GATEWAY_LIMITS.refusalsRemembered) {
      const [oldest] = this.#toldAt.keys();
      this.#toldAt.delete(oldest!);
    }
    this.#tell(device, message);
  }
}
