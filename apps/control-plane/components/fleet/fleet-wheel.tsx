import type { DeviceRole } from '@sparewheel/protocol';
import { memo, type RefObject, useEffect, useRef } from 'react';
import { whileVisible } from '../ui/while-visible.ts';
import type { FleetRow } from './fleet-view.ts';
import { fleetWheel, NAMED, type WheelCarry, type WheelNode } from './wheel.ts';

const ROLES: Record<DeviceRole, { fill: string; wash: string; ink: string }> = {
  data: { fill: 'var(--data)', wash: 'var(--data-wash)', ink: 'var(--data-ink)' },
  parity: { fill: 'var(--parity)', wash: 'var(--parity-wash)', ink: 'var(--parity-ink)' },
  replica: { fill: 'var(--data)', wash: 'var(--data-wash)', ink: 'var(--data-ink)' },
  standby: { fill: 'var(--idle)', wash: 'var(--idle-wash)', ink: 'var(--idle-ink)' },
};
const DEAD = { fill: 'var(--danger)', wash: 'var(--surface)', ink: 'var(--danger-ink)' };

/** The dashes on the spokes move as often as the lanes of the duel are painted, in the same frame. */
const TRAVEL_MS = 100;
const TRAVEL_STEPS = 12;
const PATTERN = 16;

/** The fleet as a wheel. Spokes carry requests; the spoke of a missing device is broken, and a parity line leads to it. */
export const FleetWheel = memo(
  DrawnWheel,
  (before, after) =>
    before.rows.length === after.rows.length &&
    before.rows.every((row, at) => looksOf(row) === looksOf(after.rows[at])),
);

/** Everything that the wheel shows of a device. */
function looksOf(row: FleetRow | undefined): string {
  if (row === undefined) return '';
  const { device, role, missing, cover, coveredBy } = row;
  return [device.id, device.name, role, row.roleLabel, missing, cover, coveredBy, device.inFlight > 0].join(
    '|',
  );
}

function DrawnWheel({ rows }: { rows: readonly FleetRow[] }) {
  const { nodes, carries } = fleetWheel(rows);
  const svg = useTravel(carries.length > 0 || nodes.some(({ row }) => isBusy(row)));
  return (
    <div className="mx-auto w-full max-w-84 self-start p-2 @min-[24rem]:max-w-44 @min-[36rem]:max-w-72 @min-[49rem]:max-w-84 @min-[49rem]:sticky @min-[49rem]:top-16">
      <svg
        ref={svg}
        viewBox="-1.14 -1.14 2.28 2.28"
        role="img"
        aria-label={describe(rows)}
        className="w-full"
      >
        <circle r="0.78" fill="none" stroke="var(--line)" strokeWidth="0.012" />
        {nodes.map((node) => (
          <Spoke key={node.row.device.id} node={node} />
        ))}
        {carries.map((carry) => (
          <Carry key={carry.id} carry={carry} />
        ))}
        <circle r="0.2" fill="var(--ink)" />
        <text textAnchor="middle" y="-0.01" fontSize="0.092" fontWeight="600" fill="var(--surface)">
          data
        </text>
        <text textAnchor="middle" y="0.09" fontSize="0.092" fontWeight="600" fill="var(--surface)">
          plane
        </text>
        {nodes.map((node) => (
          <Node
            key={node.row.device.id}
            node={node}
            longest={nodes.length > NAMED ? 0 : nodes.length > ROOMY ? LONGEST_BESIDE : LONGEST_NAME}
          />
        ))}
      </svg>
    </div>
  );
}

/** Whether requests travel to the device. */
function isBusy({ missing, device }: FleetRow): boolean {
  return !missing && device.inFlight > 0;
}

/** Moves the dashes of the spokes. @returns goes to the wheel */
function useTravel(moving: boolean): RefObject<SVGSVGElement | null> {
  const svg = useRef<SVGSVGElement>(null);
  useEffect(() => {
    const wheel = svg.current;
    if (!moving || wheel === null) return;
    let step = 0;
    return whileVisible(wheel, TRAVEL_MS, () => {
      step = (step + 1) % TRAVEL_STEPS;
      wheel.style.setProperty('--travel', `${(-step * PATTERN) / TRAVEL_STEPS}`);
    });
  }, [moving]);
  return svg;
}

function Spoke({ node: { row, x, y } }: { node: WheelNode }) {
  const idle = row.role === 'standby';
  const color = row.missing ? 'var(--danger)' : ROLES[row.role].fill;
  const busy = isBusy(row);
  return (
    <g stroke={color} strokeLinecap="round">
      <line
        x2={x}
        y2={y}
        strokeWidth={idle ? 0.008 : 0.018}
        strokeDasharray={row.missing ? '0.03 0.05' : undefined}
        opacity={idle ? 0.5 : row.missing ? 0.7 : 0.35}
      />
      {busy && (
        // At this scale the dash pattern has a length of 16.
        <g transform="scale(0.01)">
          <line className="travel" x2={x * 100} y2={y * 100} strokeWidth="2.2" strokeDasharray="3 13" />
        </g>
      )}
    </g>
  );
}

function Carry({ carry: { from, to, bend } }: { carry: WheelCarry }) {
  const path = `M${from.x * 100} ${from.y * 100} Q${bend.x * 100} ${bend.y * 100} ${to.x * 100} ${to.y * 100}`;
  return (
    <g transform="scale(0.01)" fill="none" stroke="var(--parity)" strokeLinecap="round">
      <path d={path} strokeWidth="5" opacity="0.25" />
      <path d={path} strokeWidth="2.4" strokeDasharray="6 10" className="travel" />
    </g>
  );
}

/** @param longest  of the shown name; 0 without a name */
function Node({ node: { row, x, y, radius, mark }, longest }: { node: WheelNode; longest: number }) {
  const { fill, wash, ink } = row.missing ? DEAD : ROLES[row.role];
  const below = y > -0.05;
  return (
    <g>
      <circle cx={x} cy={y} r={radius} fill="var(--surface)" />
      <circle
        cx={x}
        cy={y}
        r={radius}
        fill={wash}
        stroke={fill}
        strokeWidth={row.role === 'standby' ? 0.014 : 0.022}
        strokeDasharray={row.missing ? '0.045 0.035' : undefined}
      />
      {mark !== '' && (
        <text
          x={x}
          y={y + 0.05}
          textAnchor="middle"
          fontSize={mark.length > 2 ? 0.115 : 0.145}
          fontWeight="650"
          fill={ink}
        >
          {mark}
        </text>
      )}
      {longest > 0 && (
        <text
          x={x}
          y={below ? y + radius + 0.11 : y - radius - 0.05}
          textAnchor="middle"
          fontSize="0.09"
          // In a small wheel, names would be too small to read. The rows below have them.
          className="@min-[24rem]:@max-[36rem]:hidden"
          fill={row.missing ? 'var(--danger-ink)' : 'var(--ink-soft)'}
        >
          {shortened(row.device.name, longest)}
        </text>
      )}
    </g>
  );
}

/** A longer name would overlap its neighbors. With more devices than `ROOMY`, they are closer. */
const LONGEST_NAME = 14;
const LONGEST_BESIDE = 8;
const ROOMY = 8;

function shortened(name: string, longest: number): string {
  return name.length <= longest ? name : `${name.slice(0, longest - 1)}…`;
}

/** Describes the wheel for screen readers. */
function describe(rows: readonly FleetRow[]): string {
  const covered = rows.filter((row) => row.cover !== null).map((row) => `${row.device.name} ${row.cover}`);
  return `The data plane and ${rows.length} devices around it. ${covered.join('; ')}`.trim();
}
