import type { Tensor } from '@sparewheel/protocol';
import type { DeviceId } from '../ports.ts';

/** What one device did for one deployment. Only increases. */
export interface Tally {
  answers: number;
  /** Answers that came when they were no longer needed. */
  late: number;
  /** Shards of the device that were decoded from the answers of others. */
  recovered: number;
  /** Shards of the device that the data plane computed. */
  rescued: number;
  /** Answers that were proven wrong. */
  corrupt: number;
  /** Bytes of the elements of all tensors. */
  sentBytes: number;
  receivedBytes: number;
}

/** The tallies of one deployment, by device. They survive changes of the plan. */
export class Tallies {
  readonly #byDevice = new Map<DeviceId, Tally>();

  of(device: DeviceId): Tally {
    let tally = this.#byDevice.get(device);
    if (tally === undefined) {
      tally = { answers: 0, late: 0, recovered: 0, rescued: 0, corrupt: 0, sentBytes: 0, receivedBytes: 0 };
      this.#byDevice.set(device, tally);
    }
    return tally;
  }

  forget(device: DeviceId): void {
    this.#byDevice.delete(device);
  }

  /** Returns copies. */
  list(): { device: DeviceId; tally: Tally }[] {
    return Array.from(this.#byDevice, ([device, tally]) => ({ device, tally: { ...tally } }));
  }
}

export function bytesOfTensors(tensors: readonly Tensor[]): number {
  let bytes = 0;
  for (const { data } of tensors) bytes += data.byteLength;
  return bytes;
}
