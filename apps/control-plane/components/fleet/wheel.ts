import type { FleetRow } from './fleet-view.ts';

export interface WheelPoint {
  readonly x: number;
  readonly y: number;
}

/** One device on the rim. Coordinates go from −1 to 1, with the hub at 0. */
export interface WheelNode extends WheelPoint {
  readonly row: FleetRow;
  /** The text inside the node: "1", "Σ4", "S"; empty without room. */
  readonly mark: string;
  readonly radius: number;
}

/** A line from a parity device to the missing device whose shard it recovers, bent towards the hub. */
export interface WheelCarry {
  readonly id: string;
  readonly from: WheelPoint;
  readonly to: WheelPoint;
  readonly bend: WheelPoint;
}

export interface Wheel {
  readonly nodes: readonly WheelNode[];
  readonly carries: readonly WheelCarry[];
}

/** Radius of the rim. Names are outside of it. */
const RIM = 0.78;
const LARGEST_NODE = 0.17;
/** How much a line bends: 0 passes through the hub, 1 is straight. */
const BEND = 0.45;
const SMALLEST_WITH_MARK = 0.07;
/** With more devices, names would overlap. The rows beside the wheel have them. */
export const NAMED = 12;
/** Between a node and the next one, for the name of the first. */
const NAME_ROOM = 0.15;

/** Up to this many devices, the rim shows all of them. */
const CROWD = 24;

/**
 * Returns the devices on the rim and in the list beside it. A large fleet shows only devices with a seat and devices
 * with a problem, so that they can be told apart.
 * @param homes  ids of devices that had a seat; they stay, because a row that leaves moves the rows below it
 */
export function wheelRows(
  rows: readonly FleetRow[],
  homes: Pick<ReadonlyMap<string, unknown>, 'has'> = new Map(),
): { shown: readonly FleetRow[]; others: number } {
  const seated = rows.filter(({ seat }) => seat !== null);
  if (rows.length <= CROWD || seated.length === 0) return { shown: rows, others: 0 };
  const shown = rows.filter(
    (row) => row.seat !== null || row.missing || row.device.faults.length > 0 || homes.has(row.device.id),
  );
  return { shown, others: rows.length - shown.length };
}

/** Places devices on the rim around the data plane, clockwise from the top. */
export function fleetWheel(rows: readonly FleetRow[]): Wheel {
  const radius = radiusOf(rows.length);
  const nodes = rows.map((row, index): WheelNode => {
    const angle = (index / rows.length) * 2 * Math.PI - Math.PI / 2;
    return {
      row,
      x: round(RIM * Math.cos(angle)),
      y: round(RIM * Math.sin(angle)),
      radius,
      mark: radius < SMALLEST_WITH_MARK ? '' : markOf(row),
    };
  });
  const byId = new Map(nodes.map((node) => [node.row.device.id, node]));
  const carries = nodes.flatMap((to) =>
    to.row.coveredBy.flatMap((id): WheelCarry[] => {
      const from = byId.get(id);
      if (from === undefined) return [];
      const bend = { x: ((from.x + to.x) / 2) * BEND, y: ((from.y + to.y) / 2) * BEND };
      return [{ id: `${id} ${to.row.device.id}`, from, to, bend }];
    }),
  );
  return { nodes, carries };
}

/** Returns the radius of a node: neighbors do not touch, and up to `NAMED` devices have room for their names. */
function radiusOf(devices: number): number {
  if (devices < 3) return LARGEST_NODE;
  const apart = 2 * RIM * Math.sin(Math.PI / devices);
  return Math.min(LARGEST_NODE, devices <= NAMED ? (apart - NAME_ROOM) / 2 : 0.4 * apart);
}

/** Browsers and the server may differ in the last digits; the first paint must be the same. */
function round(coordinate: number): number {
  return Math.round(coordinate * 1e4) / 1e4;
}

function markOf(row: FleetRow): string {
  const number = /\d+$/.exec(row.roleLabel)?.[0] ?? '';
  switch (row.role) {
    case 'data':
      return number || 'D';
    case 'parity':
      return `Σ${number}`;
    case 'replica':
      return `R${number}`;
    case 'standby':
      return row.missing ? '–' : 'S';
  }
}
