import type { DataPlaneLink } from '@sparewheel/data-plane-client';
import type { BuildProgress } from '@sparewheel/planner';
import type { DeviceView } from '@sparewheel/protocol';
import type { DeploymentRecord } from '../database/store.ts';

/**
 * Brings shards to devices while the next ones are being encoded: each seat of a deployment that is being prepared is
 * promised to a device, which gets every artifact of that seat as soon as it is in the blob store. The promise binds
 * nobody. The coordinator fills the seats when everything is there, and prefers the device that lacks the least.
 */
export class Preloading {
  readonly #dataPlane: DataPlaneLink;
  readonly #devices: () => readonly DeviceView[];
  /** Deployments of which something was sent ahead. */
  readonly #begun = new Set<string>();

  /** @param devices  the fleet as it was last reported */
  constructor(dataPlane: DataPlaneLink, devices: () => readonly DeviceView[]) {
    this.#dataPlane = dataPlane;
    this.#devices = devices;
  }

  /** @returns takes artifacts of the deployment as they are made */
  begin({ name, seats }: DeploymentRecord): (made: BuildProgress['made']) => void {
    const promised = promisedDevices(seats, this.#devices());
    return ({ artifact, seats: computedBy }) => {
      for (const seat of computedBy) {
        const device = promised[seat];
        if (device === undefined) continue;
        this.#begun.add(name);
        this.#call({ kind: 'preload', name, device, artifact });
      }
    };
  }

  /** Nothing comes of the deployment. */
  giveUp(name: string): void {
    if (this.#begun.delete(name)) this.#call({ kind: 'cancel-preload', name });
  }

  /** The deployment was handed over: what was sent ahead is its own. */
  done(name: string): void {
    this.#begun.delete(name);
  }

  #call(body: Parameters<DataPlaneLink['call']>[0]): void {
    // A data plane that is not there, or ends, knows nothing of it: everything is sent when it is deployed.
    if (this.#dataPlane.listening) this.#dataPlane.call(body).catch(() => {});
  }
}

/**
 * The device for each seat: the one that the plan wants there, else of those that are ready and wanted nowhere the one
 * with the fewest seats, as the coordinator chooses. No device twice; fewer where there are not enough.
 */
export function promisedDevices(
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
