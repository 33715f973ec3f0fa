import type { Plan } from '@sparewheel/planner';
import type { DeviceView } from '@sparewheel/protocol';

/** The part of a deployment that decides which weights its devices hold. */
interface Holding {
  readonly name: string;
  readonly plan: Pick<Plan, 'seats'>;
  /** By seat: the device that was chosen for it; null for any. */
  readonly seats: readonly (string | null)[];
}

/**
 * Returns the bytes of weights that each device holds for the deployments, by device id. Counts the seats that devices
 * have now, and the chosen devices of a deployment that has no seats on devices yet.
 * @param except  a deployment that is not counted, because it is planned again
 */
export function heldWeights(
  devices: readonly Pick<DeviceView, 'id' | 'seats'>[],
  deployments: readonly Holding[],
  except: string | null,
): ReadonlyMap<string, number> {
  const held = new Map<string, number>();
  for (const { name, plan, seats } of deployments) {
    if (name === except) continue;
    const now = devices.flatMap((device) =>
      device.seats
        .filter(({ deployment }) => deployment === name)
        .map(({ seat }) => [device.id, seat] as const),
    );
    const chosen = plan.seats.map(({ seat }) => [seats[seat] ?? null, seat] as const);
    for (const [id, seat] of now.length > 0 ? now : chosen) {
      const weightsBytes = plan.seats.find((summary) => summary.seat === seat)?.weightsBytes ?? 0;
      if (id !== null) held.set(id, (held.get(id) ?? 0) + weightsBytes);
    }
  }
  return held;
}
