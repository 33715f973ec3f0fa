import type { ArrivalsView, DeviceArrivalsView, DeviceView } from '@sparewheel/protocol';
import type { CsvTable } from '../export/csv.ts';
import { barEdges } from '../latency/share-bins.ts';

/** One device's arrivals, ready to draw. */
export interface ArrivalRow {
  readonly id: string;
  readonly name: string;
  readonly role: 'data' | 'parity' | 'replica';
  /** Share of the device's own answers by bar, scaled so that the highest bar is 1. */
  readonly heights: readonly number[];
  /** Share of the answers that came after the end of the axis. */
  readonly beyondShare: number;
  readonly arrivals: DeviceArrivalsView;
  /** Requests to the device that were neither answered nor canceled. */
  readonly neverCame: number;
  /** Share of the coded layers in which the device held a data shard and answered last; null without such a layer. */
  readonly lastShare: number | null;
  /** Share of these layers whose result was ready before the device answered. */
  readonly notInShare: number | null;
}

type Straggler = ArrivalRow & { readonly lastShare: number; readonly notInShare: number };

export interface ArrivalsDrawing {
  readonly since: string;
  readonly requests: number;
  /** The time axis of all devices. */
  readonly startMs: number;
  readonly endMs: number;
  /** Whether the axis is logarithmic. */
  readonly log: boolean;
  /** Data devices, then parity, then replicas; by name. */
  readonly rows: readonly ArrivalRow[];
  /** Devices with a data shard. The one that missed most results is first. */
  readonly stragglers: readonly Straggler[];
}

const ORDER = ['data', 'parity', 'replica'] as const;

/** Returns small multiples of a deployment: when each device answered, and which devices were late. */
export function arrivalsDrawing(
  view: ArrivalsView,
  devices: readonly Pick<DeviceView, 'id' | 'name'>[],
): ArrivalsDrawing {
  const names = new Map(devices.map(({ id, name }) => [id, name]));
  const { edges, log } = barEdges(view.edges.map((from) => ({ from })));
  const rows = view.devices
    .map((arrivals) => row(arrivals, names.get(arrivals.device), view.edges.length - edges.length))
    .sort(
      (a, b) =>
        ORDER.indexOf(a.role) - ORDER.indexOf(b.role) ||
        a.name.localeCompare(b.name, 'en', { numeric: true }),
    );
  return {
    since: view.since,
    requests: view.requests,
    startMs: edges[0] ?? 0,
    endMs: edges.at(-1) ?? 1,
    log,
    rows,
    stragglers: rows
      .filter(holdsData)
      .sort((a, b) => b.notInShare - a.notInShare || b.lastShare - a.lastShare),
  };
}

/** @param skip  1 if the first bin counts the answers before the axis starts; it is not a bar */
function row(arrivals: DeviceArrivalsView, name: string | undefined, skip: number): ArrivalRow {
  const { device, roles, counts, asked, answered, calledOff, dataSteps, last, notIn } = arrivals;
  const bars = counts.slice(skip, -1);
  if (skip > 0 && bars.length > 0) bars[0]! += counts[0]!;
  const highest = Math.max(1, ...bars);
  return {
    id: device,
    name: name ?? device.slice(0, 8),
    role: ORDER.find((role) => roles.includes(role)) ?? 'data',
    heights: bars.map((count) => count / highest),
    beyondShare: answered === 0 ? 0 : (counts.at(-1) ?? 0) / answered,
    arrivals,
    neverCame: Math.max(0, asked - answered - calledOff),
    lastShare: dataSteps === 0 ? null : last / dataSteps,
    notInShare: dataSteps === 0 ? null : notIn / dataSteps,
  };
}

function holdsData(row: ArrivalRow): row is Straggler {
  return row.lastShare !== null;
}

/** Returns the outline of the bars as an SVG path in a box of 1 × 1; y grows downwards. */
export function outline(heights: readonly number[]): string {
  const width = 1 / heights.length;
  const steps = heights.map((height, at) => {
    const y = (1 - height).toFixed(4);
    return `L${(at * width).toFixed(4)} ${y}L${((at + 1) * width).toFixed(4)} ${y}`;
  });
  return `M0 1${steps.join('')}L1 1Z`;
}

/** Returns one row per device: its numbers, then its answers by bin. */
export function arrivalsTable(view: ArrivalsView, { rows }: Pick<ArrivalsDrawing, 'rows'>): CsvTable {
  return {
    columns: [
      'device',
      'role',
      'asked',
      'answered',
      'canceled',
      'never_came',
      'coded_steps_as_data',
      'last_to_answer',
      'missed_the_result',
      'p50_ms',
      'p99_ms',
      'max_ms',
      'mean_ms',
      ...view.edges.map((from) => `from_${from}_ms`),
    ],
    rows: rows.map(({ name, role, neverCame, arrivals }) => {
      const { asked, answered, calledOff, dataSteps, last, notIn, percentiles, counts } = arrivals;
      const { p50, p99, max, mean } = percentiles;
      const numbers = [asked, answered, calledOff, neverCame, dataSteps, last, notIn];
      return [name, role, ...numbers, p50, p99, max, mean, ...counts];
    }),
  };
}
