import type { DataPlaneLink } from '@sparewheel/data-plane-client';
import type { BuildProgress } from '@sparewheel/planner';
import type { DeviceView } from '@sparewheel/protocol';
import type { DeploymentRecord } from '../database/store.ts';

/**
 * Sends shards to devices while the next ones are encoded. Each seat of a deployment in preparation gets an expected
 * device, which receives every artifact of the seat as soon as it is in the blob store. The coordinator later assigns
 * the seats, and prefers the device with the fewest missing artifacts.
 */
export class Preloading {
  readonly #dataPlane: DataPlaneLink;
  readonly #devices: () => readonly DeviceView[];
  /** Deployments of which artifacts were sent. */
  readonly #begun = new Set<string>();
  readonly #expected = new Map<string, readonly (string | undefined)[]>();

  /** @param devices  returns the fleet as last reported */
  constructor(dataPlane: DataPlaneLink, devices: () => readonly DeviceView[]) {
    this.#dataPlane = dataPlane;
    this.#devices = devices;
  }

  /** @returns a function that receives each artifact of the deployment when it is created */
  begin({ name, seats }: DeploymentRecord): (made: BuildProgress['made']) => void {
    const expected = expectedDevices(seats, this.#devices());
    this.#expected.set(name, expected);
    return ({ artifact, seats: computedBy }) => {
      for (const seat of computedBy) {
        const device = expected[seat];
        if (device === undefined) continue;
        this.#begun.add(name);
        this.#call({ kind: 'preload', name, device, artifact });
      }
    };
  }

  /** Returns the expected devices of a deployment in preparation, by seat; empty for another deployment. */
  expected(name: string): readonly (string | undefined)[] {
    return this.#expected.get(name) ?? [];
  }

  /** Abandons the transfers of a deployment that will not start. */
  cancel(name: string): void {
    this.#expected.delete(name);
    if (this.#begun.delete(name)) this.#call({ kind: 'cancel-preload', name });
  }

  /** Ends the preloading of a deployment that is prepared. */
  done(name: string): void {
    this.#expected.delete(name);
    this.#begun.delete(name);
  }

  #call(body: Parameters<DataPlaneLink['call']>[0]): void {
    // Failures are harmless: missing artifacts are sent when the deployment starts.
    if (this.#dataPlane.listening) this.#dataPlane.call(body).catch(() => {});
  }
}

/**
 * Returns the expected device of each seat: the plan's device if it is ready, otherwise the free device with the fewest
 * seats, as the coordinator chooses. No device has two seats. Seats without a device are undefined.
 */
export function expectedDevices(
  seats: readonly (string | null)[],
  fleet: readonly Pick<DeviceView, 'id' | 'state' | 'seats'>[],
): readonly (string | undefined)[] {
  const ready = fleet.filter(({ state }) => state === 'ready');
  const free = ready
    .filter(({ id }) => !seats.includes(id))
    .sort((a, b) => a.seats.length - b.seats.length || (a.id < b.id ? -1 : 1));
  return seats.map((wanted) =>
    wanted === null ? free.shift()?.id : ready.find(({ id }) => id === wanted)?.id,
  );
}
