import { compareRows, type FleetRow } from './fleet-view.ts';

/** Where the rows of the fleet are on the page. */
export interface FleetPlaces {
  readonly deployment: string | null;
  /** The first seat that a device had while the page showed the deployment, by device id. */
  readonly homes: ReadonlyMap<string, number>;
  /** Device ids from top to bottom. */
  readonly order: readonly string[];
}

export const NO_PLACES: FleetPlaces = { deployment: null, homes: new Map(), order: [] };

/**
 * Returns the places of the rows. A device keeps the place of its first seat after another device has taken the seat
 * over, so no row moves after a kill. Devices that never had a seat of their own follow by name.
 * @param held  the pointer or the focus is in the list: no row may move, and new rows come last
 * @returns `before` if nothing changed
 */
export function nextPlaces(
  before: FleetPlaces,
  rows: readonly FleetRow[],
  deployment: string | null,
  held: boolean,
): FleetPlaces {
  const same = before.deployment === deployment;
  const homes = homesOf(same ? before.homes : new Map(), rows);
  const sorted = [...rows]
    .sort((a, b) => compareRows(a, b, homes.get(a.device.id), homes.get(b.device.id)))
    .map(({ device }) => device.id);
  const order = held && same ? keptOrder(before.order, sorted) : sorted;
  const unchanged =
    same &&
    order.length === before.order.length &&
    order.every((id, at) => id === before.order[at]) &&
    homes.size === before.homes.size &&
    [...homes].every(([id, seat]) => before.homes.get(id) === seat);
  return unchanged ? before : { deployment, homes, order };
}

/** Returns the rows in the order of their places. */
export function placed(rows: readonly FleetRow[], { order }: FleetPlaces): FleetRow[] {
  const byId = new Map(rows.map((row) => [row.device.id, row]));
  return order.flatMap((id) => byId.get(id) ?? []);
}

function homesOf(before: ReadonlyMap<string, number>, rows: readonly FleetRow[]): Map<string, number> {
  const homes = new Map<string, number>();
  for (const { device } of rows) {
    const home = before.get(device.id);
    if (home !== undefined) homes.set(device.id, home);
  }
  const taken = new Set(homes.values());
  for (const { device, seat } of rows) {
    if (seat !== null && !homes.has(device.id) && !taken.has(seat.seat)) homes.set(device.id, seat.seat);
  }
  return homes;
}

function keptOrder(before: readonly string[], sorted: readonly string[]): string[] {
  const present = new Set(sorted);
  const known = new Set(before);
  return [...before.filter((id) => present.has(id)), ...sorted.filter((id) => !known.has(id))];
}
