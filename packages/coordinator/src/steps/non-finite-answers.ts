import type { Tensor } from '@sparewheel/protocol';
import type { Device } from '../devices/device.ts';
import type { Fleet } from '../devices/fleet.ts';

/**
 * The devices that answered one step with NaN or infinity. They get a strike only if the step's true output is finite:
 * otherwise they are right.
 */
export class NonFiniteAnswers {
  readonly #fleet: Fleet;
  #answers: { readonly device: Device; readonly shard: number; readonly problem: string }[] = [];

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  add(device: Device, shard: number, problem: string): void {
    this.#answers.push({ device, shard, problem });
  }

  /** Whether several devices agree that the output is not finite. */
  get fromSeveralDevices(): boolean {
    return new Set(this.#answers.map(({ device }) => device)).size > 1;
  }

  /**
   * Compares the answers so far with a reference.
   * @param compute  returns the shard's true output; null if it is not finite
   */
  compare(compute: (shard: number) => Promise<readonly Tensor[] | null>): void {
    const answers = this.#answers;
    this.#answers = [];
    for (const { device, shard, problem } of answers) {
      compute(shard).then(
        (tensors) => {
          if (tensors !== null) this.#fleet.strike(device, problem);
        },
        // Without a reference, the shard waits for other devices.
        () => {},
      );
    }
  }

  /** Judges the answers by the step's outputs, the concatenation of `shards` shards. */
  judge(outputs: readonly Tensor[], shards: number): void {
    if (this.#answers.length === 0 || !isFarFromOverflow(outputs, shards)) return;
    for (const { device, problem } of this.#answers) this.#fleet.strike(device, problem);
  }
}

/** Returns whether all values are so small that no sum of shards can have overflowed float32. */
function isFarFromOverflow(outputs: readonly Tensor[], shards: number): boolean {
  const bound = 1e37 / shards;
  return outputs.every(
    ({ type, data }) =>
      type !== 'float32' || (data as Float32Array).every((value) => Math.abs(value) < bound),
  );
}
