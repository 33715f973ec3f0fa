import type { Fleet } from '../devices/fleet.ts';
import type { CoordinatorEvent } from '../events.ts';
import type { CoordinatorOptions } from '../options.ts';
import type { Clock, DeviceId, Installer } from '../ports.ts';

/** What a placement needs of its coordinator. */
export interface PlacementContext {
  readonly clock: Clock;
  readonly options: CoordinatorOptions;
  readonly fleet: Fleet;
  readonly installer: Installer;
  readonly emit: (event: CoordinatorEvent) => void;
  /** The assignment that a restarted data plane is to be told: that of the plan which was deployed last. */
  seatsToStore(): readonly (DeviceId | null)[];
  /** A seat became ready or was lost, or it is known that none of the others will. */
  placementChanged(): void;
}
