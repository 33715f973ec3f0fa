import type { FleetRow } from './fleet-view.ts';

export interface WheelPoint {
  readonly x: number;
  readonly y: number;
}

/** One device on the rim. Coordinates on a square of −1 to 1, the hub at 0. */
export interface WheelNode extends WheelPoint {
  readonly row: FleetRow;
  /** Drawn inside the node: "1", "P", "S"; empty where there is no room. */
  readonly mark: string;
  readonly radius: number;
}

/** The parity carries a missing device's share: a line from one to the other, bent towards the hub. */
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

/** Where the rim runs; outside it there is room for names. */
const RIM = 0.78;
const LARGEST_NODE = 0.17;
/** The curve of a carried share passes this near the hub. */
const BEND = 0.45;
const SMALLEST_WITH_MARK = 0.07;

/** Up to so many devices all stand on the rim. */
const CROWD = 24;

/**
 * Who stands on the rim, and in the list beside it. Of a large fleet those that have a seat, so that they can be told
 * apart, and those that need somebody to look at them.
 */
export function wheelRows(rows: readonly FleetRow[]): { shown: readonly FleetRow[]; others: number } {
  const seated = rows.filter(({ seat }) => seat !== null);
  if (rows.length <= CROWD || seated.length === 0) return { shown: rows, others: 0 };
  const shown = rows.filter((row) => row.seat !== null || row.missing || row.device.faults.length > 0);
  return { shown, others: rows.length - shown.length };
}

/** The fleet as a wheel: the data plane is the hub, devices stand on the rim, the first at the top, clockwise. */
export function fleetWheel(rows: readonly FleetRow[]): Wheel {
  const radius = Math.min(LARGEST_NODE, (Math.PI * RIM * 0.8) / Math.max(1, rows.length));
  const nodes = rows.map((row, index): WheelNode => {
    const angle = (index / rows.length) * 2 * Math.PI - Math.PI / 2;
    return {
      row,
      x: RIM * Math.cos(angle),
      y: RIM * Math.sin(angle),
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
      return 'S';
  }
}
