import type { LocalCompute } from '@sparewheel/coordinator';
import type { Artifact } from '@sparewheel/planner';
import type { Tensor } from '@sparewheel/protocol';
import type { Kernel } from './synthetic-model.ts';
import type { LifeClock, VirtualClock } from './virtual-clock.ts';

/** The data plane's own engine: one thread that runs one subgraph after the other. */
export class VirtualEngine implements LocalCompute {
  #freeAt = 0;
  /** The total time of all runs so far. */
  busyMs = 0;

  constructor(
    readonly clock: VirtualClock,
    readonly life: LifeClock,
    readonly runMs: number,
    readonly kernelOf: (artifact: Artifact) => Kernel,
  ) {}

  /** How long a new run would wait. */
  get backlogMs(): number {
    return Math.max(0, this.#freeAt - this.clock.now());
  }

  run(artifact: Artifact, _names: unknown, feeds: readonly Tensor[]): Promise<readonly Tensor[]> {
    this.#freeAt = Math.max(this.#freeAt, this.clock.now()) + this.runMs;
    this.busyMs += this.runMs;
    return new Promise((resolve) => {
      this.life.schedule(this.#freeAt - this.clock.now(), () => {
        this.clock.touch();
        resolve(this.kernelOf(artifact)(feeds));
      });
    });
  }
}
