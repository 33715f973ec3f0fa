/** A step that waits until enough devices have room for it. */
export interface ParkedStep {
  /** @returns false where there is still no room */
  tryStart(): boolean;
}

/**
 * Steps for which too few devices have room although enough are alive: they wait instead of being rescued, or a
 * busy fleet would turn all its work over to the data plane. First come, first served within a deployment;
 * deployments take turns. Bounded by the requests in flight.
 */
export class Parking {
  readonly #queues = new Map<string, ParkedStep[]>();
  #pumping = false;

  get size(): number {
    let size = 0;
    for (const queue of this.#queues.values()) size += queue.length;
    return size;
  }

  park(deployment: string, step: ParkedStep): void {
    const queue = this.#queues.get(deployment);
    if (queue) queue.push(step);
    else this.#queues.set(deployment, [step]);
  }

  /** Starts what has room now. To be called whenever a device answered or the standing of one changed. */
  pump(): void {
    if (this.#queues.size === 0 || this.#pumping) return;
    this.#pumping = true;
    try {
      let progress = true;
      while (progress) {
        progress = false;
        for (const [deployment, queue] of [...this.#queues]) {
          if (!queue[0]!.tryStart()) continue;
          progress = true;
          queue.shift();
          // To the end of the line, or out of it.
          this.#queues.delete(deployment);
          if (queue.length > 0) this.#queues.set(deployment, queue);
        }
      }
    } finally {
      this.#pumping = false;
    }
  }
}
