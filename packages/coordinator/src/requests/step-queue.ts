import type { Device } from '../devices/device.ts';

/** A step that cannot start until enough devices have capacity for it. */
export interface QueuedStep {
  /** Starts the step if possible. @returns false if there is still too little capacity */
  tryStart(): boolean;
  /** Whether the step would use a place on this device. @param mirrored  a place of the mirrors' cap */
  needsPlaceOn(device: Device, mirrored: boolean): boolean;
}

/** A step in progress that waits for devices to take over missing shards. */
export interface WaitingStep {
  /** Sends missing shards to the devices that can now compute them. @returns whether the step is done waiting */
  resume(): boolean;
}

/**
 * Queues steps when enough devices are alive but too few have capacity. Queueing, instead of rescuing, keeps a busy
 * fleet from moving all its work to the data plane. The queue is first-in-first-out within a deployment and
 * round-robin between deployments. Its size is bounded by the requests in flight.
 *
 * Steps that start keep one place free on each device that the step in turn needs. Otherwise a step that needs several
 * devices at once would wait without end: each place that becomes free would go to a step that needs only one.
 */
export class StepQueue {
  readonly #queues = new Map<string, QueuedStep[]>();
  readonly #waiting = new Set<WaitingStep>();
  #starting = false;

  /** Returns how many places another step must keep free on a device, so that the step in turn can start. */
  placesKeptOn(device: Device, mirrored: boolean, other: QueuedStep): 0 | 1 {
    if (this.#queues.size === 0) return 0;
    const inTurn = this.#queues.values().next().value![0]!;
    return inTurn !== other && inTurn.needsPlaceOn(device, mirrored) ? 1 : 0;
  }

  enqueue(deployment: string, step: QueuedStep): void {
    const queue = this.#queues.get(deployment);
    if (queue) queue.push(step);
    else this.#queues.set(deployment, [step]);
  }

  /** Keeps a step that has too few devices, until it is done waiting. */
  waitForDevices(step: WaitingStep): void {
    this.#waiting.add(step);
  }

  /** Starts every step that has enough capacity now, and resumes waiting steps. Call it after each answer and each availability change. */
  startReady(): void {
    // Starting a step can call this method again.
    if ((this.#queues.size === 0 && this.#waiting.size === 0) || this.#starting) return;
    this.#starting = true;
    try {
      for (const step of [...this.#waiting]) if (step.resume()) this.#waiting.delete(step);
      let progress = true;
      while (progress) {
        progress = false;
        for (const [deployment, queue] of [...this.#queues]) {
          if (!queue[0]!.tryStart()) continue;
          progress = true;
          queue.shift();
          // Re-inserting moves the deployment to the end of the round.
          this.#queues.delete(deployment);
          if (queue.length > 0) this.#queues.set(deployment, queue);
        }
      }
    } finally {
      this.#starting = false;
    }
  }
}
