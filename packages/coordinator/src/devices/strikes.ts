/** The invalid answers of one device, by deployment. They expire. */
export class Strikes {
  readonly #times = new Map<string, number[]>();

  /** Adds an invalid answer. @returns the number of those to the deployment that have not expired */
  add(deployment: string, now: number, expireMs: number): number {
    const recent = (this.#times.get(deployment) ?? []).filter((at) => now - at < expireMs);
    recent.push(now);
    this.#times.set(deployment, recent);
    return recent.length;
  }

  forget(deployment: string): void {
    this.#times.delete(deployment);
  }

  clear(): void {
    this.#times.clear();
  }
}
